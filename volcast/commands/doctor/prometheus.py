"""Whether Prometheus scrapes the processes, and has rules for them. It is asked over its HTTP interface.

It stands alone because it needs neither the log nor this machine.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx

from producer.doctor.check import CheckResult, failed, ok, warning

_JOB, _LIVE_JOB = "volcast", "volcast-produce-live"
_SEEN = f'max_over_time(up{{job="{_LIVE_JOB}"}}[1d]) == 1'
"""As the alert ProcessDown asks: live producers stand in prometheus.yml, and only who wants one starts it."""
_SHOWN = 5


def check_prometheus(url: str, timeout_s: float, consumer_ports: Sequence[int] = ()) -> list[CheckResult]:
    """Return the results for the Prometheus at this URL. `consumer_ports` are those of a consumer's workers."""
    try:
        with httpx.Client(base_url=url, timeout=timeout_s) as client:
            targets = client.get("/api/v1/targets", params={"state": "active"}).raise_for_status().json()["data"]["activeTargets"]
            groups = client.get("/api/v1/rules", params={"type": "alert"}).raise_for_status().json()["data"]["groups"]
            seen = client.get("/api/v1/query", params={"query": _SEEN}).raise_for_status().json()["data"]["result"]
    except (httpx.HTTPError, httpx.InvalidURL, KeyError, TypeError, ValueError) as error:
        found = f"{url} can't be asked: {str(error) or type(error).__name__}"
        return [failed("prometheus", found, "check --prometheus, and whether it runs")]
    own = [each for each in targets if each["labels"].get("job", "").startswith(_JOB)]
    if not own:
        advice = "use monitoring/prometheus.yml, or name jobs volcast-…"
        missing = warning("targets", f"none of its {len(targets)} targets at {url} is of a job volcast…", advice)
        return [missing, _rules(groups)]
    instances = {each["metric"]["instance"] for each in seen}
    return [_targets(own, instances), *_workers(own, consumer_ports), _rules(groups)]


def _targets(own: list[dict[str, Any]], live_instances: set[str]) -> CheckResult:
    """`live_instances` are the live producers that were up within a day: one that was not, was not meant to run."""
    unused = [
        each
        for each in own
        if each["health"] != "up" and each["labels"]["job"] == _LIVE_JOB and each["labels"]["instance"] not in live_instances
    ]
    used = [each for each in own if each not in unused] or own
    down = [each for each in used if each["health"] != "up"]
    if down:
        texts = [
            f"{each['labels']['job']} at {each['scrapeUrl']}: {each['lastError'] or each['health']}" for each in down[:_SHOWN]
        ]
        more = f"; and {len(down) - _SHOWN} more" if len(down) > _SHOWN else ""
        found = f"{len(down)} of {len(used)} are not up: {'; '.join(texts)}{more}"
        return failed("targets", found, "start these processes, or correct their addresses in prometheus.yml")
    names = ", ".join(each["labels"]["instance"] for each in unused[:_SHOWN])
    return ok(
        "targets", f"all {len(used)} are up" + (f"; live producers that did not run within a day: {names}" if unused else "")
    )


def _workers(own: list[dict[str, Any]], ports: Sequence[int]) -> list[CheckResult]:
    """Return whether each worker of `consume --workers N` is a target, on every host where one of them is."""
    if len(ports) < 2:  # noqa: PLR2004  # one process is no group
        return []
    hosts: dict[str, set[int]] = {}
    for each in own:
        address = urlsplit(each["scrapeUrl"])
        if address.hostname and address.port in ports:
            hosts.setdefault(address.hostname, set()).add(address.port)
    missing = [f"{host}:{port}" for host, known in hosts.items() for port in ports if port not in known] or (
        [] if hosts else [f"any host's {port}" for port in ports]
    )
    if not missing:
        return [ok("workers", f"the ports {ports[0]} to {ports[-1]} of the {len(ports)} workers are all among the targets")]
    more = f", and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    found = f"a consumer's workers are no targets: {', '.join(missing[:_SHOWN])}{more}"
    return [
        failed("workers", found, "add them to the targets of the job volcast-consume: nobody would see that they stand still")
    ]


def _rules(groups: list[dict[str, Any]]) -> CheckResult:
    rules = [rule for group in groups for rule in group["rules"]]
    broken = [rule["name"] for rule in rules if rule.get("health") == "err"]
    if broken:
        return failed("rules", f"{', '.join(broken[:_SHOWN])} can't be evaluated", "load monitoring/alerts.yml as it is")
    if not rules:
        return warning(
            "rules", "it has no alert rules", "add monitoring/alerts.yml to rule_files: nobody would be told of troubles"
        )
    firing = [rule["name"] for rule in rules if rule.get("state") == "firing"]
    if firing:
        return warning("rules", f"firing now: {', '.join(firing[:_SHOWN])}", "docs/runbook.md has a section for each")
    return ok("rules", f"{len(rules)} alert rules, none is firing")
