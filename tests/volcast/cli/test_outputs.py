"""Output files: the ending of a name must fit what is written, and `-` is standard output.

The test stands alone because three commands share these rules; their own tests try them with a command.
"""

import gzip
from pathlib import Path

import pytest

from volcast.cli.main import UserError
from volcast.cli.outputs import STANDARD_OUTPUT, check_ending, output


@pytest.mark.parametrize("name", ["out.csv", "out.CSV", "out.csv.gz", "out", "out.gz", "-", "my.forecasts.csv"])
def test_an_ending_that_fits_or_none_is_accepted(name: str) -> None:
    check_ending("--forecasts", Path("folder.d") / name if name != "-" else Path(name), ".csv")


@pytest.mark.parametrize(
    "name", ["out.parquet", "out.PARQUET", "out.parquet.gz", "out.feather", "out.xlsx", "out.json", "out.zip", "out.csv.xz"]
)
def test_another_ending_is_refused(name: str) -> None:
    with pytest.raises(
        UserError, match=r"^--forecasts out\.\S+: \.\w+ files are not written here; end the name in .csv or .csv.gz$"
    ):
        check_ending("--forecasts", Path(name), ".csv")


def test_a_file_is_written_when_it_is_complete(tmp_path: Path) -> None:
    with output(tmp_path / "out.csv.gz") as file:
        file.write("a\n")
        assert not (tmp_path / "out.csv.gz").exists()
    assert gzip.decompress((tmp_path / "out.csv.gz").read_bytes()) == b"a\n"


def test_a_dash_is_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    with output(STANDARD_OUTPUT) as file:
        file.write("a\n")
    assert capsys.readouterr().out == "a\n"
