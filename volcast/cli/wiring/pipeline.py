"""Build logs, workers, replays and engine settings from the settings: the only place where a setting meets a constructor."""

from collections.abc import Iterable
from pathlib import Path
from random import Random
from time import time
from typing import TYPE_CHECKING, Literal

import click

from volcast.candle_files.contract import NO_OPTIONS, FileOptions
from volcast.cli.main import UserError
from volcast.cli.streams import tell
from volcast.cli.tables import counted
from volcast.log.contract import Log
from volcast.log.retention import Retention
from volcast.settings.schema import Settings
from volcast.settings.sources import Loaded
from volcast.settings.values import parse_bus

from .allocator import collect_garbage_rarely, use_one_heap
from .standard_input import stored

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from consumer.rules import Rules
    from consumer.worker import Worker
    from producer.csv_replay import CsvReplay
    from volcast.core.drift.thresholds import Thresholds
    from volcast.core.forecast.prior import Prior
    from volcast.core.types import EngineConfig
    from volcast.log.kafka.access.security import KafkaSecurity

LOG_SETTINGS = (
    "bus",
    "topic_prefix",
    "partitions",
    "group",
    "instance_id",
    "session_timeout_s",
    "retention_hours",
    "retention_bytes",
    "kafka_username",
    "kafka_password",
    "kafka_password_file",
    "kafka_sasl_mechanism",
    "kafka_tls",
    "kafka_ca_file",
    "kafka_client_cert_file",
    "kafka_client_key_file",
    "sqlite_synchronous",
    "poll_s",
)
FORECAST_SETTINGS = ("horizons", "interval_level", "quantile_levels", "model", "shadows", "prior", "drift_thresholds")
ENGINE_SETTINGS = ("window", "warmup", "rate_window", *FORECAST_SETTINGS, "price_decimals", "price_decimals_by_symbol")


def create_log(settings: Settings, *, must_exist: bool = False) -> Log:
    """Return the log that `bus` names, not yet entered. Raises UserError if `bus` is not set.

    On Kafka, topics that `must_exist` are not created; for a file, the caller looks.
    """
    if settings.bus is None:
        raise UserError("no log given: use --bus sqlite:///PATH or --bus kafka://HOST:PORT, or set VOLCAST_BUS")
    bus = parse_bus(settings.bus)
    if bus.kind == "sqlite":
        return create_sqlite_log(Path(bus.path), settings)
    from volcast.log.kafka.log import KafkaLog  # noqa: PLC0415  # aiokafka is slow to import, and SQLite does not need it

    return KafkaLog(
        bus.bootstrap,
        prefix=settings.topic_prefix,
        partitions=settings.partitions,
        group=settings.group,
        session_timeout_ms=settings.session_timeout_s * 1_000,
        instance_id=settings.instance_id,
        retention_ms=configured_retention(settings).age_ms,
        retention_bytes=settings.retention_bytes,
        must_exist=must_exist,
        standby=settings.standby,
        security=create_kafka_security(settings),
    )


def create_kafka_security(settings: Settings) -> "KafkaSecurity":
    """Return how to sign in to Kafka, and whether over TLS."""
    from volcast.log.kafka.access.security import KafkaSecurity  # noqa: PLC0415  # as above

    return KafkaSecurity(
        username=settings.kafka_username,
        password=settings.kafka_password.get_secret_value() if settings.kafka_password else None,
        mechanism=settings.kafka_sasl_mechanism,
        tls=settings.kafka_tls,
        ca_file=settings.kafka_ca_file,
        client_cert_file=settings.kafka_client_cert_file,
        client_key_file=settings.kafka_client_key_file,
    )


def disk_collectors(settings: Settings) -> "tuple[Collector, ...]":
    """Return the collector of the disk that the log's file is on; none for a log on Kafka."""
    from volcast.metrics.process import DiskCollector  # noqa: PLC0415  # not needed by --help

    bus = parse_bus(str(settings.bus))
    return (DiskCollector(bus.path),) if bus.kind == "sqlite" else ()


def create_sqlite_log(path: Path, settings: Settings) -> Log:
    """Return the log in the SQLite file at `path`, not yet entered."""
    from volcast.log.sqlite.log import SqliteLog  # noqa: PLC0415  # as above

    return SqliteLog(
        path,
        synchronous=settings.sqlite_synchronous,
        poll_s=settings.poll_s,
        session_timeout_s=settings.session_timeout_s,
        standby=settings.standby,
        retention_ms=configured_retention(settings).age_ms,
        retention_bytes=settings.retention_bytes,
    )


def configured_retention(settings: Settings) -> Retention:
    """Return for how long the settings keep records."""
    return Retention(settings.retention_hours * 3_600_000 if settings.retention_hours else None, settings.retention_bytes)


def create_worker(log: Log, settings: Settings) -> "Worker":
    """Return a worker that consumes `log`. Raises UserError if the prior cannot be used."""
    use_one_heap()
    collect_garbage_rarely()
    from consumer.standby.worker import StandbyWorker  # noqa: PLC0415  # River takes a second to import
    from consumer.worker import Worker  # noqa: PLC0415  # as above

    kind = StandbyWorker if settings.standby else Worker
    return kind(log, _create_rules(settings), settings.batch_records, Random(), wall_clock=time)  # noqa: S311  # no secret: jitter


def open_replays(files: tuple[Path, ...], symbols: tuple[str, ...], options: FileOptions = NO_OPTIONS) -> "list[CsvReplay]":
    """Return a replay of each file, also of each file in a folder, or of the bundled sample if there are no files.

    Each file is read once to validate it, and files of one symbol are compared where they meet. What was recognized, and what is
    read in another way than it stands in a file, is told on standard error. Raises UserError for wrong symbols, and
    CandleFileError for a file that cannot be used or files that cannot be of one market.
    """
    from producer.csv_replay import CsvReplay, by_symbol  # noqa: PLC0415  # not needed by --help
    from producer.file_names import candle_files_of  # noqa: PLC0415
    from volcast.core.codec import MAX_SYMBOL_CHARACTERS  # noqa: PLC0415
    from volcast.core.decoder import is_symbol  # noqa: PLC0415

    for symbol in symbols:
        if not (symbol.isascii() and is_symbol(symbol.upper())):
            expected = f"[A-Z0-9]+ or SYMBOL.VENUE, at most {MAX_SYMBOL_CHARACTERS} characters"
            raise UserError(f"--symbol {symbol} is not a symbol: expected {expected}, as in BTCUSDT or BTCUSDT.BINANCE")
    if symbols and len(symbols) != len(files):
        given = f"--symbol was given {counted(len(symbols), 'time')} for {counted(len(files), 'file')}"
        raise UserError(f"{given}: give it once for each file, in the same order, or not at all")
    files = stored(files) or sample_files()
    named: Iterable[str | None] = map(str.upper, symbols) if symbols else (None,) * len(files)
    found: list[tuple[Path, str | None, bool]] = []
    for path, name in zip(files, named, strict=True):
        members, others = candle_files_of(path)
        if others:
            names = ", ".join(others[:3]) + ", …" * (len(others) > 3)  # noqa: PLR2004  # enough to see what they are
            _note(f"{path}: left out what is no candle file by its name: {names}")
        found += [(member, name, member != path) for member in members]
    tell(f"checking {counted(len(found), 'file')} of candles")
    sources = []
    for path, name, in_folder in found:
        sources.append(CsvReplay(path, name, options, in_folder=in_folder))
        summary = sources[-1].summary
        (tell if summary.is_usual else _note)(f"{path.name}: {summary.describe()}")
    for replay in by_symbol(sources):
        for sentence in replay.leave_out_overlaps():
            _note(sentence)
    return sources


def _note(sentence: str) -> None:
    click.echo(sentence, err=True)


def sample_files() -> tuple[Path, ...]:
    """Return the bundled files of candles, which are simulated and no market data."""
    return tuple(sorted((Path(__file__).parents[2] / "simulation" / "sample").glob("*.csv.gz")))


def load_prior(settings: Settings) -> "Prior | None":
    """Return the prior in the file that the setting names; None for `bundled` and `none`, which an engine knows by name.

    Raises UserError if the file cannot be used.
    """
    from volcast.core.forecast import prior  # noqa: PLC0415  # as above

    if settings.prior in {prior.BUNDLED, prior.NONE}:
        return None
    try:
        return prior.decode_prior(Path(settings.prior).expanduser().read_bytes())
    except OSError as error:
        raise UserError(f"cannot read the prior {settings.prior}: {error.strerror}") from None
    except prior.PriorError as error:
        raise UserError(f"cannot use the prior {settings.prior}: {error}; create one with `volcast fit-prior`") from None


def engine_config(settings: Settings, prior: "Prior | None") -> "EngineConfig":
    """Return the settings of an engine; `prior` is the result of `load_prior`. The user's own models are registered.

    Raises OwnModelError if one of them cannot be used, UserError for a model given twice, or for bad drift thresholds.
    """
    from volcast.cli.own_models.load import register_model  # noqa: PLC0415  # as above
    from volcast.core.forecast.prior import fingerprint  # noqa: PLC0415
    from volcast.core.types import EngineConfig  # noqa: PLC0415

    model, *shadows = map(register_model, (settings.model, *settings.shadows))
    if twice := {name for name in shadows if [model, *shadows].count(name) > 1}:
        raise UserError(f"the model {', '.join(sorted(twice))} is given twice: name other models")
    return EngineConfig(
        window=settings.window,
        warmup=settings.warmup,
        rate_window=settings.rate_window,
        horizons=settings.horizons,
        interval_level=settings.interval_level,
        quantile_levels=settings.quantile_levels,
        model=model,
        shadows=tuple(shadows),
        prior=fingerprint(prior) if prior else settings.prior,
        drift_thresholds=_load_thresholds(settings.drift_thresholds),
    )


def _load_thresholds(name: str) -> "Thresholds | Literal['shipped']":
    from volcast.core.drift.thresholds import SHIPPED, ThresholdsError, decode_thresholds  # noqa: PLC0415  # as above

    if name == SHIPPED:
        return SHIPPED
    try:
        return decode_thresholds(Path(name).expanduser().read_bytes())
    except OSError as error:
        raise UserError(f"cannot read the drift thresholds {name}: {error.strerror}") from None
    except ThresholdsError as error:
        raise UserError(f"cannot use the drift thresholds {name}: {error}; create some with `volcast drift calibrate`") from None


def _create_rules(settings: Settings) -> "Rules":
    from consumer.rules import Rules  # noqa: PLC0415  # as above
    from volcast.cli.own_models.load import own_model  # noqa: PLC0415
    from volcast.cli.own_models.trial import check_storable  # noqa: PLC0415
    from volcast.core.decoder import Decoder  # noqa: PLC0415

    decoder = Decoder(settings.price_decimals, settings.price_decimals_by_symbol)
    prior = load_prior(settings)
    allowed = tuple(sorted(settings.allowed_symbols))
    config = engine_config(settings, prior)
    for own in filter(None, map(own_model, (config.model, *config.shadows))):
        check_storable(own)
    counts = settings.max_symbols, settings.snapshot_records
    return Rules(config, decoder, *counts, prior, allowed, rebuild_from_earliest=settings.rebuild_from_earliest)


def create_quiet_log(loaded: Loaded, *, must_exist: bool = True) -> Log:
    """Return the log that `bus` names, not yet entered, for a command that inspects it; logging is configured quietly.

    Raises UserError if `bus` is not set, or if its file must exist and does not: inspecting a log must not create one.
    """
    from volcast.cli.log_format import configure_quietly  # noqa: PLC0415  # not needed by --help

    configure_quietly(loaded)
    log = create_log(loaded.settings, must_exist=must_exist)
    bus = parse_bus(str(loaded.settings.bus))
    if must_exist and bus.kind == "sqlite" and not Path(bus.path).exists():
        raise UserError(f"log {bus.path} does not exist; check --bus")
    return log
