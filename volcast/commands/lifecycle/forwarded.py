"""Settings as arguments of another `volcast` process, which reads all others from the same sources.

Secrets are not among them: every user of a machine can read its command lines.
"""

from collections.abc import Iterable

from volcast.settings.describe import flag, is_secret, text
from volcast.settings.schema import Settings

_BACKTEST = ("interval_level", "prior", "price_decimals", "price_decimals_by_symbol")


def backtest_arguments(settings: Settings) -> tuple[str, ...]:
    """Return what a comparison's backtests depend on; of several horizons only the first is compared."""
    return ("--horizons", str(settings.horizons[0]), *forwarded(settings, _BACKTEST))


def forwarded(settings: Settings, names: Iterable[str]) -> tuple[str, ...]:
    """Return the settings that are not at their defaults as arguments; a password or a token comes from the environment."""
    words: list[str] = []
    for name in names:
        value = getattr(settings, name)
        if is_secret(name) or value == Settings.model_fields[name].get_default():
            continue
        if isinstance(value, bool):
            words.append(flag(name) if value else flag(f"no_{name}"))
        else:
            words += [flag(name), str(value) if isinstance(value, str) else text(value)]
    return tuple(words)
