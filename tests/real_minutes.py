"""Files of real minutes that some checkouts have beside them; a test that needs a missing one is skipped, with a visible note."""

from pathlib import Path

import pytest

DATA = Path(__file__).parents[1].parent / "shared" / "data"


def real_minutes(name: str, request: pytest.FixtureRequest) -> Path:
    """Return the path of a file; if it is missing, skip the test with a visible note."""
    path = DATA / name
    if not path.is_file():
        plugins = request.config.pluginmanager
        with plugins.getplugin("capturemanager").global_and_fixture_disabled():
            note = f"\n../shared/data/{name} not found: the test on real minutes is skipped"
            plugins.getplugin("terminalreporter").write_line(note, yellow=True)
        pytest.skip(f"the real minutes {name} are missing")
    return path
