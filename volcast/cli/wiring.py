"""From settings to parts: the only place where a setting meets a constructor."""

from pathlib import Path
from random import Random
from time import time
from typing import TYPE_CHECKING

from volcast.log.contract import Log
from volcast.settings.schema import Settings
from volcast.settings.sources import Loaded
from volcast.settings.values import parse_bus

from .main import UserError

if TYPE_CHECKING:
    from consumer.rules import Rules
    from consumer.worker import Worker
    from producer.replay import CsvReplay
    from volcast.core.forecast.prior import Prior
    from volcast.core.types import EngineConfig

LOG_SETTINGS = (
    "bus",
    "topic_prefix",
    "partitions",
    "group",
    "instance_id",
    "session_timeout_s",
    "retention_hours",
    "kafka_username",
    "kafka_password",
    "kafka_sasl_mechanism",
    "kafka_tls",
    "kafka_ca_file",
    "kafka_client_cert_file",
    "kafka_client_key_file",
    "sqlite_synchronous",
    "poll_s",
)
FORECAST_SETTINGS = ("horizons", "interval_level", "model", "shadows", "prior")
ENGINE_SETTINGS = ("window", "warmup", "rate_window", *FORECAST_SETTINGS, "price_decimals", "price_decimals_by_symbol")


def log_of(settings: Settings) -> Log:
    """The log that `bus` names; not entered yet."""
    if settings.bus is None:
        raise UserError("which log? Say --bus sqlite:///PATH or --bus kafka://HOST:PORT (or set VOLCAST_BUS)")
    bus = parse_bus(settings.bus)
    if bus.kind == "sqlite":
        return sqlite_log(Path(bus.path), settings)
    from volcast.log.kafka.log import KafkaLog  # noqa: PLC0415  # aiokafka is slow to import, and SQLite's users don't need it
    from volcast.log.kafka.security import KafkaSecurity  # noqa: PLC0415  # as above

    return KafkaLog(
        bus.bootstrap,
        prefix=settings.topic_prefix,
        partitions=settings.partitions,
        group=settings.group,
        session_timeout_ms=settings.session_timeout_s * 1_000,
        instance_id=settings.instance_id,
        retention_ms=settings.retention_hours * 3_600_000 if settings.retention_hours else None,
        security=KafkaSecurity(
            username=settings.kafka_username,
            password=settings.kafka_password.get_secret_value() if settings.kafka_password else None,
            mechanism=settings.kafka_sasl_mechanism,
            tls=settings.kafka_tls,
            ca_file=settings.kafka_ca_file,
            client_cert_file=settings.kafka_client_cert_file,
            client_key_file=settings.kafka_client_key_file,
        ),
    )


def sqlite_log(path: Path, settings: Settings) -> Log:
    """A file's log; not entered yet."""
    from volcast.log.sqlite.log import SqliteLog  # noqa: PLC0415  # as above

    return SqliteLog(
        path,
        synchronous=settings.sqlite_synchronous,
        poll_s=settings.poll_s,
        session_timeout_s=settings.session_timeout_s,
    )


def worker_of(log: Log, settings: Settings) -> "Worker":
    """A consumer of `log`."""
    from consumer.worker import Worker  # noqa: PLC0415  # River takes a second to import

    return Worker(log, _rules_of(settings), settings.batch_records, Random(), wall_clock=time)  # noqa: S311  # no secret: jitter


def replays_of(files: tuple[Path, ...], symbols: tuple[str, ...]) -> "list[CsvReplay]":
    """The files, looked through, with their symbols; without files the bundled sample. Raises UserError, CandleFileError."""
    from producer.replay import CsvReplay  # noqa: PLC0415  # not needed by --help
    from volcast.core.decoder import MAX_SYMBOL_CHARACTERS, is_symbol  # noqa: PLC0415

    for symbol in symbols:
        if not is_symbol(symbol):
            expected = f"[A-Z0-9]+ or SYMBOL.VENUE, at most {MAX_SYMBOL_CHARACTERS} characters"
            raise UserError(f"--symbol {symbol} is no symbol: {expected}, as in BTCUSDT or BTCUSDT.BINANCE")
    if symbols and len(symbols) != len(files):
        raise UserError(
            f"{len(symbols)} times --symbol for {len(files)} files: give one for each file, in the same order, or none"
        )
    return [
        CsvReplay(path, symbol)
        for path, symbol in zip(files or sample(), symbols or (None,) * len(files or sample()), strict=True)
    ]


def sample() -> tuple[Path, ...]:
    """The bundled candles: simulated, not market data."""
    return tuple(sorted((Path(__file__).parent.parent / "sample").glob("*.csv.gz")))


def prior_of(settings: Settings) -> "Prior | None":
    """The prior of a file; None for the bundled one and none at all, which an engine knows by name. Raises UserError."""
    from volcast.core.forecast import prior  # noqa: PLC0415  # as above

    if settings.prior in {prior.BUNDLED, prior.NONE}:
        return None
    try:
        return prior.decode_prior(Path(settings.prior).expanduser().read_bytes())
    except OSError as error:
        raise UserError(f"the prior {settings.prior} can't be read: {error.strerror}") from None
    except prior.PriorError as error:
        raise UserError(f"the prior {settings.prior} can't be used: {error}; `volcast fit-prior` makes one") from None


def engine_config(settings: Settings, prior: "Prior | None") -> "EngineConfig":
    """An engine's settings; `prior` is what `prior_of` found."""
    from volcast.core.forecast.prior import fingerprint  # noqa: PLC0415  # as above
    from volcast.core.types import EngineConfig  # noqa: PLC0415

    return EngineConfig(
        window=settings.window,
        warmup=settings.warmup,
        rate_window=settings.rate_window,
        horizons=settings.horizons,
        interval_level=settings.interval_level,
        model=settings.model,
        shadows=settings.shadows,
        prior=fingerprint(prior) if prior else settings.prior,
    )


def _rules_of(settings: Settings) -> "Rules":
    from consumer.rules import Rules  # noqa: PLC0415  # as above
    from volcast.core.decoder import Decoder  # noqa: PLC0415

    decoder = Decoder(settings.price_decimals, settings.price_decimals_by_symbol)
    prior = prior_of(settings)
    return Rules(engine_config(settings, prior), decoder, settings.max_symbols, settings.snapshot_records, prior)


def quiet_log_of(loaded: Loaded, *, must_exist: bool = True) -> Log:
    """The log that `bus` names, not entered yet; what is logged beside it begins at warnings, unless asked for otherwise.

    Raises UserError where no log is named, or where its file must exist and doesn't: looking at a log shall not make one.
    """
    from .log_format import configure  # noqa: PLC0415  # not needed by --help

    settings = loaded.settings
    quiet = loaded.origins["log_level"] == "default"
    configure("warning" if quiet else settings.log_level, secrets=settings.secrets())
    log = log_of(settings)
    bus = parse_bus(str(settings.bus))
    if must_exist and bus.kind == "sqlite" and not Path(bus.path).exists():
        raise UserError(f"there is no log {bus.path}: check --bus")
    return log
