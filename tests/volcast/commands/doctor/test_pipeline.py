"""`volcast doctor` without a venue, as a user calls it: what it prints, its JSON, its exit code, and that it tells no secret."""

import asyncio
import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitoring.local import Server, prometheus
from monitoring.rehearsal import await_that
from producer.doctor.check import CheckResult, failed, ok, unknown, warning
from tests.http_server import serving
from tests.log_access import fill
from tests.volcast.commands.consumed_log import candles, consume
from volcast.commands.doctor.command import command
from volcast.commands.doctor.output import results_as_json, summary, worst
from volcast.commands.doctor.pipeline import masking
from volcast.commands.doctor.prometheus import check_prometheus
from volcast.log.sqlite.log import SqliteLog

PASSWORD = "correct-horse"


def doctor(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(command, [*arguments, "--port", "0"], env=environment)


def test_a_log_that_is_as_it_should_be(tmp_path: Path) -> None:
    async def make() -> None:
        async with SqliteLog(tmp_path / "log.db") as log:
            await fill(log, candles(range(20), ["BTCUSDT"]))
            await consume(log)

    asyncio.run(make())
    done = doctor("--bus", f"sqlite:///{tmp_path}/log.db")
    *lines, last = done.output.splitlines()
    assert done.exit_code == 0, done.output
    assert {line.split()[1] for line in lines if line.startswith("ok ")} >= {"python", "folder", "size", "integrity", "state"}
    assert last == "no check failed; not checked: clock, prometheus"


def test_a_failure_has_advice_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_text("this is no database " * 50)
    done = doctor("--bus", f"sqlite:///{tmp_path}/log.db")
    lines = done.output.splitlines()
    assert (done.exit_code, lines[-1].split("; ")[1]) == (1, "the pipeline would not work well like this")
    (number,) = [number for number, line in enumerate(lines) if line.startswith("FAILED   file")]
    assert lines[number + 1].strip().startswith("→ ")


def test_json_has_all_of_it(tmp_path: Path) -> None:
    done = doctor("--json", "--bus", f"sqlite:///{tmp_path}/none.db")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["status"]) == (0, "warning")
    assert all(set(each) == {"status", "check", "found", "advice"} for each in told["checks"])
    assert {each["check"]: each["status"] for each in told["checks"]}["file"] == "warning"


@pytest.mark.parametrize("output", [(), ("--json",)])
def test_no_secret_is_told(output: tuple[str, ...]) -> None:
    done = doctor(
        *output,
        *("--bus", "kafka://127.0.0.1:9", "--kafka-username", "me", "--timeout-s", "1"),
        *("--prometheus", f"http://me:{PASSWORD}@127.0.0.1:9"),
        VOLCAST_KAFKA_PASSWORD=PASSWORD,
    )
    assert done.exit_code == 1
    assert "127.0.0.1:9" in done.output
    assert PASSWORD not in done.output


def test_a_secret_is_masked_wherever_it_stands() -> None:
    found: list[CheckResult] = []
    masking(found.append, ["abc", "abcdef"])(failed("x", "it said abcdef", "not abc"))
    assert (found[0].found, found[0].advice) == ("it said ********", "not ********")


def test_the_worst_status_is_that_of_all() -> None:
    fine, bad, open_, late = ok("a", "1"), failed("b", "2", "do"), unknown("c", "3", "do"), warning("d", "4", "do")
    assert [worst(each) for each in ([fine], [fine, late], [fine, open_], [late, bad], [])] == [
        "ok",
        "warning",
        "warning",
        "failed",
        "ok",
    ]
    assert json.loads(results_as_json([bad]))["checks"] == [{"status": "failed", "check": "b", "found": "2", "advice": "do"}]
    assert summary([fine, late], "it works") == "no check failed; it works"


def test_a_real_prometheus_with_targets_that_are_down_and_then_none(tmp_path: Path) -> None:
    with prometheus(tmp_path / "down", {"volcast-serve": ["127.0.0.1:9"]}, scrape_s=0.5) as server:
        await_that(lambda: any("refused" in each.found for each in check_prometheus(server.url, 5.0)), "a scrape")
        targets, rules = check_prometheus(server.url, 5.0)
        assert (targets.status.value, rules.check) == ("FAILED", "rules")
        assert "volcast-serve at http://127.0.0.1:9/metrics: " in targets.found
        assert "connection refused" in targets.found
        assert doctor("--prometheus", server.url).exit_code == 1
    with prometheus(tmp_path / "none", {}, scrape_s=0.5) as server:
        assert next(each.status.value for each in check_prometheus(server.url, 5.0)) == "warning"


class Metrics(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(b"one 1\n")


def test_each_worker_has_to_be_a_target_and_a_live_producer_that_never_ran_need_not_be_up(tmp_path: Path) -> None:
    with serving(Metrics) as port:
        jobs = {"volcast-consume": [f"127.0.0.1:{port}"], "volcast-produce-live": ["127.0.0.1:9"]}

        def found(server: Server, *ports: int) -> dict[str, CheckResult]:
            return {each.check: each for each in check_prometheus(server.url, 5.0, ports)}

        with prometheus(tmp_path, jobs, scrape_s=0.5) as server:
            await_that(lambda: "all 1 are up" in found(server)["targets"].found, "a scrape")
            assert found(server)["targets"] == ok(
                "targets", "all 1 are up; live producers that did not run within a day: 127.0.0.1:9"
            )
            assert "workers" not in found(server, port)
            missing = found(server, port, port + 1)["workers"]
            assert (missing.status.value, missing.found) == (
                "FAILED",
                f"a consumer's workers are no targets: 127.0.0.1:{port + 1}",
            )
            other = found(server, 1, 2)["workers"]
            assert (other.status.value, "any host's 1, any host's 2" in other.found) == ("FAILED", True)
            both = found(server, port, 9)["workers"]
            assert both.status.value == "ok"
            options = ("--workers", "2", "--metrics-port", str(port), "--prometheus", server.url)
            done = doctor(*options)
            assert f"FAILED   workers        a consumer's workers are no targets: 127.0.0.1:{port + 1}" in done.output
            assert done.exit_code == 1


def test_what_is_no_prometheus_fails() -> None:
    assert [each.status.value for each in check_prometheus("http://127.0.0.1:9", 1.0)] == ["FAILED"]
