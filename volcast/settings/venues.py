"""Settings of the live producer: how venues are reached, and what is loaded of their past."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr
from pydantic.config import JsonDict

from .values import NAME, PEM_FILE

_HTTP_URL = r"^https?://[^\s?#]+$"
_HTTP: JsonDict = {"allowed": "https:// or http://host[:port][/path]"}


class VenueSettings(BaseModel):
    """How venues are reached."""

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
        json_schema_extra={"allowed": PEM_FILE},
    )
    simulated: Literal["auto", "yes", "no"] = Field(
        "auto",
        description="Whether the venue is a simulated exchange, whose symbols get names of their own; auto: if its host is this "
        "machine, or a private address.",
    )
    mix_simulated: bool = Field(default=False, description="Write simulated candles to a log that has real ones, or the reverse.")
    twin: str | None = Field(
        None,
        pattern=NAME,
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
