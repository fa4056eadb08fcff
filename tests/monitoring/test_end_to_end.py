"""From a candle to a message, through the real Prometheus and the real Alertmanager with our rules and routes.

All waiting times of rules and routes are divided by 60, the scrapes are every half second, and hours of candles pass in a
second. What the rules ask for stays as it is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from monitoring.local import Server, alertmanager, prometheus
from monitoring.rehearsal import await_that, generate, host_of, start_replay
from tests.command import process_group
from tests.forking import start
from tests.monitoring.receiver import Receiver, receiver
from volcast.proof.processes.processes import Process

BROKEN, CONTROL = "BTCUSDT", "ETHUSDT"
DAYS = 3
FROZEN_FOR_HOURS = "- {kind: frozen_price, at: 2024-01-02 12:00, minutes: 600}\n"
FACTOR, SCRAPE_S = 60.0, 0.5
OF_THE_MACHINE = {"DiskFilling", "DiskFull", "PredictionLatencyHigh", "TargetDown"}
"""Rules that are left out: they are about this machine's disk, or would fire here because it is busy with other tests."""
RECEIVERS = ("page", "ticket", "info")


@dataclass
class Stack:
    """What runs."""

    prometheus: Server
    alertmanager: Server
    told: Receiver
    run: Process

    def candles(self, symbol: str) -> float:
        """Return how many candles of a symbol Prometheus has seen."""
        return max(
            (float(each["value"][1]) for each in self.prometheus.query(f'volcast_candles{{symbol="{symbol}"}}')), default=0.0
        )

    def fired(self) -> set[tuple[str, str]]:
        """Return name and symbol of every alert that has fired at any time."""
        series = self.prometheus.query('count by (alertname, symbol) (count_over_time(ALERTS{alertstate="firing"}[1h]))')
        return {(each["metric"]["alertname"], each["metric"].get("symbol", "")) for each in series}


@contextmanager
def stack(folder: Path, files: list[Path], speed: int) -> Iterator[Stack]:
    """Replay files, watched by Prometheus, which tells Alertmanager, which tells a webhook."""
    with receiver() as told, process_group(folder) as parts:
        run, url = start_replay(parts, files, str(speed))
        with (
            alertmanager(folder / "alertmanager", dict.fromkeys(RECEIVERS, told.url), factor=FACTOR) as routes,
            prometheus(
                folder / "prometheus",
                {"volcast-serve": [host_of(url)]},
                scrape_s=SCRAPE_S,
                factor=FACTOR,
                alertmanager_url=routes.url,
                without=OF_THE_MACHINE,
            ) as server,
        ):
            yield Stack(server, routes, told, run)


def test_a_stationary_replay_raises_nothing(tmp_path: Path) -> None:
    files = [generate(tmp_path, symbol, DAYS, start=start) for symbol in (BROKEN, CONTROL)]
    with stack(tmp_path, files, 21_600) as watched:
        await_that(lambda: watched.candles(CONTROL) == DAYS * 1_440, "the end of the replay", watched.run)
        assert watched.fired() == set()
        assert watched.told.messages == []
        assert watched.prometheus.query("count(data_drift_ratio)")[0]["value"][1] == "2"


def test_a_frozen_price_pages_and_is_resolved(tmp_path: Path) -> None:
    """Of two symbols one is broken for ten hours. It pages once; the other one is silent."""
    page = ("page", "PriceFrozen", BROKEN)
    files = [
        generate(tmp_path, symbol, DAYS, breaks, start=start) for symbol, breaks in ((BROKEN, FROZEN_FOR_HOURS), (CONTROL, ""))
    ]
    with stack(tmp_path, files, 9_600) as watched:
        await_that(lambda: page in watched.told.told("firing"), "the page", watched.run)
        shown = watched.alertmanager.get("/api/v2/alerts")
        assert {each["labels"]["detector"] for each in shown if each["labels"]["alertname"] == "PriceFrozen"} == {"price_frozen"}
        await_that(lambda: page in watched.told.told("resolved"), "its end", watched.run)
        assert watched.candles(BROKEN) < DAYS * 1_440, "resolved by the end of the replay, not by the recovery"
        await_that(lambda: watched.candles(CONTROL) == DAYS * 1_440, "the end of the replay", watched.run)
        assert watched.fired() == {("PriceFrozen", BROKEN)}
        assert watched.told.told("firing") == watched.told.told("resolved") == {page}
        _, _, labels, annotations = watched.told.alerts[0]
        assert (labels["severity"], labels["detector"]) == ("page", "price_frozen")
        assert BROKEN in annotations["summary"]
        assert annotations["runbook"] == "docs/runbook.md#pricefrozen"
