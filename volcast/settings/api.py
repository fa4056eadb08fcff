"""Settings of the API: where it listens, and what protects it when others can reach it."""

from pathlib import Path

from pydantic import BaseModel, Field

from . import values


class ApiSettings(BaseModel):
    """Where the API listens, who may ask, and how much."""

    host: str = Field(
        "127.0.0.1",
        pattern=r"^[A-Za-z0-9._:-]+$",
        description="Address to listen on; 0.0.0.0 for all interfaces.",
        json_schema_extra={"allowed": "an IP address or a host name"},
    )
    port: int = Field(8_000, ge=0, le=65_535, description="Port of the API; 0 for any free port.")
    api_tokens_file: Path | None = Field(
        None,
        description="Tokens that clients of the API need; by default none. A line for each: its name, read or admin, the token.",
        json_schema_extra={"allowed": "the path of a file that other users cannot read"},
    )
    api_cors_origins: values.Origins = Field(
        (),
        description="Web pages of other hosts that may read the API; by default none.",
        json_schema_extra={"allowed": "origins such as https://charts.example.com, separated by commas, or *"},
    )
    api_requests_per_minute: int = Field(
        6_000, ge=0, le=10_000_000, description="Requests of one address to the API in a minute; 0 for no limit."
    )
    api_body_bytes: int = Field(
        2_097_152, ge=1_024, le=67_108_864, description="Maximum size of the body of a request to the API, in bytes."
    )
    api_tls_cert_file: Path | None = Field(
        None,
        description="Certificate of the API, followed by those of its issuers, to serve HTTPS; needs `api_tls_key_file`.",
        json_schema_extra={"allowed": values.PEM_FILE},
    )
    api_tls_key_file: Path | None = Field(
        None,
        description="Private key of the API's certificate, not encrypted.",
        json_schema_extra={"allowed": values.PEM_FILE},
    )
    api_trusted_proxies: values.Networks = Field(
        (),
        description="Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed; by default none.",
        json_schema_extra={"allowed": "IP addresses or networks, as in 127.0.0.1,10.0.0.0/8"},
    )
