"""All settings of all processes: name, type, default, range and description of each.

Only `volcast.cli` and `volcast.commands` import this package, and pass the values on as plain arguments. `sources.py` finds the
values, `describe.py` presents them.
"""

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from volcast.urls import password_in, secret_parts

from . import values
from .combinations import combinations

PREFIX = "VOLCAST_"
MASK = "********"
_NAME = "^[A-Za-z0-9._-]{1,100}$"
_HTTP_URL = r"^https?://[^\s?#]+$"
_HTTP: JsonDict = {"allowed": "https:// or http://host[:port][/path]"}
_PEM_FILE = "the path of a PEM file"
_MODELS = f"{{}} {', '.join(values.MODEL_NAMES)}, the name of an installed model, or FILE.py:CLASS"
_DECIMALS = "SYMBOL=N,SYMBOL=N with each N from 0 to 12 (or the same as a JSON object)"


class SettingsError(Exception):
    """Wrong settings. The message has a line for each, and never contains the value of a secret."""


class Settings(BaseSettings):
    """The settings in effect. `volcast.settings.sources` finds their values; the class itself reads no environment or file."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid")

    # What is computed. Changes of these change the signals.
    window: int = Field(5, ge=1, le=10_080, description="Number of closes in the rolling mean, including the newest.")
    warmup: Literal["zero", "exclude"] = Field(
        "zero",
        description="How candles before the first rolling mean count in the signal rate: as signal 0, or not at all.",
    )
    rate_window: int = Field(1_440, ge=1, le=10_080, description="Number of newest signals in the windowed signal rate.")
    horizons: values.Horizons = Field(
        (60,),
        description="Forecast horizons in minutes; the first one is that of the signal itself.",
        json_schema_extra={"allowed": "whole numbers from 5 to 1440, separated by commas"},
    )
    interval_level: float = Field(0.9, ge=0.5, le=0.99, description="Probability of the intervals of volatility and price.")
    quantile_levels: values.Levels = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995)
    model: values.ModelName = Field(
        "two_stage", description="Model of the volatility forecast.", json_schema_extra={"allowed": _MODELS.format("one of")}
    )
    shadows: values.Shadows = Field(
        (),
        description="Models that forecast as well, for comparison; each one costs time.",
        json_schema_extra={"allowed": f"{_MODELS.format('any of')}; separated by commas"},
    )
    prior: values.PriorFile = "bundled"
    drift_thresholds: values.ThresholdsFile = "shipped"
    price_decimals: int = Field(
        8, ge=0, le=12, description="Maximum number of decimals of a price; candles with more are rejected."
    )
    price_decimals_by_symbol: values.DecimalsBySymbol = Field(
        {}, description="Maximum number of decimals of the prices of single symbols.", json_schema_extra={"allowed": _DECIMALS}
    )

    # The log.
    bus: str | None = Field(
        None,
        description="URL of the log: a SQLite file on one machine, or Kafka. Required for separate processes.",
        json_schema_extra={"allowed": "sqlite:///path or kafka://host:port[,host:port]"},
    )
    db: Path | None = Field(
        None,
        description="SQLite file of `volcast run`; by default a file in the user's data folder.",
        json_schema_extra={"allowed": "the path of a file"},
    )
    topic_prefix: str = Field(
        "",
        pattern="^[A-Za-z0-9._-]{0,100}$",
        description="Prefix of all topic names, so that several pipelines can share a Kafka cluster.",
    )
    partitions: int = Field(
        4, ge=1, le=1_000, description="Number of partitions of each Kafka topic; symbols are distributed over them."
    )
    group: str = Field("volcast", pattern=_NAME, description="Kafka consumer group; its members share the partitions.")
    instance_id: str | None = Field(
        None,
        pattern=_NAME,
        description="Static name of this consumer, with which Kafka assigns it the same partitions after a restart.",
    )
    session_timeout_s: int = Field(
        10,
        ge=1,
        le=300,
        description="Seconds without a heartbeat after which a consumer loses its partitions; Kafka's default minimum is 6.",
    )
    retention_hours: int | None = Field(
        None,
        ge=1,
        le=87_600,
        description="Hours for which Kafka retains candles and signals; by default the broker's own setting.",
    )
    kafka_username: str | None = Field(None, min_length=1, description="Kafka user to sign in as; needs `kafka_password`.")
    kafka_password: SecretStr | None = Field(
        None, min_length=1, description="Password of the Kafka user. It has no flag, as command lines are visible to other users."
    )
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field(
        "SCRAM-SHA-512",
        description="How to sign in to Kafka. PLAIN sends the password itself: without TLS only to brokers on this machine.",
    )
    kafka_tls: bool = Field(default=False, description="Connect to Kafka over TLS.")
    kafka_ca_file: Path | None = Field(
        None,
        description="Authorities that issue the Kafka brokers' certificates, in place of the system's; needs `kafka_tls`.",
        json_schema_extra={"allowed": _PEM_FILE},
    )
    kafka_client_cert_file: Path | None = Field(
        None,
        description="Client certificate to show to the Kafka brokers, for mutual TLS; needs `kafka_tls`.",
        json_schema_extra={"allowed": _PEM_FILE},
    )
    kafka_client_key_file: Path | None = Field(
        None,
        description="Private key of the client certificate, not encrypted; not needed if the certificate's file holds it.",
        json_schema_extra={"allowed": _PEM_FILE},
    )
    sqlite_synchronous: Literal["NORMAL", "FULL", "EXTRA"] = Field(
        "NORMAL", description="SQLite's `synchronous`: in a power cut NORMAL may lose the last commits, FULL loses none."
    )

    # Venues.
    socket_url: str | None = Field(
        None,
        pattern=r"^wss?://[^\s?#]+$",
        description="Address of the venue's websocket in place of its default, for a regional host or a simulated exchange.",
        json_schema_extra={"allowed": "wss:// or ws://host[:port][/path]"},
    )
    rest_url: str | None = Field(
        None, pattern=_HTTP_URL, description="Address of the venue's REST API in place of its default.", json_schema_extra=_HTTP
    )
    archive_url: str | None = Field(
        None, pattern=_HTTP_URL, description="Address of Binance's archive in place of its default.", json_schema_extra=_HTTP
    )
    proxy: SecretStr | None = Field(
        None,
        description="HTTP proxy for connections to venues; by default that of HTTPS_PROXY. It has no flag.",
        json_schema_extra={"allowed": "http:// or https://[user:password@]host:port"},
    )
    ca_file: Path | None = Field(
        None,
        description="Additional certificate authorities to trust for venues, as of a company's proxy or a simulated exchange.",
        json_schema_extra={"allowed": _PEM_FILE},
    )
    simulated: Literal["auto", "yes", "no"] = Field(
        "auto",
        description="Whether the venue is a simulated exchange, whose symbols get names of their own; auto: if its host is this "
        "machine, or a private address.",
    )
    mix_simulated: bool = Field(default=False, description="Write simulated candles to a log that has real ones, or the reverse.")
    twin: str | None = Field(
        None,
        pattern=_NAME,
        description="Name of this live producer if several run for the same streams; without it, a second one takes over.",
    )
    backfill_minutes: int = Field(
        1_560,
        ge=0,
        le=525_600,
        description="Minutes of history to load for a live symbol that is new on the log; the default makes its forecaster warm.",
    )
    backfill_budget_s: int = Field(
        60, ge=1, le=3_600, description="Seconds for which candles wait behind a gap that the venue does not fill."
    )

    # Batches, limits and intervals.
    batch_records: int = Field(500, ge=1, le=10_000, description="Maximum number of candles in a commit of the consumer.")
    snapshot_records: int = Field(
        5_000,
        ge=1,
        le=1_000_000,
        description="Maximum number of records between snapshots of a partition; after a crash up to that many are replayed.",
    )
    append_records: int = Field(500, ge=1, le=10_000, description="Maximum number of candles in an append of the producer.")
    poll_s: float = Field(
        0.02, ge=0.001, le=1, description="Shortest pause between polls of an SQLite log, in seconds; 0.25 s while nothing comes."
    )
    max_symbols: int = Field(
        1_000, ge=1, le=100_000, description="Maximum number of symbols; candles of more symbols are rejected."
    )
    allowed_symbols: values.Symbols = Field(
        (),
        description="The only symbols to process, so that other writers to the log cannot use up `max_symbols`; by default all.",
        json_schema_extra={"allowed": "symbols, separated by commas, as in BTCUSDT,ETHUSDT.BINANCE"},
    )
    stale_after_s: int = Field(
        180, ge=1, le=86_400, description="Age of the last candle, in seconds, above which a symbol is not reported as ok."
    )

    # Notifications.
    notify: values.Secrets = Field(
        (),
        description="Where `volcast run --live` sends notifications. A flag is visible to other users: the variable is not.",
        json_schema_extra={"allowed": "URLs of Apprise, separated by spaces, as in ntfy://TOPIC", "repeatable": True},
    )
    notify_tiers: values.Tiers = Field(
        ("page", "ticket"),
        description="Tiers of events that are sent; thresholds of `alert` always are.",
        json_schema_extra={"allowed": "any of page, ticket, info; separated by commas"},
    )
    notify_cooldown_s: int = Field(
        900, ge=0, le=86_400, description="Seconds after a notification in which the same thing is not notified again."
    )
    alert: values.Lines = Field(
        (),
        description="Thresholds to be notified of, as in 'BTCUSDT volatility_annualized > 90%' or 'volatility / usual > 2'.",
        json_schema_extra={"allowed": "[SYMBOL] FIELD [/ FIELD] > NUMBER[%]; separated by semicolons", "repeatable": True},
    )
    alert_before_warm: bool = Field(default=False, description="Apply the thresholds to signals that are not warm, too.")

    # HTTP and logging.
    host: str = Field(
        "127.0.0.1",
        pattern=r"^[A-Za-z0-9._:-]+$",
        description="Address to listen on; 0.0.0.0 for all interfaces.",
        json_schema_extra={"allowed": "an IP address or a host name"},
    )
    port: int = Field(8_000, ge=0, le=65_535, description="Port of the API; 0 for any free port.")
    metrics_port: int | None = Field(
        None,
        ge=0,
        le=65_535,
        description="Port of the metrics of a consumer or a live producer; by default these are not served.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Lowest level that is logged.")
    log_format: Literal["auto", "text", "json"] = Field(
        "auto", description="Log lines as text for a person or as JSON for a program; auto: text on a terminal, else JSON."
    )

    def secrets(self) -> tuple[str, ...]:
        """Return the values of all secrets, and the passwords in URLs, for masking them in output."""
        secrets = [value.get_secret_value() for _, value in self if isinstance(value, SecretStr)]
        secrets += [part for url in self.notify for part in secret_parts(url.get_secret_value())]
        in_urls = [password for _, value in self if isinstance(value, str) and (password := password_in(value))]
        return (*secrets, *in_urls)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Use the arguments only: `volcast.settings.sources` reads the sources, and reports where each value came from."""
        return (init_settings,)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_bool_for_other_types(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise PydanticCustomError("kind", "a boolean is not allowed")
        return value

    @field_validator("db", "ca_file", "kafka_ca_file", "kafka_client_cert_file", "kafka_client_key_file", mode="before")
    @classmethod
    def _expand_home(cls, value: object) -> object:
        if value == "":
            raise PydanticCustomError("kind", "must not be empty")
        return Path(value).expanduser() if isinstance(value, str) else value

    @field_validator("bus")
    @classmethod
    def _check_bus(cls, value: str | None) -> str | None:
        if value is not None:
            values.parse_bus(value)
        return value

    @field_validator("proxy")
    @classmethod
    def _check_proxy(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.match(r"https?://\S+$", value.get_secret_value()):
            raise PydanticCustomError("kind", "not the address of a proxy")
        return value

    @model_validator(mode="after")
    def _check_combinations(self) -> "Settings":
        for sentence, is_wrong in combinations(self):
            if is_wrong:
                raise ValueError(sentence)
        return self
