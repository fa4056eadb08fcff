"""Every query of Grafana's files, on a real Prometheus that scrapes a running pipeline: each has data and the labels it names."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring.grafana.files import RULES
from monitoring.grafana.queries import Query, all_queries
from monitoring.local import Server
from monitoring.rehearsal import COLLAPSED, FROZEN, LIVE_SYMBOLS, TROUBLES, await_that, rehearsal
from tests.forking import start

MAY_BE_EMPTY = {
    'system-health.json: API errors, query A, without "or vector(0)"': "no request to this API fails",
}
"""Queries without data, and why that is right."""
FALLBACK = " or vector(0)"
"""A number that has no series when all is well is then 0. Whether the query has data is asked without it."""
MAX_LINES = 25
SPEED = 86_400
"""A day of candles a second: more of them are in each batch, so that they take less of the processor."""
WINDOWS = {"window": "5m", "__rate_interval": "2m"}
pytestmark = pytest.mark.timeout(400)


def asked(server: Server, query: Query, symbols: Sequence[str], at_s: float) -> list[dict[str, Any]]:
    """Return the series of a query for all these symbols, each chosen alone, as a dashboard does."""
    if "symbol" not in query.variables:
        return server.query(query.filled(WINDOWS), at_s)
    return [series for symbol in symbols for series in server.query(query.filled({**WINDOWS, "symbol": symbol}), at_s)]


def parts(query: Query) -> Iterator[Query]:
    """Yield a query, and beside it what it is without its fallback. A rule about one detector is asked about any."""
    yield Query(query.where, re.sub(r'detector="\w+"', 'detector=~".+"', query.expression), query.legend, query.instant)
    if FALLBACK in query.expression:
        bare = query.expression.partition(FALLBACK)[0].removeprefix("(")
        yield Query(f'{query.where}, without "{FALLBACK.strip()}"', bare)


def test_every_query_has_data(tmp_path: Path) -> None:
    """One test, because the pipeline takes a minute: at one moment all alarms are on, at another one a live minute has closed."""
    with rehearsal(tmp_path, speed=SPEED, start=start) as rehearsed:
        server, replay = rehearsed.prometheus, rehearsed.processes.processes[-1]

        def asking(condition: Callable[[], bool]) -> bool:
            rehearsed.ask()
            return condition()

        await_that(lambda: asking(rehearsed.has_all_alarms), "the planted alarms", replay)
        alarmed_s = time.time()
        fires, firing = grafana_fires(server, alarmed_s), server.firing()
        await_that(lambda: asking(rehearsed.has_live_minute), "a live minute", replay)
        moments = (alarmed_s, time.time())
        queries = [part for query in all_queries() for part in parts(query)]
        assert len(queries) > 100
        assert [trouble for query in queries for trouble in troubles_of(server, query, moments)] == []
        assert [query.where for query in queries if is_crowded(server, query, alarmed_s)] == []
        missing = Query("nowhere", "count(volcast_no_such_metric) or vector(0)")
        assert [len(list(troubles_of(server, part, moments))) for part in parts(missing)] == [0, 1]
    assert fires == {"PriceFrozen": {FROZEN}, "VolumeCollapsed": {COLLAPSED}}
    assert {title: {each["symbol"] for each in firing[title]} for title in fires} == fires
    assert len(MAY_BE_EMPTY) <= 3
    assert set(MAY_BE_EMPTY) <= {query.where for query in queries}


def troubles_of(server: Server, query: Query, moments: Sequence[float]) -> Iterator[str]:
    """Yield what is wrong with a query: no data, no number, or a label in the name of its series that they do not have."""
    series = [each for at_s in moments for each in asked(server, query, (*TROUBLES, *LIVE_SYMBOLS), at_s)]
    if not series and query.where not in MAY_BE_EMPTY:
        yield f"{query.where}: no data: {query.expression}"
    if series and query.where in MAY_BE_EMPTY:
        yield f"{query.where} has data: strike it from the list"
    if series and all(each["value"][1] == "NaN" for each in series):
        yield f"{query.where}: no number: {query.expression}"
    if without := {label for label in query.labels if not all(each["metric"].get(label) for each in series)}:
        yield f"{query.where}: no label {', '.join(sorted(without))}"


def is_crowded(server: Server, query: Query, at_s: float) -> bool:
    """Return whether a chart has more lines than a person can read, with all symbols chosen if it lets several be chosen."""
    symbols = ".*" if '=~"$symbol"' in query.expression else FROZEN
    return not query.instant and len(asked(server, query, (symbols,), at_s)) > MAX_LINES


def grafana_fires(server: Server, at_s: float) -> dict[str, set[str]]:
    """Return the symbols for which Grafana's rules about single detectors have a value above their threshold, by title."""
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    fires: dict[str, set[str]] = {}
    for rule in group["rules"]:
        query, above = rule["data"][0]["model"]["expr"], rule["data"][1]["model"]["conditions"][0]["evaluator"]["params"][0]
        for each in server.query(query, at_s):
            if "detector" in each["metric"] and float(each["value"][1]) > above:
                fires.setdefault(rule["title"], set()).add(each["metric"]["symbol"])
    return fires
