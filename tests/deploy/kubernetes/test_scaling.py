"""The lag by which KEDA scales the consumers, as Prometheus computes it from made-up samples."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.kubernetes.tools import ALL, ROOT, of_kind, rendered

SCALING = """
rule_files: [rules.yml]
evaluation_interval: 30s
tests:
  - interval: 30s
    input_series:
{series}
    promql_expr_test:
      - expr: lag
        eval_time: 10m
        exp_samples: {expected}
"""
CONSUMER = 'volcast_consumer_live_lag_seconds{{namespace="volcast",pod="volcast-consumer-{pod}",partition="{pod}"}}'
FEED = 'volcast_live_candle_age_seconds{{namespace="volcast",pod="volcast-producer-binance-{pod}",symbol="BTCUSDT"}}'
UP = 'up{namespace="volcast",pod="volcast-consumer-0"}'


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        pytest.param({UP: "1x30"}, 0, id="a replay has no live lag"),
        pytest.param({CONSUMER.format(pod=0): "1 31 1 31x30", FEED.format(pod=0): "1 31x30", UP: "1x30"}, 0, id="in time"),
        pytest.param(
            {CONSUMER.format(pod=0): "600x30", CONSUMER.format(pod=1): "5x30", FEED.format(pod=0): "30x30"}, 570, id="behind"
        ),
        pytest.param({CONSUMER.format(pod=0): "5x17 400 400 5x20", FEED.format(pod=0): "5x40"}, 0, id="a restore of a minute"),
        pytest.param({CONSUMER.format(pod=0): "0+30x40", FEED.format(pod=0): "0+30x40"}, 0, id="the venue is silent"),
        pytest.param({CONSUMER.format(pod=0).replace("volcast-consumer", "other-consumer"): "900x30"}, None, id="not ours"),
    ],
)
def test_the_lag_that_scales_consumers(series: dict[str, str], expected: int | None, tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    assert promtool, "no promtool: apt-get install prometheus, or make monitoring-tools"
    trigger = of_kind(rendered("plain", *ALL), "ScaledObject")["volcast-consumer"]["spec"]["triggers"][0]
    rule = {"groups": [{"name": "scaling", "rules": [{"record": "lag", "expr": trigger["metadata"]["query"]}]}]}
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rule), encoding="utf-8")
    lines = "\n".join(f"      - series: '{name}'\n        values: '{values}'" for name, values in series.items())
    samples = [] if expected is None else [{"labels": "lag", "value": expected}]
    (tmp_path / "test.yml").write_text(SCALING.format(series=lines, expected=json.dumps(samples)), encoding="utf-8")
    done = subprocess.run([promtool, "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_metrics_that_scale_consumers_exist() -> None:
    query = of_kind(rendered("plain", *ALL), "ScaledObject")["volcast-consumer"]["spec"]["triggers"][0]["metadata"]["query"]
    metrics = (ROOT / "docs/reference/metrics.md").read_text(encoding="utf-8")
    names = set(re.findall(r"volcast_\w+", query))
    assert names == {name for name in names if f"| `{name}` |" in metrics}
    assert len(names) == 2
