"""Settings of the log, and of the connection to Kafka."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from .values import NAME, PEM_FILE


class LogSettings(BaseModel):
    """Where the log is, and how it is reached."""

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
    group: str = Field("volcast", pattern=NAME, description="Kafka consumer group; its members share the partitions.")
    instance_id: str | None = Field(
        None,
        pattern=NAME,
        description="Static name of this consumer, with which Kafka assigns it the same partitions after a restart.",
    )
    session_timeout_s: int = Field(
        10,
        ge=1,
        le=300,
        description="Seconds without a heartbeat after which a consumer loses its partitions; Kafka's default minimum is 6.",
    )
    standby: bool = Field(
        default=False,
        description="Follow the partitions of other such consumers, and go on with them at once if one ends. Each needs the "
        "memory and CPU time of all partitions.",
    )
    retention_hours: int | None = Field(
        None,
        ge=1,
        le=87_600,
        description="Hours after their arrival for which candles, signals and rejects are kept; by default as Kafka's brokers "
        "say, and for ever in a SQLite file.",
    )
    retention_bytes: int | None = Field(
        None,
        ge=10_000_000,
        le=100_000_000_000_000,
        description="Bytes of candles, of signals and of rejects that are kept in each partition. The oldest are deleted; on "
        "Kafka also candles that no consumer has answered.",
    )
    rebuild_from_earliest: bool = Field(
        default=False,
        description="Rebuild the state from the earliest candle that is left, where retention has deleted those before. Without "
        "it such a rebuild is refused, as later signals are not those of the full history.",
    )
    kafka_username: str | None = Field(None, min_length=1, description="Kafka user to sign in as; needs a password.")
    kafka_password: SecretStr | None = Field(
        None, min_length=1, description="Password of the Kafka user. It has no flag, as command lines are visible to other users."
    )
    kafka_password_file: Path | None = Field(
        None,
        description="File with the password of the Kafka user on its only line, in place of `kafka_password`.",
        json_schema_extra={"allowed": "the path of a file"},
    )
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field(
        "SCRAM-SHA-512",
        description="How to sign in to Kafka. PLAIN sends the password itself: without TLS only to brokers on this machine.",
    )
    kafka_tls: bool = Field(default=False, description="Connect to Kafka over TLS.")
    kafka_ca_file: Path | None = Field(
        None,
        description="Authorities that issue the Kafka brokers' certificates, in place of the system's; needs `kafka_tls`.",
        json_schema_extra={"allowed": PEM_FILE},
    )
    kafka_client_cert_file: Path | None = Field(
        None,
        description="Client certificate to show to the Kafka brokers, for mutual TLS; needs `kafka_tls`.",
        json_schema_extra={"allowed": PEM_FILE},
    )
    kafka_client_key_file: Path | None = Field(
        None,
        description="Private key of the client certificate, not encrypted; not needed if the certificate's file holds it.",
        json_schema_extra={"allowed": PEM_FILE},
    )
    sqlite_synchronous: Literal["NORMAL", "FULL", "EXTRA"] = Field(
        "NORMAL", description="SQLite's `synchronous`: in a power cut NORMAL may lose the last commits, FULL loses none."
    )
