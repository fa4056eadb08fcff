"""Files that some checkouts have beside them; a test that needs a missing one is skipped, with a visible note."""

from pathlib import Path

import pytest

DATA = Path(__file__).parents[1].parent / "shared" / "data"


def real_minutes(name: str, request: pytest.FixtureRequest) -> Path:
    """Return the path of a file of real minutes; if it is missing, skip the test with a visible note."""
    return file_beside(name, "real minutes", request)


def file_beside(name: str, what: str, request: pytest.FixtureRequest) -> Path:
    """Return the path of a file below `DATA`; if it is missing, skip the test with a visible note."""
    path = DATA / name
    if not path.is_file():
        plugins = request.config.pluginmanager
        with plugins.getplugin("capturemanager").global_and_fixture_disabled():
            note = f"\n../shared/data/{name} not found: the test on {what} is skipped"
            plugins.getplugin("terminalreporter").write_line(note, yellow=True)
        pytest.skip(f"the {what} {name} are missing")
    return path
