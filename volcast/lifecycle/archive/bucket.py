"""An object store in a bucket of S3, or of a server that speaks S3: SeaweedFS, MinIO and others. The only importer of obstore.

Where the server is and who may write to it stands in the environment, in Amazon's variables or MinIO's:

    AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN     or  MINIO_ROOT_USER, MINIO_ROOT_PASSWORD
    AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL; Amazon's own without     or  MINIO_ENDPOINT, http://127.0.0.1:9000 without
    AWS_REGION, AWS_DEFAULT_REGION                                  or  MINIO_REGION; us-east-1 without

Without keys, obstore asks for those of the machine, as on Amazon's. A secret never stands in a message.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from .store import StoredObject, StoreError, StoreRefused, StoreUnavailable

MINIO_PORT = 9000
_DEFAULT_REGION = "us-east-1"
_TRIES = 10
"""How often a conflict of two writers is looked at before it counts as no answer."""
_MAX_REASON = 300
_SECRET_LENGTH = 4
"""A shorter one would be found in many words, and protects nothing."""
_said = re.compile(r"<Code>([^<]*)</Code>(?:.*?<Message>([^<]*)</Message>)?")
_refused = re.compile(r"\b(401 Unauthorized|403 Forbidden)\b")


@dataclass(frozen=True)
class S3Access:
    """Where a server is, and the keys for it. An empty endpoint is Amazon's."""

    endpoint: str
    region: str
    key: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)

    def options(self) -> dict[str, str]:
        """Return the options that object stores written in Rust take, Polars among them."""
        given = {
            "aws_endpoint_url": self.endpoint,
            "aws_region": self.region,
            "aws_access_key_id": self.key,
            "aws_secret_access_key": self.secret,
            "aws_session_token": self.token,
            "aws_allow_http": "true" if self.endpoint.startswith("http://") else "",
            "aws_virtual_hosted_style_request": "false" if self.endpoint else "",
        }
        return {name: value for name, value in given.items() if value}


def s3_access(environment: Mapping[str, str]) -> S3Access:
    """Return the access that the variables name; Amazon's variables come first. Raises StoreError if they are not whole.

    >>> s3_access({"MINIO_ROOT_USER": "me", "MINIO_ROOT_PASSWORD": "hidden"})
    S3Access(endpoint='http://127.0.0.1:9000', region='us-east-1', key='me')
    """

    def first(*names: str) -> str:
        return next((environment[name] for name in names if environment.get(name)), "")

    key, secret = first("AWS_ACCESS_KEY_ID"), first("AWS_SECRET_ACCESS_KEY")
    is_minio = not (key or secret) and bool(first("MINIO_ROOT_USER", "MINIO_ACCESS_KEY"))
    if is_minio:
        key, secret = first("MINIO_ROOT_USER", "MINIO_ACCESS_KEY"), first("MINIO_ROOT_PASSWORD", "MINIO_SECRET_KEY")
    if bool(key) != bool(secret):
        raise StoreError("the keys for S3 are not whole: set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or MinIO's two")
    endpoint = first("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "MINIO_ENDPOINT")
    if not endpoint and is_minio:
        endpoint = f"127.0.0.1:{MINIO_PORT}"
    if endpoint and "://" not in endpoint:
        endpoint = f"http://{endpoint}"
    region = first("AWS_REGION", "AWS_DEFAULT_REGION", "MINIO_REGION") or _DEFAULT_REGION
    return S3Access(endpoint.rstrip("/"), region, key, secret, first("AWS_SESSION_TOKEN") if not is_minio else "")


def open_bucket(bucket: str, prefix: str, environment: Mapping[str, str] | None = None) -> "BucketStore":
    """Return the store of a bucket, below a prefix, by the variables of `environment` or the process. Raises StoreError."""
    if not bucket:
        raise StoreError("s3:// names no bucket: expected s3://BUCKET/PREFIX")
    return BucketStore(bucket, prefix, s3_access(os.environ if environment is None else environment))


class BucketStore:
    """The objects of a bucket below a prefix."""

    def __init__(self, bucket: str, prefix: str, access: S3Access) -> None:
        self.root = f"s3://{bucket}/{prefix}".rstrip("/")
        self._bucket, self._access = bucket, access
        given = {
            "prefix": prefix,
            "endpoint": access.endpoint,
            "region": access.region,
            "access_key_id": access.key,
            "secret_access_key": access.secret,
            "session_token": access.token,
        }
        options: dict[str, Any] = {name: value for name, value in given.items() if value}
        self._store = S3Store(
            bucket,
            **options,
            virtual_hosted_style_request=not access.endpoint,
            client_options={
                "allow_http": access.endpoint.startswith("http://"),
                "connect_timeout": "5s",
                "timeout": "60s",
            },
            retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=30)},
        )

    def create(self, name: str, data: bytes) -> bool:
        for _ in range(_TRIES):
            with self._explained(), _existing() as exists:
                obstore.put(self._store, name, data, mode="create", use_multipart=False)
            if not exists:
                return True
            try:  # a conflict of two writers and a lost answer look the same: what is there says which it was
                return self.read(name) == data
            except FileNotFoundError:
                continue
        raise StoreUnavailable(f"{self.root}: {name} is being written by another, again and again")

    def read(self, name: str) -> bytes:
        with self._explained():
            return bytes(obstore.get(self._store, name).bytes())

    def head(self, name: str) -> StoredObject:
        with self._explained():
            return _described(obstore.head(self._store, name))

    def list_after(self, folder: str, after: str = "") -> Sequence[StoredObject]:
        with self._explained():
            batches = obstore.list(self._store, prefix=folder, offset=after or None)
            return sorted(_described(each) for batch in batches for each in batch)

    def delete(self, names: Iterable[str]) -> None:
        with self._explained():
            if chosen := list(names):
                obstore.delete(self._store, chosen)

    def sweep(self, before_ms: int) -> None:
        """Do nothing: an object appears as a whole."""

    def url(self, name: str) -> str:
        return f"{self.root}/{name}"

    def reader_options(self) -> Mapping[str, str] | None:
        return self._access.options()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn errors of obstore into sentences; that an object is missing becomes FileNotFoundError."""
        try:
            yield
        except AlreadyExistsError:
            raise
        except (BaseError, OSError) as error:
            if "NoSuchBucket" in str(error):
                raise StoreRefused(f"there is no bucket {self._bucket} at {self._where()}: create it first") from None
            reason = self._reason(error)
            if isinstance(error, FileNotFoundError | NotFoundError):
                raise FileNotFoundError(reason) from None
            if isinstance(error, PermissionDeniedError | UnauthenticatedError) or _refused.search(str(error)):
                raise StoreRefused(
                    f"{self.root}: {self._where()} refuses the key {self._access.key or '(none)'}: check AWS_ACCESS_KEY_ID and "
                    f"AWS_SECRET_ACCESS_KEY, and what the key may do ({reason})"
                ) from None
            raise StoreUnavailable(f"{self.root}: {self._where()} does not answer as it should: {reason}") from None

    def _where(self) -> str:
        return self._access.endpoint or f"Amazon S3, {self._access.region}"

    def _reason(self, error: Exception) -> str:
        """Return what the server has said, or else what the client says, without secrets."""
        text = " ".join(str(error).partition("Debug source:")[0].split())
        if said := _said.search(text):
            text = ": ".join(filter(None, said.groups()))
        for secret in (self._access.secret, self._access.token):
            text = text.replace(secret, "…") if len(secret) >= _SECRET_LENGTH else text
        return text[:_MAX_REASON]


class _Exists:
    """Whether a name was taken already."""

    found = False

    def __bool__(self) -> bool:
        return self.found


@contextmanager
def _existing() -> Iterator[_Exists]:
    exists = _Exists()
    try:
        yield exists
    except AlreadyExistsError:
        exists.found = True


def _described(meta: Any) -> StoredObject:
    return StoredObject(meta["path"], meta["size"], int(meta["last_modified"].timestamp() * 1_000))
