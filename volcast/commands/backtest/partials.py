"""Where the chunks of a run are: in the user's cache folder, under a name that says what they are results of.

The name is a hash of everything that they depend on: the bytes of the files, how they are read, settings, models, versions and
the code itself. So nothing is ever continued that another command, another file or another version has begun.
"""

import fcntl
import pickle
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b, file_digest
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time

import click
import platformdirs

import volcast
from volcast.cli.own_models.load import own_model
from volcast.core.snapshot import SNAPSHOT_FORMAT, VERSIONS

_KEPT_DAYS = 30
_CODE = (
    "volcast/core",
    "volcast/candle_files",
    "producer",
    "volcast/backtest/run.py",
    "volcast/backtest/ledger.py",
    "volcast/backtest/evaluation/distribution/forecasts.py",
    "volcast/commands/backtest/job.py",
)
"""The code on which the results depend."""
_DIGEST_BYTES = 16


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def key_of(models: Iterable[str], *parts: object) -> str:
    """Return a hash of values that can be pickled, of the code, that of own models included, and of the versions it runs with."""
    code = [file.read_bytes() for file in (*_code_files(), *_files_of(models))]
    content = pickle.dumps((parts, code, dict(VERSIONS), SNAPSHOT_FORMAT, sys.version))
    return blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()


def _code_files() -> Iterator[Path]:
    root = Path(volcast.__file__).parent.parent
    for path in (root / name for name in _CODE):
        yield from (
            sorted(file for file in path.rglob("*") if file.suffix in {".py", ".json", ".csv"}) if path.is_dir() else [path]
        )


def _files_of(models: Iterable[str]) -> Iterator[Path]:
    """Yield the files of own models, and those beside them, which they can import."""
    for folder in sorted({Path(own.place.filename).parent for own in filter(None, map(own_model, models))}):
        yield from sorted(folder.glob("*.py"))


@contextmanager
def partial_folder(key: str, *, keep: bool) -> Iterator[Path]:
    """Yield the folder of a run, which nobody else uses meanwhile. If the block succeeds the folder is removed.

    If it fails the folder stays, so that the next run goes on. It is a temporary one if `keep` is false; and if the cache cannot
    be used, which is told.
    """
    cache = platformdirs.user_cache_path("volcast") / "backtests"
    if keep:
        try:
            cache.mkdir(parents=True, exist_ok=True)
            _remove_old(cache)
            (cache / key).mkdir(exist_ok=True)
            lock = (cache / key / "lock").open("w")
        except OSError as error:
            click.echo(f"this run cannot be continued if it is interrupted: {cache}: {error.strerror}", err=True)
        else:
            with lock:
                if _is_mine(lock.fileno()):
                    yield cache / key
                    shutil.rmtree(cache / key)
                    return
                click.echo("the same backtest is running already; this one cannot be continued if it is interrupted", err=True)
    with TemporaryDirectory(prefix="volcast-backtest-") as folder:
        yield Path(folder)


def _is_mine(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove_old(cache: Path) -> None:
    """Remove what was left and not continued for a month."""
    for folder in cache.iterdir():
        with suppress(OSError):  # another run may be removing it, too
            newest = max(file.stat().st_mtime for file in (folder, *folder.rglob("*")))
            if newest < time() - _KEPT_DAYS * 86_400:
                shutil.rmtree(folder, ignore_errors=True)
