"""The examples of docs/adding-a-model.md: they stand there as they are here, and the command runs them."""

import re
from pathlib import Path

from tests.command import volcast
from tests.market import csv_text
from volcast.core.codec import decode_signal
from volcast.core.types import Signal
from volcast.log.contract import Topic
from volcast.log.sqlite.log import SqliteLog

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples/own_models.py"


def test_the_page_shows_the_file() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/adding-a-model.md").read_text(), re.DOTALL)
    assert len(blocks) == 3
    code = EXAMPLES.read_text()
    assert [block for block in blocks if block not in code] == []


async def signals_in(log: Path) -> list[Signal]:
    async with SqliteLog(log) as opened, opened.reader(Topic.SIGNALS) as reader:
        decoded = [decode_signal(record.value) for record in await reader.read(10_000, 0.0)]
    return [each for each in decoded if isinstance(each, Signal)]


async def test_examples_run_as_shadows_and_a_restart_continues_them(tmp_path: Path) -> None:
    examples = f"{EXAMPLES}:ThreeSpeeds,{EXAMPLES}:FastHar"
    (tmp_path / "btcusdt.csv").write_text(csv_text(400))
    run = ("run", "btcusdt.csv", "--port", "0", "--exit-when-done", "--shadows")
    whole = volcast(tmp_path, *run, examples, "--db", "whole.db")
    assert (whole.returncode, whole.stderr) == (0, "")
    (tmp_path / "btcusdt.csv").write_text(csv_text(400).rsplit("\n", 201)[0] + "\n")
    assert volcast(tmp_path, *run, examples, "--db", "parts.db").returncode == 0
    (tmp_path / "btcusdt.csv").write_text(csv_text(400))
    assert volcast(tmp_path, *run, examples, "--db", "parts.db").returncode == 0
    signals = await signals_in(tmp_path / "whole.db")
    assert len(signals) == 400
    names = {tuple(shadow.model.partition("@")[0] for shadow in each.shadows) for each in signals}
    assert names == {("ThreeSpeeds", "FastHar")}
    assert await signals_in(tmp_path / "parts.db") == signals


def test_examples_run_in_the_processes_of_a_backtest(tmp_path: Path) -> None:
    """A model without a state, too; a mistake in one is the same sentence as elsewhere."""
    (tmp_path / "btcusdt.csv").write_text(csv_text(400))
    signals = ("--signals", "signals.jsonl", "--horizons", "15", "--workers", "2")
    models = ",".join(f"{EXAMPLES}:{name}" for name in ("ThreeSpeeds", "linear", "FastHar"))
    done = volcast(tmp_path, "backtest", "btcusdt.csv", "--models", models, *signals)
    assert done.returncode == 0
    assert len((tmp_path / "signals.jsonl").read_text().splitlines()) == 400
    (tmp_path / "mine.py").write_text(EXAMPLES.read_text().replace("return sum(", "return None and sum("))
    failed = volcast(tmp_path, "backtest", "btcusdt.csv", "--models", "last,mine.py:ThreeSpeeds", *signals)
    assert failed.returncode == 2
    assert re.search(
        r"^volcast: mine\.py, line \d+: ThreeSpeeds\.predict_one returned None, where a", failed.stderr, re.MULTILINE
    )
    assert "Traceback" not in failed.stderr


def test_an_example_without_a_state_is_refused_on_a_stream(tmp_path: Path) -> None:
    (tmp_path / "btcusdt.csv").write_text(csv_text(50))
    refused = volcast(tmp_path, "run", "btcusdt.csv", "--port", "0", "--db", "x.db", "--shadows", f"{EXAMPLES}:linear")
    assert refused.returncode == 2
    assert "linear has no methods dump and load, so its state would be lost at a restart" in refused.stderr
    assert not (tmp_path / "x.db").exists()


def test_a_model_that_fails_on_a_stream_ends_it_with_a_sentence(tmp_path: Path) -> None:
    code = """
class Mine:
    features, count = ("one",), 0

    def predict_one(self, x):
        return 0.0

    def learn_one(self, x, y):
        self.count += 1
        return 1 / (30 - self.count)

    def dump(self):
        return {"count": self.count}

    def load(self, state):
        self.count = state["count"]
"""
    (tmp_path / "mine.py").write_text(code)
    (tmp_path / "btcusdt.csv").write_text(csv_text(400))
    failed = volcast(tmp_path, "run", "btcusdt.csv", "--port", "0", "--db", "x.db", "--shadows", "mine.py:Mine")
    assert failed.returncode == 2
    assert failed.stderr == "volcast: mine.py, line 10, in Mine.learn_one: ZeroDivisionError: division by zero\n"
