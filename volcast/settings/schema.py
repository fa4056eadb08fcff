"""All settings of all processes: name, type, default, range and description of each.

Only `volcast.cli` and `volcast.commands` import this package, and pass the values on as plain arguments. `sources.py` finds the
values, `describe.py` presents them. The settings themselves stand in a class for each subject, of which this one is made.
"""

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from volcast.urls import password_in, secret_parts

from . import values
from .api import ApiSettings
from .client import ClientSettings
from .combinations import combinations
from .computation import ComputationSettings, LimitSettings
from .log import LogSettings
from .notifications import NotificationSettings
from .venues import VenueSettings

PREFIX = "VOLCAST_"
MASK = "********"
_KAFKA_FILES = ("kafka_password", "kafka_ca", "kafka_client_cert", "kafka_client_key")
_FILES = ("ca", *_KAFKA_FILES, "api_tokens", "api_tls_cert", "api_tls_key")


class SettingsError(Exception):
    """Wrong settings. The message has a line for each, and never contains the value of a secret."""


class Settings(  # pydantic takes the fields of the last base first
    ClientSettings,
    ApiSettings,
    NotificationSettings,
    LimitSettings,
    VenueSettings,
    LogSettings,
    ComputationSettings,
    BaseSettings,
):
    """The settings in effect. `volcast.settings.sources` finds their values; the class itself reads no environment or file."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid")

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
    traces_endpoint: str | None = Field(
        None,
        pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$",
        description="Receiver of traces by OTLP over HTTP, such as an OpenTelemetry collector; by default nothing is traced.",
        json_schema_extra={"allowed": "a URL such as http://127.0.0.1:4318"},
    )

    @property
    def consumer_ports(self) -> tuple[int, ...]:
        """Ports of a consumer's metrics, one for each of its `workers`; empty if not served, or if any free ones."""
        return tuple(range(self.metrics_port, self.metrics_port + self.workers)) if self.metrics_port else ()

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

    @field_validator("db", *(f"{name}_file" for name in _FILES), mode="before")
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
