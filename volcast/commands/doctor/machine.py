"""The checks of this machine: Python and libraries, files of the settings, ports, folder and disk. Nothing is changed."""

import os
import platform
import shutil
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from time import time

import click

from producer.doctor.check import CheckResult, failed, ok, warning
from volcast.cli.wiring.api import create_security, create_server_tls
from volcast.cli.wiring.pipeline import create_kafka_security
from volcast.settings.schema import Settings

from .health import ask

MIN_PYTHON, NEWEST_TESTED_PYTHON = (3, 11), (3, 13)
MIN_SQLITE = (3, 37)
"""The first with STRICT tables."""
LOW_FREE_BYTES, FULL_FREE_BYTES = 2 << 30, 200 << 20
"""Free bytes of the disk below which it is a warning, and a failure."""
NEWS_DAYS = 31
"""So many days before the table of releases ends, it is a warning."""
_ASK_S = 2.0
_SHOWN = ("volcast", "river", "numpy", "scipy", "aiokafka")
_MAX_PORT = 65_535
_METRICS = "the metrics of a consumer or a live producer"


def check_machine(settings: Settings, folder: Path, now: Callable[[], float] = time) -> Iterator[CheckResult]:
    """Yield the result of each check; `folder` is the one that the log's file is in, or will be; `now` in seconds since 1970."""
    yield _python()
    yield _libraries()
    yield _news(now())
    yield from _files(settings)
    yield _port(settings.host, settings.port, "port", "the API")
    if settings.metrics_port is not None:
        yield _port(settings.host, settings.metrics_port, "metrics_port", _METRICS)
    for number, port in enumerate(settings.consumer_ports[1:], 1):
        yield _port(settings.host, port, "metrics_port", f"the metrics of the consumer's worker {number}")
    yield from _folder(folder)


def _python() -> CheckResult:
    found = f"{platform.python_version()} ({platform.python_implementation()}, {platform.machine()})"
    if sys.version_info[:2] < MIN_PYTHON:
        return failed("python", found, "use Python 3.11 or newer")
    if sys.version_info[:2] > NEWEST_TESTED_PYTHON:
        return warning("python", found, "volcast is tested on Python 3.11 to 3.13")
    return ok("python", found)


def _libraries() -> CheckResult:
    from packaging.requirements import Requirement  # noqa: PLC0415  # not needed by --help

    wrong = []
    for line in requires("volcast") or ():
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            wrong.append(f"{requirement.name} {installed} is not {requirement.specifier}")
    if wrong:
        return failed("libraries", "; ".join(wrong), "install them with `pip install --require-hashes -r requirements.txt`")
    if sqlite3.sqlite_version_info < MIN_SQLITE:
        return failed("libraries", f"SQLite {sqlite3.sqlite_version}", "use a Python with SQLite 3.37 or newer")
    shown = ", ".join(f"{name} {version(name)}" for name in _SHOWN)
    return ok("libraries", f"all as required: {shown}, SQLite {sqlite3.sqlite_version}")


def _news(now_s: float) -> CheckResult:
    """Return whether the table of scheduled releases, a part of the model, still knows those that come."""
    from volcast.core.market.releases import COVERED_UNTIL  # noqa: PLC0415  # not needed by --help

    days = (COVERED_UNTIL - now_s / 60) / 1_440
    last = f"{datetime.fromtimestamp(COVERED_UNTIL * 60 - 1, UTC):%Y-%m-%d}"
    if days > NEWS_DAYS:
        return ok("news", f"scheduled economic releases are known until {last}")
    found = f"scheduled economic releases are known {'until' if days > 0 else 'only until'} {last}"
    return warning("news", found, "update volcast: forecasts take later releases for ordinary hours, and are too low there")


def _files(settings: Settings) -> Iterator[CheckResult]:
    """Yield whether the files that the settings name can be used: tokens, certificates, keys. Their contents are never shown."""
    from volcast.log.contract import Mismatch  # noqa: PLC0415  # as above

    try:
        security = create_security(settings)
        tls = create_server_tls(settings)
        create_kafka_security(settings).options()
    except (click.ClickException, Mismatch) as error:
        yield failed("files", str(error), "correct the file, or the setting that names it")
        return
    tokens = "with tokens" if security.tokens else "without tokens"
    yield ok("files", f"those of the settings can be used; the API is {tokens}, {'over TLS' if tls else 'without TLS'}")
    if not security.tokens and not security.is_local and not security.trusted_proxies:
        advice = "set api_tokens_file, unless only those can reach it who may"
        yield warning("access", f"the API would listen on {settings.host}: whoever can reach it can read it", advice)


def _port(host: str, port: int, name: str, role: str) -> CheckResult:
    where = f"{host}:{port}, for {role}"
    if port > _MAX_PORT:
        return failed("port", f"{where}: the last one is {_MAX_PORT}", f"choose a smaller {name}, or fewer workers")
    if port == 0:
        return ok("port", f"{where}: any free one")
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        answer = ask(f"http://{_reachable(host)}:{port}/health", _ASK_S)
        if answer.healthy:
            return ok("port", f"{where}: a healthy process answers there already")
        reason = (error.strerror or str(error)).partition(" (")[0]
        return failed("port", f"{where}: {reason}", f"end the process that uses it, or choose another {name}")
    return ok("port", f"{where}: free")


def _reachable(host: str) -> str:
    found = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not bound
    return f"[{found}]" if ":" in found else found


def _folder(folder: Path) -> Iterator[CheckResult]:
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    what = str(folder) if existing == folder else f"{folder}, to be created in {existing}"
    if not existing.is_dir():
        yield failed("folder", f"{existing} is no folder", "choose another path for the log")
        return
    if not os.access(existing, os.R_OK | os.W_OK | os.X_OK) or os.statvfs(existing).f_flag & os.ST_RDONLY:
        yield failed(
            "folder", f"{what}: it can't be written", f"run `chmod u+rwx {existing}` as its owner, or choose another path"
        )
    else:
        yield ok("folder", f"{what}: it can be read and written")
    usage = shutil.disk_usage(existing)
    found = f"{_gigabytes(usage.free)} of {_gigabytes(usage.total)} are free"
    if usage.free < FULL_FREE_BYTES:
        yield failed("disk", found, "make room: a log that cannot be written stops the pipeline")
    elif usage.free < LOW_FREE_BYTES:
        yield warning("disk", found, "make room soon; docs/monitoring.md says how fast logs grow")
    else:
        yield ok("disk", found)


def _gigabytes(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB"
