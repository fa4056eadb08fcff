"""The job in volcast's own consumer: its results are those of a plain loop, whatever the batches, and after restarts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.peers.report import check_results
from bench.peers.topics import Result, candle_values, expected_results

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
CODE = """
import sys
from bench.peers.programs.volcast import replace_engine
from bench.peers.topics import KEY, candle_values
replace_engine(has_model=sys.argv[1] == "model")
from consumer.rules import Rules
from consumer.shard import Shard
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig
from volcast.log.contract import Record, Restored
rules = Rules(EngineConfig(), Decoder(), max_symbols=3, snapshot_records=50)
records = [Record(0, offset, KEY, value) for offset, value in enumerate(candle_values(1_000))]
state, restored = {}, Restored()
for begin, end, size in ((0, 300, 7), (300, 620, 100), (620, 1_000, 61)):
    shard = Shard(rules, restored)
    at = shard.replay_from
    while at < end:
        batch = shard.process(records[at : min(at + size, end)])
        at = min(at + size, end)
        if batch.commit:
            print(*(pair.value.decode() for pair in batch.commit.signals), sep="\\n")
            state |= {pair.key: pair.value for pair in batch.commit.snapshots}
            replay_from = at if batch.commit.replay_from is None else batch.commit.replay_from
            restored = Restored(batch.commit.position, dict(state), replay_from)
"""


@pytest.mark.parametrize("model", ["none", "model"])
def test_the_consumer_does_the_job_in_any_batches_and_after_restarts(model: str) -> None:
    """In a process of its own, as the consumer's engine is replaced in all of it."""
    done = subprocess.run([sys.executable, "-c", CODE, model], cwd=ROOT, capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines() if line]
    results = [Result(**{name: each.get(name) for name in Result.__struct_fields__}) for each in found]
    expected = expected_results(candle_values(1_000), has_model=model == "model")
    assert len(results) == 1_000
    check_results("volcast", results, expected)
