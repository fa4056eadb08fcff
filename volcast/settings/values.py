"""Types of settings that are more than a number or a text: lists, decimals by symbol, the URL of the log."""

import json
import re
from dataclasses import dataclass
from importlib.metadata import entry_points
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_core import PydanticCustomError


def _parse_decimals(value: object) -> object:
    """Parse `PEPEUSDT=12,SHIBUSDT=10` or a JSON object; return other types unchanged."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("{"):
        try:
            return json.loads(value)
        except ValueError:
            raise PydanticCustomError("json", "not JSON") from None
    pairs = [pair.strip().partition("=") for pair in value.split(",")]
    if len({symbol for symbol, _, _ in pairs}) < len(pairs):
        raise ValueError("a symbol occurs twice")
    return {symbol: decimals for symbol, _, decimals in pairs}


def _parse_list(value: object) -> object:
    """Parse `60,240` as a list, and make a list of a single number; return other types unchanged."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")] if value.strip() else []
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else value


def _check_unique(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) < len(values):
        raise ValueError("a value occurs twice")
    return values


def _check_ascending(values: tuple[float, ...]) -> tuple[float, ...]:
    if any(after <= before for before, after in pairwise(values)):
        raise ValueError("the values are not ascending")
    return values


NAME = "^[A-Za-z0-9._-]{1,100}$"
"""What a name in Kafka and that of a producer may consist of."""
PEM_FILE = "the path of a PEM file"
MODEL_NAMES = ("two_stage", "river_blr", "har_diurnal", "har", "ewma", "last")
"""The models of this project."""
MODEL_ENTRY_POINTS = "volcast.models"
"""The group of entry points in which an installed package names its models."""


def check_model(text: str) -> str:
    """Return the text if it names a model: one of this project, of an installed package, or FILE.py:CLASS. Raises ValueError."""
    if text in MODEL_NAMES or re.search(r"\.py(:|$)", text):
        return text
    installed = entry_points(group=MODEL_ENTRY_POINTS)
    if text not in installed.names:
        known = ", ".join(dict.fromkeys((*MODEL_NAMES, *sorted(installed.names))))
        raise ValueError(f"{text!r} is not a model; choose from {known}, or give a model of your own as FILE.py:CLASS")
    return text


def _split_lines(value: object) -> object:
    """Parse texts separated by line breaks or semicolons; return other types unchanged."""
    if isinstance(value, str):
        return [part.strip() for part in re.split(r"[;\n]", value) if part.strip()]
    return value


def _check_origin(text: str) -> str:
    """Return an origin as browsers send it: scheme, host and port, in small letters, without a path."""
    if text != "*" and not re.fullmatch(r"https?://([a-z0-9._-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?", text := text.lower()):
        raise ValueError(f"{text!r:.60} is not an origin: write scheme://host[:port] without a path")
    return text


def _check_network(text: str) -> str:
    """Return an address or a network in its usual spelling."""
    try:
        network = ip_network(text)
    except ValueError:
        raise ValueError(f"{text!r:.60} is neither an IP address nor a network such as 10.0.0.0/8") from None
    return str(network) if "/" in text else str(network.network_address)


def _split_words(value: object) -> object:
    """Parse texts separated by spaces; return other types unchanged. A URL may contain commas."""
    return value.split() if isinstance(value, str) else value


ModelName = Annotated[str, AfterValidator(check_model)]
Horizons = Annotated[
    tuple[Annotated[int, Field(ge=5, le=1_440)], ...],
    BeforeValidator(_parse_list),
    Field(min_length=1, max_length=8),
    AfterValidator(_check_unique),
]
PriorFile = Annotated[
    str,
    Field(
        min_length=1,
        description="Prior from which the forecaster of a new symbol starts.",
        json_schema_extra={"allowed": "bundled, none, or the path of a file written by `volcast fit-prior`"},
    ),
]
ThresholdsFile = Annotated[
    str,
    Field(
        min_length=1,
        description="Thresholds of the drift detectors.",
        json_schema_extra={"allowed": "shipped, or the path of a file written by `volcast drift calibrate`"},
    ),
]
Levels = Annotated[
    tuple[Annotated[float, Field(ge=0.001, le=0.999)], ...],
    BeforeValidator(_parse_list),
    AfterValidator(_check_ascending),
    Field(
        min_length=1,
        max_length=99,
        description="Levels of the quantiles of return, highest high, lowest low and realized volatility.",
        json_schema_extra={"allowed": "numbers from 0.001 to 0.999, ascending, separated by commas"},
    ),
]
Shadows = Annotated[tuple[ModelName, ...], BeforeValidator(_parse_list), AfterValidator(_check_unique)]
Secrets = Annotated[tuple[SecretStr, ...], BeforeValidator(_split_words), AfterValidator(_check_unique)]
Lines = Annotated[tuple[str, ...], BeforeValidator(_split_lines), AfterValidator(_check_unique)]
Origins = Annotated[
    tuple[Annotated[str, AfterValidator(_check_origin)], ...], BeforeValidator(_parse_list), AfterValidator(_check_unique)
]
Networks = Annotated[
    tuple[Annotated[str, AfterValidator(_check_network)], ...], BeforeValidator(_parse_list), AfterValidator(_check_unique)
]
Tiers = Annotated[tuple[Literal["page", "ticket", "info"], ...], BeforeValidator(_parse_list), AfterValidator(_check_unique)]
Decimals = Annotated[int, Field(ge=0, le=12)]
Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9]+(\.[A-Z0-9]+)?$")]
DecimalsBySymbol = Annotated[dict[Symbol, Decimals], BeforeValidator(_parse_decimals)]
Symbols = Annotated[tuple[Symbol, ...], BeforeValidator(_parse_list), AfterValidator(_check_unique)]


@dataclass(frozen=True, slots=True)
class SqliteBus:
    """A log in a SQLite file on this machine."""

    path: Path
    kind: Literal["sqlite"] = "sqlite"


@dataclass(frozen=True, slots=True)
class KafkaBus:
    """A log on Kafka; `bootstrap` is `host:port[,host:port]`."""

    bootstrap: str
    kind: Literal["kafka"] = "kafka"


Bus = SqliteBus | KafkaBus


def parse_bus(url: str) -> Bus:
    """Parse `sqlite:///relative.db`, `sqlite:////absolute.db` or `kafka://host:port[,host:port]`.

    Raises ValueError; its message is a sentence for the user, without passwords.
    """
    scheme, separator, rest = url.partition("://")
    if separator and scheme == "sqlite":
        return SqliteBus(_sqlite_path(rest))
    if separator and scheme == "kafka":
        return KafkaBus(_brokers(rest))
    raise ValueError("a bus begins with sqlite:/// or kafka://")


def _sqlite_path(rest: str) -> Path:
    path = rest.removeprefix("/")
    if not rest.startswith("/"):
        raise ValueError("the path of a SQLite file follows three slashes, as in sqlite:///volcast.db")
    if not path or path.endswith("/"):
        raise ValueError("the path of the SQLite file is missing, as in sqlite:///volcast.db")
    if path == ":memory:":
        raise ValueError("separate processes can't share a log in memory: name a file, as in sqlite:///volcast.db")
    return Path(path)


def _brokers(rest: str) -> str:
    if "@" in rest:
        raise ValueError(
            "the URL must not contain a user or a password: set VOLCAST_KAFKA_USERNAME and VOLCAST_KAFKA_PASSWORD instead"
        )
    for broker in rest.split(","):
        match = re.fullmatch(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?", broker)
        if match is None:
            raise ValueError("Kafka brokers are written as host:port, separated by commas, as in kafka://one:9092,two:9092")
        if match[1] is None:
            raise ValueError("each Kafka broker needs a port, as in kafka://localhost:9092")
        if not 1 <= int(match[1]) <= 65_535:  # noqa: PLR2004 - the highest port
            raise ValueError("a broker's port is a whole number from 1 to 65535")
    return rest
