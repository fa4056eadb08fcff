"""Output files that appear under their names complete or not at all, and the check that none of them replaces an input."""

import gzip
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from io import BufferedWriter, TextIOWrapper
from pathlib import Path
from typing import TextIO


class OutputFileError(Exception):
    """An output file can't be written, or must not be: one sentence for the user."""


def check_targets(targets: Iterable[Path | None], inputs: Iterable[Path]) -> None:
    """Raise OutputFileError if `writing` would replace an input, add one to their folder, or write two outputs into one file.

    A target of None is an output that was not asked for.
    """
    chosen = [path for path in targets if path is not None]
    if len({path.resolve() for path in chosen}) < len(chosen):
        raise OutputFileError(f"{' and '.join(map(str, chosen))}: each file that is written needs a name of its own")
    sources = {path.resolve() for path in inputs}
    folders = {path for path in sources if path.is_dir()}
    for path in chosen:
        if path.resolve().parent in folders:
            raise OutputFileError(f"{path} lies in a folder that is read: choose another folder for what is written")
        if path.resolve() in sources:
            raise OutputFileError(f"{path} is an input: choose another name for what is written")
        if path.exists() and not path.is_file():
            raise OutputFileError(f"{path} is not a regular file: choose another name")


@contextmanager
def writing(path: Path, *, gzipped: bool | None = None) -> Iterator[TextIO]:
    """Yield a UTF-8 text file that becomes `path` at the end of the `with` block, as in `writing_bytes`.

    The file is gzipped if `gzipped` is true; by default, if its name ends in `.gz`. The same text gives the same bytes.
    """
    if gzipped is None:
        gzipped = path.suffix == ".gz"
    with writing_bytes(path) as raw:
        # No name and no time in the gzip header: they would differ from run to run.
        packed = gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) if gzipped else nullcontext(raw)
        with packed as stream:
            text = TextIOWrapper(stream, encoding="utf-8", newline="", write_through=False)
            try:
                yield text
            finally:
                text.detach()  # flushes, and leaves the binary file open for its owner to close


@contextmanager
def writing_bytes(path: Path) -> Iterator[BufferedWriter]:
    """Yield a binary file beside `path` that is renamed to `path` at the end of the `with` block, once its bytes are on the disk.

    If the block raises, the file that was at `path` before stays as it was. Raises OutputFileError if `path` can't be written;
    an OSError of the block itself counts as that, too.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as raw:
            yield raw
            raw.flush()
            os.fsync(raw.fileno())
        part.replace(path)
    except OSError as error:
        raise OutputFileError(f"{path} can't be written: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
