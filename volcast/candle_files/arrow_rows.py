"""Parquet and Arrow files (Feather is one): tables with typed columns, read by Polars a few row groups at a time.

Numbers become text that says exactly what the column holds: a float its shortest representation, a decimal all of its digits. An
index that pandas has stored is a column like the others. Memory: an Arrow stream is held as a whole, other files are not.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .columns.names import check_required
from .contract import BinaryContainer, CandleFileError, FileFormat, FileOptions, Row_co, RowMaker
from .text_format import columns_of, parser_of, runs_backward

if TYPE_CHECKING:
    import polars as pl

_SAMPLE_ROWS = 500
_CHUNK_ROWS = 50_000
_NAMES = {"parquet": "Parquet", "arrow": "Feather", "arrow-stream": "Arrow stream"}
_TIME = "%Y-%m-%d %H:%M:%S%.f"


def recognize_arrow(path: Path, container: BinaryContainer, options: FileOptions, required: Sequence[str]) -> FileFormat:
    """Return the format of a Parquet or Arrow file; see `formats.recognize`."""
    parse_ms = parser_of(options)
    name = _NAMES[container]
    with _readable(path, name):
        table = _scan(path, container)
        schema = table.collect_schema()
        header = tuple(schema)
        sample = table.head(_SAMPLE_ROWS).select(_texts(schema, header)).collect().rows()
    if not header:
        raise CandleFileError(f"{path} has no columns; a table of candles is expected.")
    rows = [list(row) for row in sample]
    kind, columns = columns_of(path, header, rows, options)
    check_required(path, 0, header, columns, required)
    return FileFormat(
        f"{name}, {kind}",
        container,
        "plain",
        columns,
        options,
        header=header,
        width=len(header),
        newest_first=runs_backward(rows, columns.time, parse_ms),
    )


def read_arrow(path: Path, file_format: FileFormat, cells: RowMaker[Row_co]) -> Iterator[Row_co]:
    """Yield the rows in the order of the file. Raise CandleFileError at a mistake, after the rows before it."""
    with closing(_rows(path, file_format)) as rows:
        for number, found in enumerate(rows, start=1):
            if row := cells.row(number, found):
                yield row


def _rows(path: Path, file_format: FileFormat) -> Generator[tuple[str, ...]]:
    """Yield the cells of each row, in the order of `ROLES`."""
    import polars as pl  # noqa: PLC0415  # slow to import

    with _readable(path, _NAMES[file_format.container]):
        table = _scan(path, file_format.container)
        schema = table.collect_schema()
        if tuple(schema) != file_format.header:
            raise CandleFileError(f"{path} has changed while it was read; try again.")
        names = [None if at is None else file_format.header[at] for at in file_format.columns]
        given = dict(zip((name for name in names if name), _texts(schema, [name for name in names if name]), strict=True))
        cells = [given[name].alias(f"{at}") if name else pl.lit("0").alias(f"{at}") for at, name in enumerate(names)]
        for batch in table.select(cells).collect_batches(chunk_size=_CHUNK_ROWS):
            yield from batch.iter_rows()


def _scan(path: Path, container: str) -> "pl.LazyFrame":
    import polars as pl  # noqa: PLC0415  # as above

    if container == "parquet":
        return pl.scan_parquet(path, glob=False, hive_partitioning=False)
    if container == "arrow":
        return pl.scan_ipc(path, glob=False, hive_partitioning=False)
    return pl.read_ipc_stream(path).lazy()


def _texts(schema: "pl.Schema", names: Sequence[str]) -> "list[pl.Expr]":
    """Return the columns of these names as text; null is an empty cell."""
    import polars as pl  # noqa: PLC0415  # as above

    def text(name: str) -> pl.Expr:
        kind, column = schema[name], pl.col(name)
        if isinstance(kind, pl.Datetime):
            if kind.time_zone is None:
                return column.dt.strftime(_TIME)
            return column.dt.convert_time_zone("UTC").dt.strftime(f"{_TIME}Z")
        if kind.is_nested() or kind in (pl.Binary, pl.Object):
            return pl.lit(f"<{kind.base_type()}>")
        return column.cast(pl.String)

    return [text(name).fill_null("").alias(name) for name in names]


@contextmanager
def _readable(path: Path, name: str) -> Iterator[None]:
    """Raise CandleFileError where Polars finds the file unusable."""
    import polars.exceptions  # noqa: PLC0415  # as above

    try:
        yield
    except (polars.exceptions.PolarsError, polars.exceptions.PanicException, OSError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CandleFileError(f"{path}: the {name} file can't be read ({reason[:200]}); create or download it again.") from None
