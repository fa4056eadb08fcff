"""What the gate knows of a day of candles, its thresholds, and the one function that judges. Pure.

The data interval is a whole day, and freshness is judged by its end, not by a clock: the same data get the same verdict whenever
the gate runs.
"""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import asdict

from volcast.lifecycle.wording import with_noun

_ROUNDING = 12
_TOLD = 3
"""How many failed checks the summary names; the report has all."""


class GateThresholds(Struct, frozen=True, kw_only=True):
    """What is still good enough. Shares are from 0 to 1. The defaults of shape and ratio let 99 % of real days pass."""

    max_null_share: float = 0.01
    """Missing values of any column, and rows that were refused, of all rows of a symbol."""
    max_out_of_range_share: float = 0.0
    """Rows with a price that is not above 0, a high below another price, a low above one, or a negative volume."""
    max_missing_share: float = 0.05
    """Minutes of the interval without a candle."""
    max_gap_minutes: int = 120
    """The longest run of minutes without a candle."""
    max_duplicate_share: float = 0.01
    """Rows that repeat another one."""
    max_conflicts: int = 0
    """Minutes that have two candles which differ."""
    max_stale_minutes: int = 15
    """How long before the end of the interval the last candle may end."""
    max_minute_ratio: float = 2.0
    """Between the highest and the lowest price of a minute, the close before included: a bad print is beyond it."""
    max_level_ratio: float = 3.0
    """Between the median close of the day and the last close before it, whichever is larger: another unit, or another market."""
    max_frozen_share: float = 0.98
    """Minutes without any move: high, low and close are the close of the minute before."""
    max_frozen_minutes: int = 360
    """The longest run of them."""
    max_shape_psi: float = 3.0
    """Population stability index of a quantity, in units of its median, against the trailing month."""
    max_median_ratio: float = 10.0
    """Between the median of a quantity and that of the trailing month, whichever is larger."""
    min_reference_minutes: int = 7 * 1_440
    """With fewer candles before the interval, distributions are not judged."""


def thresholds_of(changes: Mapping[str, float]) -> GateThresholds:
    """Return the default thresholds with changes, by name. Raises ValueError for a name that is none."""
    usual = asdict(GateThresholds())
    if strange := sorted(set(changes) - set(usual)):
        raise ValueError(f"{strange[0]} is no threshold")
    return GateThresholds(**usual | {name: type(usual[name])(value) for name, value in changes.items()})


class ShiftFacts(Struct, frozen=True):
    """How one quantity of a day compares with the trailing month."""

    quantity: str
    psi: float | None
    """Of the quantity in units of its median; None where it is not defined."""
    median_ratio: float | None
    """The day's median divided by the month's; None if the month's is 0, or there are no values."""
    shares: tuple[float, ...]
    """Of the day's values in each tenth of the month's, both in units of their medians; equal bounds make one of two tenths."""
    month_shares: tuple[float, ...] = ()
    """Of the month's own values: a tenth each, but where bounds are equal."""


class SymbolFacts(Struct, frozen=True, kw_only=True):
    """What was counted of one symbol."""

    symbol: str
    rows: int
    """Rows of the interval, duplicates included."""
    expected_minutes: int
    null_shares: dict[str, float]
    """By column; `refused` is the share of rows that the pipeline has refused."""
    out_of_range: int
    duplicates: int
    conflicts: int
    missing_minutes: int
    longest_gap_minutes: int
    stale_minutes: float | None
    """From the end of the last candle to the end of the interval; None without a candle."""
    reference_minutes: int
    """Candles of the trailing month."""
    minute_ratio: float | None = None
    """The highest price of a minute divided by its lowest, where this is largest; the close of the minute before counts, too."""
    frozen_minutes: int = 0
    """Minutes whose high, low and close are the close of the candle before."""
    longest_frozen_minutes: int = 0
    level_ratio: float | None = None
    """The median close of the day divided by the last close before it; None if either is missing."""
    shifts: tuple[ShiftFacts, ...] = ()


class GateFacts(Struct, frozen=True, kw_only=True):
    """What was counted of a data interval. Times are milliseconds since 1970-01-01 UTC."""

    interval: str
    from_ms: int
    to_ms: int
    symbols: tuple[SymbolFacts, ...]
    schema_failures: tuple[str, ...] = ()
    """Sentences of what has the wrong type or is missing as a whole."""
    data_hash: str = ""
    """SHA-256 of the candles of the interval."""


class GateCheck(Struct, frozen=True):
    """One check of one symbol, or of all."""

    name: str
    symbol: str
    value: float | None
    threshold: float | None
    passed: bool
    sentence: str


class GateVerdict(Struct, frozen=True):
    """The result of the gate."""

    passed: bool
    interval: str
    summary: str
    checks: tuple[GateCheck, ...]

    @property
    def failures(self) -> list[str]:
        """The sentences of the checks that failed."""
        return [check.sentence for check in self.checks if not check.passed]


def judge_data(facts: GateFacts, thresholds: GateThresholds, expected: Sequence[str] = ()) -> GateVerdict:
    """Return the verdict. Symbols that are `expected` and have no row fail."""
    checks = list(_checks(facts, thresholds, expected))
    failed = [check for check in checks if not check.passed]
    about = f"{with_noun(len(facts.symbols), 'symbol')} of {facts.interval}"
    summary = f"The data of {about} passed all {with_noun(len(checks), 'check')}."
    unjudged = sorted(check.symbol for check in checks if check.name == "distribution")
    if unjudged:
        summary += f" Too few candles before the day to judge the distributions of {', '.join(unjudged)}."
    if failed:
        told = " ".join(check.sentence for check in failed[:_TOLD])
        rest = f" And {len(failed) - _TOLD} more." if len(failed) > _TOLD else ""
        summary = f"The data of {about} failed {len(failed)} of {with_noun(len(checks), 'check')}: {told}{rest}"
    return GateVerdict(not failed, facts.interval, summary, tuple(checks))


def _checks(facts: GateFacts, thresholds: GateThresholds, expected: Sequence[str]) -> Iterator[GateCheck]:
    sentence = "; ".join(facts.schema_failures) or "All columns are there, with their types."
    yield GateCheck("schema", "", None, None, not facts.schema_failures, sentence)
    found = {each.symbol for each in facts.symbols if each.rows}
    lacking = sorted(set(expected) - found)
    named = (
        f"There are no candles of {', '.join(lacking)}."
        if lacking
        else f"There are candles of {with_noun(len(found), 'symbol')}."
    )
    yield GateCheck("symbols", "", len(found), len(set(expected)) or None, bool(found) and not lacking, named)
    for each in facts.symbols:
        yield from _of_symbol(each, thresholds)


def _of_symbol(facts: SymbolFacts, limits: GateThresholds) -> Iterator[GateCheck]:
    symbol, rows = facts.symbol, max(facts.rows, 1)

    def check(name: str, value: float, limit: float, sentence: str) -> GateCheck:
        passed = round(value, _ROUNDING) <= round(limit, _ROUNDING)
        return GateCheck(name, symbol, value, limit, passed, f"{symbol}: {sentence}")

    for column, share in sorted(facts.null_shares.items()):
        what = "rows were refused" if column == "refused" else f"values of {column} are missing"
        text = f"{share:.2%} of the {what}; at most {limits.max_null_share:.2%} is allowed."
        yield check(f"nulls.{column}", share, limits.max_null_share, text)
    share = facts.out_of_range / rows
    yield check(
        "ranges",
        share,
        limits.max_out_of_range_share,
        f"{with_noun(facts.out_of_range, 'row')} with an impossible price, volume or time.",
    )
    share = facts.missing_minutes / facts.expected_minutes
    limit = f"{limits.max_missing_share:.0%}"
    text = (
        f"{facts.missing_minutes} of {with_noun(facts.expected_minutes, 'minute')} without a candle; at most {limit} is allowed."
    )
    yield check("gaps", share, limits.max_missing_share, text)
    gap = facts.longest_gap_minutes
    text = f"the longest gap has {with_noun(gap, 'minute')}; at most {limits.max_gap_minutes} are allowed."
    yield check("longest_gap", gap, limits.max_gap_minutes, text)
    text = f"{with_noun(facts.duplicates, 'repeated row')}; at most {limits.max_duplicate_share:.0%} is allowed."
    yield check("duplicates", facts.duplicates / rows, limits.max_duplicate_share, text)
    yield check(
        "conflicts", facts.conflicts, limits.max_conflicts, f"{with_noun(facts.conflicts, 'minute')} with candles that differ."
    )
    yield from _frozen(facts, limits)
    if facts.minute_ratio is not None:
        text = f"the largest move of a minute is {facts.minute_ratio:.4g} times; at most {limits.max_minute_ratio:g} is allowed."
        yield check("move", facts.minute_ratio, limits.max_minute_ratio, text)
    if facts.level_ratio is not None:
        text = (
            f"the median close is {facts.level_ratio:.4g} times the last close before the day; {_around(limits.max_level_ratio)}."
        )
        yield check("level", max(facts.level_ratio, 1.0 / facts.level_ratio), limits.max_level_ratio, text)
    yield _freshness(facts, limits)
    yield from _shifts(facts, limits)


def _frozen(facts: SymbolFacts, limits: GateThresholds) -> Iterator[GateCheck]:
    share, longest, symbol = facts.frozen_minutes / max(facts.rows, 1), facts.longest_frozen_minutes, facts.symbol
    text = f"{symbol}: {share:.2%} of the minutes are frozen, without any move; at most {limits.max_frozen_share:.2%} is allowed."
    yield GateCheck("frozen", symbol, share, limits.max_frozen_share, share <= limits.max_frozen_share, text)
    most = limits.max_frozen_minutes
    text = f"{symbol}: the price stands still for {with_noun(longest, 'minute')} at most; up to {most} are allowed."
    yield GateCheck("longest_freeze", symbol, longest, most, longest <= most, text)


def _around(limit: float) -> str:
    return f"from {1.0 / limit:.3g} to {limit:g} is allowed"


def _freshness(facts: SymbolFacts, limits: GateThresholds) -> GateCheck:
    stale, limit = facts.stale_minutes, limits.max_stale_minutes
    if stale is None:
        return GateCheck("freshness", facts.symbol, None, limit, passed=False, sentence=f"{facts.symbol}: there is no candle.")
    when = (
        "at the end of the interval"
        if stale <= 0
        else f"{stale:g} minute{'s' if stale != 1.0 else ''} before the end of the interval"
    )
    sentence = f"{facts.symbol}: the last candle ends {when}; at most {limit} minutes are allowed."
    return GateCheck("freshness", facts.symbol, stale, limit, stale <= limit, sentence)


def _shifts(facts: SymbolFacts, limits: GateThresholds) -> Iterator[GateCheck]:
    symbol = facts.symbol
    if facts.reference_minutes < limits.min_reference_minutes:
        few = f"{with_noun(facts.reference_minutes, 'candle')} of the month before, {limits.min_reference_minutes} are needed"
        sentence = f"{symbol}: distributions are not judged: there are {few}."
        yield GateCheck(
            "distribution", symbol, facts.reference_minutes, limits.min_reference_minutes, passed=True, sentence=sentence
        )
        return
    for each in facts.shifts:
        ratio, limit = each.median_ratio, limits.max_median_ratio
        if ratio is None:
            sentence = f"{symbol}: the {each.quantity} is not judged: it is 0 or unknown in most minutes of the month before."
            yield GateCheck(f"median.{each.quantity}", symbol, None, limit, passed=True, sentence=sentence)
            continue
        if ratio <= 0.0:
            sentence = f"{symbol}: the {each.quantity} is 0 or unknown in most minutes, and was not in the month before."
            yield GateCheck(f"median.{each.quantity}", symbol, ratio, limit, passed=False, sentence=sentence)
            continue
        sentence = f"{symbol}: the median {each.quantity} is {ratio:.3g} times that of the month before; {_around(limit)}."
        passed = max(ratio, 1.0 / ratio) <= limit
        yield GateCheck(f"median.{each.quantity}", symbol, ratio, limit, passed, sentence)
        psi = each.psi if each.psi is not None else float("inf")
        about = f"the shape of {each.quantity} is {psi:.2f}; at most {limits.max_shape_psi:g} is allowed."
        sentence = f"{symbol}: the stability index of {about}"
        yield GateCheck(f"shape.{each.quantity}", symbol, each.psi, limits.max_shape_psi, psi <= limits.max_shape_psi, sentence)
