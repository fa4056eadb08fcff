"""Settings of commands that ask a running API. They stand alone, because a process that asks an API has none of its own."""

from pydantic import BaseModel, Field, SecretStr


class ClientSettings(BaseModel):
    """Which API is asked, and as whom."""

    client_url: str = Field(
        "http://127.0.0.1:8000",
        pattern=r"^https?://[^\s@?#]+$",
        description="Address of the running API that `volcast mcp` asks.",
        json_schema_extra={"allowed": "a URL without user or password"},
    )
    client_token: SecretStr | None = Field(
        None,
        description="Token with which `volcast mcp` asks that API.",
        json_schema_extra={"allowed": "a token of that API"},
    )
