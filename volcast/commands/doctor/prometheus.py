"""Whether Prometheus scrapes the processes, and has rules for them. It is asked over its HTTP interface.

It stands alone because it needs neither the log nor this machine.
"""

from typing import Any

import httpx

from producer.doctor.check import CheckResult, failed, ok, warning

_JOB = "volcast"
_SHOWN = 5


def check_prometheus(url: str, timeout_s: float) -> list[CheckResult]:
    """Return the results for the Prometheus at this URL."""
    try:
        with httpx.Client(base_url=url, timeout=timeout_s) as client:
            targets = client.get("/api/v1/targets", params={"state": "active"}).raise_for_status().json()["data"]["activeTargets"]
            groups = client.get("/api/v1/rules", params={"type": "alert"}).raise_for_status().json()["data"]["groups"]
    except (httpx.HTTPError, httpx.InvalidURL, KeyError, TypeError, ValueError) as error:
        found = f"{url} can't be asked: {str(error) or type(error).__name__}"
        return [failed("prometheus", found, "check --prometheus, and whether it runs")]
    return [_targets(url, targets), _rules(groups)]


def _targets(url: str, targets: list[dict[str, Any]]) -> CheckResult:
    own = [each for each in targets if each["labels"].get("job", "").startswith(_JOB)]
    if not own:
        advice = "use monitoring/prometheus.yml, or name jobs volcast-…"
        return warning("targets", f"none of its {len(targets)} targets at {url} is of a job volcast…", advice)
    down = [each for each in own if each["health"] != "up"]
    if down:
        texts = [
            f"{each['labels']['job']} at {each['scrapeUrl']}: {each['lastError'] or each['health']}" for each in down[:_SHOWN]
        ]
        more = f"; and {len(down) - _SHOWN} more" if len(down) > _SHOWN else ""
        found = f"{len(down)} of {len(own)} are not up: {'; '.join(texts)}{more}"
        return failed("targets", found, "start these processes, or correct their addresses in prometheus.yml")
    return ok("targets", f"all {len(own)} are up")


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
