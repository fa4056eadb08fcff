"""What a candle file is, by its content: which columns it has and how its rows are read.

`recognize(path)` reads the first rows of a file and returns a `FileFormat` (defined in `contract.py`), or raises CandleFileError
with one sentence that says what is missing and how the user can say it. Names of files do not count. Several things about a CSV
file are found together, because each depends on the others: the delimiter, a banner above the table, whether the first line has
names, and which column is what (`columns/`).
"""

from collections.abc import Sequence
from pathlib import Path

from .archives import content_of
from .contract import NO_OPTIONS, FileFormat, FileOptions
from .json_rows import is_json, recognize_json
from .text_format import recognize_text

CANDLES = ("time", "open", "high", "low", "close")
"""What a file needs in order to be replayed."""


def recognize(path: Path, options: FileOptions = NO_OPTIONS, *, required: Sequence[str] = CANDLES) -> FileFormat:
    """Return the format of a file, as its first rows show it.

    `required` are the roles that must have a column, of `ROLES`: a job that only reads closes passes `("close",)`. For CSV,

        format.skipped_lines    lines above the header, or above the first row if `format.header` is ()
        format.delimiter        `,`, `;` or a tab
        format.quoted_lines     whether each line is in quotes as a whole
        format.columns.close    the position of a role's column, counted from 0, or None; `format.name_of("close")` its name
        format.newest_first     whether time runs backward in the first rows; None if that cannot be told
        format.packing          plain, gzip or zip; `archives.text_blocks(path)` yields the lines of each

    Raises MissingColumnError if a required role has no column, and CandleFileError if the file is of no format that is read.
    """
    content = content_of(path)
    if content.container != "text":
        from .arrow_rows import recognize_arrow  # noqa: PLC0415  # Polars is slow to import, and text does not need it

        return recognize_arrow(path, content.container, options, required)
    if is_json(content.begin):
        return recognize_json(path, content, options, required)
    return recognize_text(path, content, options, required)
