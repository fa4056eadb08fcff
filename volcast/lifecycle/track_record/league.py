"""The league of models over time: what each model's forecasts were worth, day by day, and who led.

It is made of live forecasts alone, from the tables `outcomes` and `signals` of an archive. All models are judged on the same
outcomes: the ratio of a model's QLIKE to the leader's is over those that both have. A day is that on which the outcomes came due.
"""

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from volcast.lifecycle.archive.read import Archive

if TYPE_CHECKING:
    import polars as pl

_DIGITS = 10
"""The last digits of a mean depend on the order in which threads add; without them the same archive gives the same file."""
_KEYS = ("symbol", "open_time", "horizon_minutes")


class LeagueRow(Struct, frozen=True):
    """A model on a day, over one horizon."""

    day: str
    """As in 2026-11-05; empty for all days together."""
    model: str
    horizon_minutes: int
    outcomes: int
    """Forecasts that came due."""
    mean_qlike: float
    ratio: float | None
    """Its mean QLIKE by that of whoever led, over the outcomes that both have: below 1 it was better. None without such."""
    coverage: float | None
    """The share of outcomes within its interval."""
    led: float
    """The share of the day's signals that it made as the leader."""


class LeagueChange(Struct, frozen=True):
    """Another model leads from a candle on, as the signals of a symbol say."""

    symbol: str
    open_time_ms: int
    """The first candle whose signal the model has made."""
    model: str
    before: str


class LeaguePromotion(Struct, frozen=True):
    """A promotion, as its marker on `candles` says."""

    id: str
    model: str
    from_ms: int
    """The named candle."""
    symbols: tuple[str, ...] = ()
    """Empty for all."""


class League(Struct, frozen=True):
    """The league of some days."""

    from_day: str
    to_day: str
    """The first and the last day with outcomes or signals; empty without any."""
    horizon_minutes: int | None
    """The horizon over which the challengers forecast; None without outcomes."""
    models: tuple[str, ...]
    """The best first, by ratio over all days; those without one last."""
    rows: tuple[LeagueRow, ...]
    """By day, and within a day the best first; of all horizons."""
    totals: tuple[LeagueRow, ...]
    """Over all days."""
    promotions: tuple[LeaguePromotion, ...]
    changes: tuple[LeagueChange, ...]
    commit: int
    """The archive's last commit that is in it."""
    head: str
    """The hash of that commit."""


def league(archive: Archive, from_day: str | None = None, to_day: str | None = None) -> League:
    """Return the league of the days from `from_day` to `to_day`, both included. Raises StoreError."""
    import polars as pl  # noqa: PLC0415  # slow to import

    signals = archive.scan("signals", None, from_day, to_day).filter(pl.col("kind") == "signal")
    outcomes = archive.scan("outcomes", None, from_day, to_day).select(*_KEYS, "role", "model", "qlike", "covered")
    outcomes = outcomes.with_columns(day=pl.col("open_time").dt.to_string("%Y-%m-%d"))
    led = signals.select(day=pl.col("open_time").dt.to_string("%Y-%m-%d"), model="model")
    paired = _with_leader(outcomes)
    rows = _scored(paired, led, ["day"])
    totals = _scored(paired.with_columns(day=pl.lit("")), led.with_columns(day=pl.lit("")), ["day"])
    horizon = _horizon(totals)
    days = sorted({row.day for row in rows} | set(led.select("day").unique().collect()["day"].to_list()))
    order = [row.model for row in totals if row.horizon_minutes == horizon]
    return League(
        days[0] if days else "",
        days[-1] if days else "",
        horizon,
        tuple(dict.fromkeys([*order, *(row.model for row in totals)])),
        rows,
        totals,
        _promotions(archive, from_day, to_day),
        _changes(signals),
        archive.state.number,
        archive.state.sha256,
    )


def league_json(found: League) -> bytes:
    """Return the league as a JSON file."""
    return msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n"


def _with_leader(outcomes: "pl.LazyFrame") -> "pl.LazyFrame":
    """Return the outcomes with the loss of whoever led, where the same outcome has one."""
    import polars as pl  # noqa: PLC0415  # slow to import

    leader = outcomes.filter(pl.col("role") == "leader").select(*_KEYS, leader_qlike="qlike").unique(_KEYS, keep="first")
    return outcomes.join(leader, on=list(_KEYS), how="left", maintain_order="left")


def _scored(paired: "pl.LazyFrame", led: "pl.LazyFrame", by: list[str]) -> tuple[LeagueRow, ...]:
    import polars as pl  # noqa: PLC0415  # slow to import

    both = pl.col("leader_qlike").is_not_null()
    scores = paired.group_by(*by, "model", "horizon_minutes", maintain_order=True).agg(
        outcomes=pl.len(),
        mean_qlike=pl.col("qlike").mean(),
        own=pl.col("qlike").filter(both).mean(),
        leader=pl.col("leader_qlike").mean(),
        coverage=pl.col("covered").mean(),
    )
    shares = led.group_by(*by, "model").agg(made=pl.len()).with_columns(led=pl.col("made") / pl.col("made").sum().over(by))
    ratio = pl.when(pl.col("leader") > 0).then(pl.col("own") / pl.col("leader"))
    frame = (
        scores.join(shares, on=[*by, "model"], how="left")
        .with_columns(ratio=ratio, led=pl.col("led").fill_null(0.0))
        .with_columns(pl.col("mean_qlike", "ratio", "coverage", "led").round_sig_figs(_DIGITS))
        .sort(*by, "horizon_minutes", "ratio", "model", nulls_last=True)
        .select(LeagueRow.__struct_fields__)
    )
    return tuple(LeagueRow(*row) for row in frame.collect().iter_rows())


def _horizon(totals: tuple[LeagueRow, ...]) -> int | None:
    """Return the horizon over which most models forecast, the shortest of several."""
    models: dict[int, int] = {}
    for row in totals:
        models[row.horizon_minutes] = models.get(row.horizon_minutes, 0) + 1
    return min(models, key=lambda horizon: (-models[horizon], horizon)) if models else None


def _changes(signals: "pl.LazyFrame") -> tuple[LeagueChange, ...]:
    import polars as pl  # noqa: PLC0415  # slow to import

    frame = (
        signals.select("symbol", "open_time", "partition", "offset", "model")
        .sort("symbol", "partition", "offset")
        .with_columns(before=pl.col("model").shift(1).over("symbol"))
        .filter(pl.col("before") != pl.col("model"))
        .sort("open_time", "symbol")
        .select("symbol", pl.col("open_time").dt.timestamp("ms"), "model", "before")
    )
    return tuple(LeagueChange(*row) for row in frame.collect().iter_rows())


def _promotions(archive: Archive, from_day: str | None, to_day: str | None) -> tuple[LeaguePromotion, ...]:
    """Return each promotion once, though there is a marker in each partition. Their rows have no symbol."""
    import polars as pl  # noqa: PLC0415  # slow to import

    markers = archive.scan("candles", {None}, from_day, to_day).filter(pl.col("kind") == "promotion").select("record")
    found = {}
    for record in markers.collect()["record"]:
        promotion = msgspec.json.decode(record, type=LeaguePromotion)
        found[promotion.id] = promotion
    return tuple(sorted(found.values(), key=lambda each: (each.from_ms, each.id)))
