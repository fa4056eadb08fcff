"""Every knob of every process: its name, default, range and a sentence.

Imported by `volcast.commands` alone, where `settings_sources` finds the values: they flow down as plain arguments.
"""

import re
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from .values import DecimalsBySymbol, Horizons, ModelName, Shadows, parse_bus

PREFIX = "VOLCAST_"
MASK = "********"
_NAME = "^[A-Za-z0-9._-]{1,100}$"
_HTTP_URL = r"^https?://[^\s?#]+$"
_PEM_FILE = "the path of a PEM file"
_DECIMALS = "SYMBOL=N,SYMBOL=N with each N from 0 to 12 (or the same as a JSON object)"


class SettingsError(Exception):
    """A sentence for the user, a line for each setting that is wrong; never with the value of a secret."""


class Settings(BaseSettings):
    """The settings in effect. They are found by `volcast.settings.sources`; the class reads nothing itself."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid")

    # What is computed. Other values make other signals.
    window: int = Field(5, ge=1, le=10_080, description="Closes in the rolling mean, the newest one included.")
    warmup: Literal["zero", "exclude"] = Field(
        "zero",
        description="What the candles before the first rolling mean do: count as signal 0, or stay out of the signal rate.",
    )
    rate_window: int = Field(1_440, ge=1, le=10_080, description="Newest signals in the signal rate over a window.")
    horizons: Horizons = Field(
        (60,),
        description="Horizons of the forecasts in minutes; the first is the signal's own.",
        json_schema_extra={"allowed": "whole numbers from 5 to 1440, with commas between them"},
    )
    interval_level: float = Field(0.9, ge=0.5, le=0.99, description="Probability of the volatility's and the price's interval.")
    model: ModelName = Field("two_stage", description="The volatility forecaster.")
    shadows: Shadows = Field(
        (),
        description="Models that forecast beside it, to be compared with; each costs time.",
        json_schema_extra={"allowed": f"names as of `model` ({', '.join(get_args(ModelName))}), with commas between them"},
    )
    prior: str = Field(
        "bundled",
        min_length=1,
        description="What the forecaster of a new symbol starts from.",
        json_schema_extra={"allowed": "bundled, none, or the path of a file that `volcast fit-prior` wrote"},
    )
    price_decimals: int = Field(
        8, ge=0, le=12, description="Decimals that a price may have; a candle with a finer one is rejected."
    )
    price_decimals_by_symbol: DecimalsBySymbol = Field(
        {}, description="Symbols whose prices have another number of decimals.", json_schema_extra={"allowed": _DECIMALS}
    )

    # The log.
    bus: str | None = Field(
        None,
        description="Where the log is: an SQLite file on one machine, or Kafka; processes of their own must be told.",
        json_schema_extra={"allowed": "sqlite:///path or kafka://host:port[,host:port]"},
    )
    db: Path | None = Field(
        None,
        description="SQLite file of `volcast run`; by default one in the user's data folder.",
        json_schema_extra={"allowed": "the path of a file"},
    )
    topic_prefix: str = Field(
        "", pattern="^[A-Za-z0-9._-]{0,100}$", description="Stands before each topic's name, so that pipelines can share a Kafka."
    )
    partitions: int = Field(4, ge=1, le=1_000, description="Partitions of each topic on Kafka; symbols are spread over them.")
    group: str = Field("volcast", pattern=_NAME, description="Name of the group of consumers that share the partitions on Kafka.")
    instance_id: str | None = Field(
        None, pattern=_NAME, description="Name of this consumer, kept over restarts, so that Kafka gives it its partitions back."
    )
    session_timeout_s: int = Field(
        10,
        ge=1,
        le=300,
        description="Silence after which a consumer counts as dead and loses its place; brokers by default allow no less than 6.",
    )
    retention_hours: int | None = Field(
        None, ge=1, le=87_600, description="Time for which Kafka keeps candles and signals; by default the broker's own."
    )
    kafka_username: str | None = Field(None, min_length=1, description="User to sign in to Kafka as; goes with the password.")
    kafka_password: SecretStr | None = Field(None, min_length=1, description="Password of the Kafka user; it has no flag.")
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
        "NORMAL", description="SQLite's care for a power cut: NORMAL may lose the last commits, never the order; FULL loses none."
    )

    # Venues.
    socket_url: str | None = Field(
        None,
        pattern=r"^wss?://[^\s?#]+$",
        description="Where a venue's streams are, in place of its own host: a regional one, or a simulated exchange.",
        json_schema_extra={"allowed": "wss:// or ws://host[:port][/path]"},
    )
    rest_url: str | None = Field(
        None,
        pattern=_HTTP_URL,
        description="Where a venue's candles of the past are, in place of its own host.",
        json_schema_extra={"allowed": "https:// or http://host[:port][/path]"},
    )
    archive_url: str | None = Field(
        None,
        pattern=_HTTP_URL,
        description="Where Binance's archive is, in place of its own host.",
        json_schema_extra={"allowed": "https:// or http://host[:port][/path]"},
    )
    proxy: SecretStr | None = Field(
        None,
        description="Proxy to venues; without it those of HTTPS_PROXY. It has no flag.",
        json_schema_extra={"allowed": "http:// or https://[user:password@]host:port"},
    )
    ca_file: Path | None = Field(
        None,
        description="Certificates of further authorities to trust: a company's proxy, a simulated exchange with TLS.",
        json_schema_extra={"allowed": _PEM_FILE},
    )
    twin: str | None = Field(
        None,
        pattern=_NAME,
        description="Name of a live producer beside others of the same streams; without one, a second takes over from the first.",
    )
    backfill_minutes: int = Field(
        1_560,
        ge=0,
        le=525_600,
        description="Minutes of the past that a live symbol begins with, where the log has none of it; as many make it warm.",
    )
    backfill_budget_s: int = Field(
        60, ge=1, le=3_600, description="For how long a hole that the venue won't fill may hold up the candles behind it."
    )

    # The loops and their bounds.
    batch_records: int = Field(500, ge=1, le=10_000, description="Candles in a commit of the consumer, at most.")
    snapshot_records: int = Field(
        5_000,
        ge=1,
        le=1_000_000,
        description="Records of a partition that a snapshot may lag behind; after a crash so many are replayed.",
    )
    append_records: int = Field(500, ge=1, le=10_000, description="Candles in an append of the producer, at most.")
    poll_s: float = Field(0.02, ge=0.001, le=1, description="Pause between two looks at a log without anything new, in seconds.")
    max_symbols: int = Field(
        1_000, ge=1, le=100_000, description="Symbols that are followed; candles of further ones are rejected."
    )
    stale_after_s: int = Field(
        180, ge=1, le=86_400, description="Age of the last signal, in seconds, from which a live symbol is called stale."
    )

    # What others see.
    host: str = Field(
        "127.0.0.1",
        pattern=r"^[A-Za-z0-9._:-]+$",
        description="Address on which to listen; 0.0.0.0 for all of the machine's.",
        json_schema_extra={"allowed": "an IP address or a host's name"},
    )
    port: int = Field(8_000, ge=0, le=65_535, description="Port of the API; 0 takes a free one.")
    metrics_port: int | None = Field(
        None, ge=0, le=65_535, description="Port of a consumer's or a live producer's own metrics; without it there are none."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is logged.")

    def secrets(self) -> tuple[str, ...]:
        """The secret values, for those who must mask them."""
        return tuple(value.get_secret_value() for _, value in self if isinstance(value, SecretStr))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what the caller gives: who reads the sources must also say where each value came from."""
        return (init_settings,)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise PydanticCustomError("kind", "not a truth value")
        return value

    @field_validator("db", "ca_file", "kafka_ca_file", "kafka_client_cert_file", "kafka_client_key_file", mode="before")
    @classmethod
    def _home(cls, value: object) -> object:
        if value == "":
            raise PydanticCustomError("kind", "not empty")
        return Path(value).expanduser() if isinstance(value, str) else value

    @field_validator("bus")
    @classmethod
    def _bus(cls, value: str | None) -> str | None:
        if value is not None:
            parse_bus(value)
        return value

    @field_validator("proxy")
    @classmethod
    def _proxy(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.match(r"https?://\S+$", value.get_secret_value()):
            raise PydanticCustomError("kind", "no proxy's address")
        return value

    @model_validator(mode="after")
    def _no_shadow_of_itself(self) -> "Settings":
        if self.model in self.shadows:
            raise ValueError(f"shadows: {self.model} is the model itself; name others")
        return self

    @model_validator(mode="after")
    def _user_and_password(self) -> "Settings":
        if (self.kafka_username is None) != (self.kafka_password is None):
            raise ValueError("kafka_username and kafka_password go together: give both or neither")
        return self

    @model_validator(mode="after")
    def _kafka_files(self) -> "Settings":
        if self.kafka_client_key_file and not self.kafka_client_cert_file:
            raise ValueError("kafka_client_key_file needs kafka_client_cert_file: give the certificate, too")
        for name in ("kafka_ca_file", "kafka_client_cert_file"):
            if getattr(self, name) and not self.kafka_tls:
                raise ValueError(f"{name} needs TLS: set kafka_tls=true")
        return self
