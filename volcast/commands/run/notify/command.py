"""`volcast notify test`: send a message to a URL, and say in one sentence what became of it."""

import click

from volcast.cli.main import UserError
from volcast.cli.options import loaded_options
from volcast.settings.sources import Loaded

_FAILED = 1


@click.group("notify")
def command() -> None:
    """Try the notifications of `volcast run --live`."""


@command.command("test", short_help="Send a test message.")
@click.argument("urls", metavar="[URL]...", nargs=-1)
@loaded_options("notify", "log_level", "log_format")
def test_command(*, urls: tuple[str, ...], loaded: Loaded) -> None:
    """Send a test message to each URL; without one, to those of the setting `notify`.

    A URL is one of Apprise, as in ntfy://TOPIC. The exit code is 1 if a service did not take the message, and 2 if a URL cannot
    be used. A service that takes a message may still not deliver it, so look at your phone.
    """
    from volcast.cli.log_format import configure_quietly  # noqa: PLC0415  # not needed by --help

    from .events import NoticeTier, Notification  # noqa: PLC0415
    from .senders import Destination, NotifyError  # noqa: PLC0415

    configure_quietly(loaded)
    chosen = urls or tuple(url.get_secret_value() for url in loaded.settings.notify)
    if not chosen:
        raise UserError("no URL given: name one, as in `volcast notify test ntfy://my-topic`, or set `notify`")
    message = Notification(
        NoticeTier.INFO, is_over=False, title="[volcast test] It works", body="This is a test message of volcast."
    )
    try:
        destinations = [Destination(url, number) for number, url in enumerate(chosen, 1)]
    except NotifyError as error:
        raise UserError(str(error)) from None
    failed = 0
    for destination in destinations:
        reason = destination.send(message)
        failed += bool(reason)
        click.echo(f"{destination.name}: {reason or 'the service has taken the test message'}")
    if failed:
        raise click.exceptions.Exit(_FAILED)
