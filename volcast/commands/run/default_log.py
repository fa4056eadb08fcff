"""The log of a run without --db: a file in the user's data folder, of its own for each source, content and engine settings."""

import asyncio
import re
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from volcast.cli.wiring.pipeline import ENGINE_SETTINGS, create_sqlite_log, sample_files
from volcast.settings.describe import text
from volcast.settings.schema import Settings

if TYPE_CHECKING:
    from producer.csv_replay import CsvReplay, SymbolReplay

_APPENDER = "choice-of-a-log"


def default_path(name: str, settings: Settings) -> Path:
    """Return a path in the user's data folder, different for each source and set of engine settings, so that runs do not mix."""
    import platformdirs  # noqa: PLC0415  # not needed by --help

    changed = [
        f"{name}={re.sub('[^A-Za-z0-9.,=]', '-', text(getattr(settings, name)))}"
        for name in ENGINE_SETTINGS
        if getattr(settings, name) != getattr(Settings(), name)
    ]
    return platformdirs.user_data_path("volcast") / f"{'_'.join([name[:100], *changed])}.db"


def default_path_of_files(sources: "list[CsvReplay]", settings: Settings) -> Path:
    """Return the path of the log that these files continue, or of a new one.

    Its name has a hash of the files' first rows. A file that has grown continues its log; one that was changed gets a new log
    beside it, with a number. Raises LogError if a log of that name cannot be read.
    """
    from producer.csv_replay import by_symbol  # noqa: PLC0415  # not needed by --help

    replays = by_symbol(sources)
    is_sample = [source.path for source in sources] == list(sample_files())
    name = "sample" if is_sample else "+".join(source.path.name.removesuffix(".gz").removesuffix(".csv") for source in sources)
    begins = " ".join(f"{replay.symbol} {next(replay.candles()).content}" for replay in replays)
    begin = blake2b(begins.encode(), digest_size=4).hexdigest()
    for number in count(1):
        path = default_path(f"{name[:80]}-{begin}" + (f"-{number}" if number > 1 else ""), settings)
        if not path.exists() or asyncio.run(_is_continued(path, replays, settings)):
            return path
    raise AssertionError  # the loop ends at a path that does not exist


async def _is_continued(path: Path, replays: "list[SymbolReplay]", settings: Settings) -> bool:
    from producer.resume import NotContinuedError, resume  # noqa: PLC0415  # as above

    async with create_sqlite_log(path, settings) as log, log.appender(_APPENDER) as appender:
        try:
            for replay in replays:
                await resume(replay, appender)
        except NotContinuedError:
            return False
    return True
