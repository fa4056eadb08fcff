"""What was learned of other markets or earlier years, for a new symbol to start from: plain numbers, a few kilobytes of JSON.

A prior holds what is alike for all coins: the regressions' coefficients, the habits of the clocks, the calibration, the tracked
quantiles. It holds no covariance: how soon a symbol leaves its prior is the ridge's matter.
"""

from functools import cache
from importlib.resources import files
from zlib import crc32

import msgspec
from msgspec import Struct

from volcast.core.models.contract import Learned

BUNDLED, NONE = "bundled", "none"


class Prior(Struct, frozen=True):
    """By horizon in minutes what a learner starts from, and the minutes' rhythm that they share."""

    model: str
    """Whose coefficients they are; another model starts from nothing."""
    learned: dict[int, Learned]
    rhythm: list[float]
    source: str
    """What it was learned on: symbols and dates."""


class PriorError(Exception):
    """A prior that can't be used; the sentence says why."""


def decode_prior(raw: bytes) -> Prior:
    """Raises PriorError where `raw` is none."""
    try:
        return msgspec.json.decode(raw, type=Prior)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PriorError(f"it is no prior: {error}") from error


def encode_prior(prior: Prior) -> bytes:
    """JSON, a line for each part."""
    return msgspec.json.format(msgspec.json.encode(prior), indent=0) + b"\n"


def fingerprint(prior: Prior) -> str:
    """Of its numbers: an engine's settings name a prior by it.

    >>> fingerprint(Prior("two_stage", {}, [], "nothing"))
    'c0166817'
    """
    return f"{crc32(msgspec.json.encode(prior)):08x}"


@cache
def bundled() -> Prior:
    """The one that is shipped with this version, as its code is."""
    return decode_prior(files("volcast.core.forecast").joinpath("prior.json").read_bytes())
