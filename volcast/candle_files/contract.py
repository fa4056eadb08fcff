"""What the readers of all formats share: a row, the error, and what a user may say about files that cannot be recognized."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol, TypeVar

TimeUnit = Literal["s", "ms", "us", "ns"]
BinaryContainer = Literal["parquet", "arrow", "arrow-stream"]
Packing = Literal["plain", "gzip", "zip"]
CANDLE_COLUMNS = ("timestamp", "open", "high", "low", "close", "volume_btc", "volume_usd")
"""The columns of this project's own files."""
OWN_KIND = "this project's columns"
ROLES = ("time", "open", "high", "low", "close", "volume", "quote_volume")
"""What a column can be, in the order of the cells of a row."""
_SHOWN_CHARACTERS = 40


class CandleFileError(Exception):
    """A candle file can't be read or written: one sentence for the user."""


class MissingColumnError(CandleFileError):
    """A file has no column of a role that is required."""

    def __init__(self, sentence: str, role: str) -> None:
        super().__init__(sentence)
        self.role = role
        """The first missing one, one of `ROLES`."""


class CandleRow(NamedTuple):
    """One row of a candle file: the text of each number as the file has it, without surrounding blanks."""

    line: int
    """The row's line in the file, counted from 1; the first line of a row that spans several. In JSON, Parquet and Feather files,
    which have no lines, the number of the row."""
    open_time_ms: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    """The volume in the base currency, whichever that is; 0 if the file has no volume at all."""
    quote_volume: str
    """The volume in the quote currency; volume × close if the file has no such column."""


Row_co = TypeVar("Row_co", covariant=True)


class RowMaker(Protocol[Row_co]):
    """What a reader makes of the cells of a row: a `CandleRow` for a replay, a close for the batch job."""

    def row(self, line: int, cells: Sequence[str], /) -> Row_co | None:
        """Return the row; None for one that is left out. `cells` are in the order of `ROLES`, "0" for a column that lacks."""


class FileOptions(NamedTuple):
    """What the user says about candle files, for what cannot be told from their content."""

    columns: tuple[tuple[str, str], ...] = ()
    """Pairs of a role, one of `ROLES`, and the column's name, or its number counted from 1."""
    timezone: str = ""
    """IANA name of the zone of times that name none; "" for UTC."""
    time_unit: TimeUnit | None = None
    """The unit of times that are numbers since 1970; None if their number of digits says it."""


class Columns(NamedTuple):
    """The position of each role's column, counted from 0; None if the file has none."""

    time: int | None = None
    open: int | None = None
    high: int | None = None
    low: int | None = None
    close: int | None = None
    volume: int | None = None
    quote_volume: int | None = None


NO_OPTIONS = FileOptions()


class FileFormat(NamedTuple):
    """How a file is read: what `recognize` has found in its first rows. The cells of a row stand in the order of its columns."""

    kind: str
    """In words, for people: `CryptoDataDownload`."""
    container: Literal["csv", "json"] | BinaryContainer
    packing: Packing
    """How the bytes are packed; a zip archive holds one file."""
    columns: Columns
    options: FileOptions
    header: tuple[str, ...] = ()
    """The names of the columns as the file has them, without surrounding blanks; () if it has none."""
    width: int = 0
    """Cells of a row."""
    delimiter: str = ","
    skipped_lines: int = 0
    """CSV: lines above the header, or above the first row if there is no header: a banner, and blank lines."""
    quoted_lines: bool = False
    """CSV: whether lines are in quotes as a whole, the header included: the cells stand inside one quoted cell."""
    newest_first: bool | None = None
    """Whether time runs backward in the first rows; None if they have no times, or the same one."""

    def name_of(self, role: str) -> str:
        """Return the name of the role's column, or its number, counted from 1, if columns have no names."""
        at = getattr(self.columns, role)
        return self.header[at] if self.header else f"{at + 1}"


def quoted(text: str) -> str:
    """Return a text of the user's file in quotes, shortened, for a sentence."""
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…")
