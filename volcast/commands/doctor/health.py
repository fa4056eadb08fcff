"""`volcast health`: ask a running process whether it is healthy. It is the health check of the image, which has no curl.

Which address to ask depends on the role. In a container the first process has it on its command line, so that is read with the
same options and settings as the process itself reads it: an address changes in one place.
"""

import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import click

from volcast.cli.main import UserError, main
from volcast.settings.schema import Settings
from volcast.settings.sources import load

_UNHEALTHY = 1
_FIRST_PROCESS = Path("/proc/1/cmdline")
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared, not bound
_API_COMMANDS = ("volcast serve", "volcast run")
_MONITORED_COMMANDS = ("volcast consume", "volcast produce live", "volcast archive run")


class Role(NamedTuple):
    """What a process was started for."""

    command: str
    """The command as a user writes it, such as `volcast produce live`."""
    urls: tuple[str, ...] = ()
    """Where it answers for its health, each worker of `--workers N` by itself; none if it does not."""


@click.command("health")
@click.argument("url", required=False)
@click.option("--timeout-s", type=click.FloatRange(0.1, 300), default=3.0, show_default=True, help="Seconds to wait.")
def command(url: str | None, timeout_s: float) -> None:
    """Ask a process for its /health, print the answer, and exit with code 1 if it is not healthy or does not answer.

    Without URL it asks the process that this container was started for; with `consume --workers N` each of the workers, and all
    have to be healthy. One that does not serve its health, as a replay, is healthy as long as it runs.
    """
    urls: tuple[str, ...] = (url,) if url else ()
    if not urls:
        role = role_of(_FIRST_PROCESS.read_bytes().decode(errors="replace").split("\0"))
        if role is None:
            raise UserError("the first process here is not volcast: give the address, as in http://127.0.0.1:8000/health")
        if not role.urls:
            click.echo(f"{role.command} runs; it does not serve its health")
            return
        urls = role.urls
    with ThreadPoolExecutor(len(urls)) as pool:
        answers = dict(zip(urls, pool.map(lambda each: ask(each, timeout_s), urls), strict=True))
    for asked, answer in sorted(answers.items(), key=lambda item: not item[1].healthy):  # what is wrong stands last
        click.echo(answer.text if len(urls) == 1 or asked in answer.text else f"{asked}: {answer.text}")
    if not all(answer.healthy for answer in answers.values()):
        raise click.exceptions.Exit(_UNHEALTHY)


def role_of(words: Sequence[str]) -> Role | None:
    """Return the role of the process with this command line; None if it is not volcast.

    Raises SettingsError and click.UsageError as the process itself does.
    """
    start = next((number for number, word in enumerate(words) if Path(word).name == "volcast"), None)
    if start is None:
        return None
    rest = [word for word in words[start + 1 :] if word]
    found: click.Command | None = main
    context = click.Context(main, info_name="volcast")
    while isinstance(found, click.Group) and rest and (sub := found.get_command(context, rest[0])) is not None:
        context, found, rest = click.Context(sub, context, info_name=rest[0]), sub, rest[1:]
    name = context.command_path
    if name not in {*_API_COMMANDS, *_MONITORED_COMMANDS} or found is None:
        return Role(name)
    given = found.make_context(context.info_name, rest, parent=context.parent).params
    flags = {setting: value for setting, value in given.items() if setting in Settings.model_fields and value not in {None, ()}}
    settings = load(flags, given.get("config")).settings
    if name in _API_COMMANDS:
        ports: tuple[int, ...] = (settings.port,)
    else:
        ports = settings.consumer_ports if name == "volcast consume" else settings.consumer_ports[:1]
    host = _LOOPBACK.get(settings.host, settings.host)
    scheme = "https" if name in _API_COMMANDS and settings.api_tls_cert_file else "http"
    return Role(name, tuple(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/health" for port in ports if port))


class HealthAnswer(NamedTuple):
    """What a process answered."""

    healthy: bool
    text: str


def ask(url: str, timeout_s: float) -> HealthAnswer:
    """GET the URL. Anything but status 200 is unhealthy, and so is no answer within `timeout_s` seconds.

    A certificate is not checked: a process asks itself, by an address that its certificate does not name.
    """
    scheme, host, port, path = _parts(url)
    if scheme == "https":
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        connection: HTTPConnection = HTTPSConnection(host, port, timeout=timeout_s, context=trusting)
    else:
        connection = HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read(10_000).decode(errors="replace").strip()
    except (OSError, HTTPException) as error:
        return HealthAnswer(healthy=False, text=f"{url} does not answer: {str(error) or type(error).__name__}")
    finally:
        connection.close()
    return HealthAnswer(response.status == HTTPStatus.OK, body or f"{url} answers {response.status} {response.reason}")


def _parts(url: str) -> tuple[str, str, int | None, str]:
    """Return scheme, host, port and path. Raises UserError if it is no address of a web server."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UserError(f"{url!r:.200} is not an address such as http://127.0.0.1:8000/health")
    return parts.scheme, parts.hostname, port, parts.path or "/health"
