"""GET /config: the settings in effect and where each came from. The command that serves passes them in, with secrets masked.

It stands alone because only it knows nothing of signals.
"""

from collections.abc import Sequence
from typing import TypedDict

from fastapi import APIRouter
from pydantic import BaseModel, Field

PlainSetting = TypedDict(
    "PlainSetting",
    {"name": str, "value": object, "from": str, "default": object, "allowed": str, "sentence": str},
)
"""A setting as plain values, as `volcast settings --json` prints it."""


class SettingResponse(BaseModel):
    """A setting in effect."""

    name: str = Field(description="Name of the setting.")
    value: object = Field(description="Its value: any JSON value; ******** for a secret that is set.")
    origin: str = Field(alias="from", description="Where the value came from: flag, environment, .env, a file's name or default.")
    default: object = Field(description="Its default.")
    allowed: str = Field(description="Which values are allowed, in words.")
    sentence: str = Field(description="What it is.")


class ConfigResponse(BaseModel):
    """The settings of this process."""

    settings: list[SettingResponse] = Field(
        description="The settings that this process uses. A consumer or a producer in another process has its own."
    )


def config_routes(settings: Sequence[PlainSetting]) -> APIRouter:
    """Return the route over these settings, of which secrets are already masked."""
    router = APIRouter()
    answer = ConfigResponse(settings=[SettingResponse.model_validate(each) for each in settings])

    @router.get("/config", summary="Settings in effect")
    async def config() -> ConfigResponse:
        """Return the settings that this process uses and where each came from. Secrets are masked."""
        return answer

    return router
