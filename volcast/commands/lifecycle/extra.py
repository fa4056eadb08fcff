"""What the commands of the long loop say if the libraries of the extra `lifecycle` are missing.

It is a file of its own because each of these commands uses it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from volcast.cli.main import UserError

_OURS = ("volcast", "producer", "consumer", "api")


@contextmanager
def extra_required(what: str) -> Iterator[None]:
    """Turn a failed import within the block into a sentence about the extra; `what` is its subject, as `s3://`."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in _OURS:
            raise
        raise UserError(f"{what} needs {error.name}, which is not installed: pip install 'volcast[lifecycle]'") from None
