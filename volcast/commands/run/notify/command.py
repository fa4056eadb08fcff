"""`volcast notify`: send a message to those whom the settings name, and say in one sentence what became of it."""

import click

from volcast.cli.main import UserError
from volcast.cli.options import loaded_options
from volcast.settings.sources import Loaded

_FAILED = 1


@click.group("notify")
def command() -> None:
    """Try the notifications of `volcast run --live`, or send one of your own."""


@command.command("test", short_help="Send a test message.")
@click.argument("urls", metavar="[URL]...", nargs=-1)
@loaded_options("notify", "log_level", "log_format")
def test_command(*, urls: tuple[str, ...], loaded: Loaded) -> None:
    """Send a test message to each URL; without one, to those of the setting `notify`.

    A URL is one of Apprise, as in ntfy://TOPIC. The exit code is 1 if a service did not take the message, and 2 if a URL cannot
    be used. A service that takes a message may still not deliver it, so look at your phone.
    """
    chosen = urls or tuple(url.get_secret_value() for url in loaded.settings.notify)
    if not chosen:
        raise UserError("no URL given: name one, as in `volcast notify test ntfy://my-topic`, or set `notify`")
    _send(chosen, "[volcast test] It works", "This is a test message of volcast.", "the test message", loaded)


@command.command("send", short_help="Send a message of your own.")
@click.argument("title")
@click.argument("text")
@loaded_options("notify", "log_level", "log_format")
def send_command(*, title: str, text: str, loaded: Loaded) -> None:
    """Send TITLE and TEXT to each URL of the setting `notify`: for scripts and schedulers.

    The exit code is 1 if a service did not take the message, and 2 if no URL is set or one cannot be used.
    """
    chosen = tuple(url.get_secret_value() for url in loaded.settings.notify)
    if not chosen:
        raise UserError("no URL is set: set `notify`, as in `volcast notify send TITLE TEXT --notify ntfy://my-topic`")
    _send(chosen, title, text, "the message", loaded)


def _send(urls: tuple[str, ...], title: str, text: str, what: str, loaded: Loaded) -> None:
    from volcast.cli.log_format import configure_quietly  # noqa: PLC0415  # not needed by --help

    from .events import NoticeTier, Notification  # noqa: PLC0415
    from .senders import Destination, NotifyError  # noqa: PLC0415

    configure_quietly(loaded)
    message = Notification(NoticeTier.INFO, is_over=False, title=title, body=text)
    try:
        destinations = [Destination(url, number) for number, url in enumerate(urls, 1)]
    except NotifyError as error:
        raise UserError(str(error)) from None
    failed = 0
    for destination in destinations:
        reason = destination.send(message)
        failed += bool(reason)
        click.echo(f"{destination.name}: {reason or f'the service has taken {what}'}")
    if failed:
        raise click.exceptions.Exit(_FAILED)
