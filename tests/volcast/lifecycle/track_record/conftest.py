"""An archive for the tests of the track record, and copies of it to be changed."""

import shutil
from pathlib import Path

import pytest

from tests.volcast.lifecycle.track_record.archived import batches, write


@pytest.fixture(scope="package")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("original") / "a", batches())


@pytest.fixture
def archive(original: Path, tmp_path: Path) -> Path:
    """A copy to be changed; times are those of the original."""
    return shutil.copytree(original, tmp_path / "a")
