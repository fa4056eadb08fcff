"""Files that a command writes for its user: under their names they stand whole, or not at all."""

import gzip
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from io import BufferedWriter, TextIOWrapper
from pathlib import Path
from typing import TextIO

from volcast.cli.main import UserError


def check_targets(targets: Iterable[Path | None], inputs: Iterable[Path]) -> None:
    """Raises UserError where `writing` would destroy an input, or write two files into one. None is a file not asked for."""
    chosen = [path for path in targets if path is not None]
    if len({path.resolve() for path in chosen}) < len(chosen):
        raise UserError(f"{' and '.join(map(str, chosen))}: each file that is written needs a name of its own")
    sources = {path.resolve() for path in inputs}
    for path in chosen:
        if path.resolve() in sources:
            raise UserError(f"{path} is an input: choose another name for what is written")
        if path.exists() and not path.is_file():
            raise UserError(f"{path} is no regular file: choose another name")


@contextmanager
def writing(path: Path) -> Iterator[TextIO]:
    """UTF-8 text, as `writing_bytes` has bytes; gzipped where the name ends in `.gz`."""
    with writing_bytes(path) as raw:
        # No name and no time in the gzip header: they would differ from run to run.
        packed = gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) if path.suffix == ".gz" else nullcontext(raw)
        with packed as stream:
            text = TextIOWrapper(stream, encoding="utf-8", newline="", write_through=False)
            try:
                yield text
            finally:
                text.detach()  # flushes, and leaves the file to its owner


@contextmanager
def writing_bytes(path: Path) -> Iterator[BufferedWriter]:
    """Bytes into a file beside `path`, which takes its name once all of it is on the disk.

    An exception in there leaves what was under that name untouched. Raises UserError where it can't be written.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with _refused(path):
            with part.open("xb") as raw:
                yield raw
                raw.flush()
                os.fsync(raw.fileno())
            part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"{path} can't be written: {error.strerror or error}") from None
