"""Priors: parameters learned on other markets or earlier years, from which a new symbol starts. They are JSON of some kilobytes.

A prior holds what all coins have in common: coefficients of the regressions, diurnal profiles, calibration and shapes.
It holds no covariance: the ridge decides how soon a symbol leaves its prior.
"""

from functools import cache
from importlib.resources import files
from zlib import crc32

import msgspec
from msgspec import Struct

from volcast.core.models.contract import Learned

BUNDLED, NONE = "bundled", "none"


class Prior(Struct, frozen=True):
    """The start of all learners of a symbol, and the diurnal profile of |return| that they share."""

    model: str
    """The model to which the coefficients belong; any other model starts without a prior."""
    learned: dict[int, Learned]
    """By horizon in minutes."""
    rhythm: list[float]
    """Means of the diurnal profile in `Features`, by bin."""
    source: str
    """The symbols and dates on which it was learned."""


class PriorError(Exception):
    """Raised for a prior that cannot be used; the message says why."""


def decode_prior(raw: bytes) -> Prior:
    """Decode a prior from JSON. Raises PriorError if `raw` is not a prior."""
    try:
        return msgspec.json.decode(raw, type=Prior)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PriorError(f"it is not a prior: {error}") from error


def encode_prior(prior: Prior) -> bytes:
    """Encode a prior as JSON, one value a line."""
    return msgspec.json.format(msgspec.json.encode(prior), indent=0) + b"\n"


def fingerprint(prior: Prior) -> str:
    """Return the CRC-32 of the prior's content as 8 hex digits, by which the setting `prior` names it.

    >>> fingerprint(Prior("two_stage", {}, [], "nothing"))
    'c0166817'
    """
    return f"{crc32(msgspec.json.encode(prior)):08x}"


@cache
def bundled() -> Prior:
    """Return the prior that is shipped with this version."""
    return decode_prior(files("volcast.core.forecast").joinpath("prior.json").read_bytes())


def select_prior(name: str, given: Prior | None) -> Prior | None:
    """Return the prior that a setting names: `bundled`, `none`, or the fingerprint of the one given.

    Raises ValueError if that is missing or a different one.
    """
    if given is not None and fingerprint(given) != name:
        raise ValueError(f"the settings name the prior {name}, but {fingerprint(given)} was given")
    if given is None and name not in {BUNDLED, NONE}:
        raise ValueError(f"the settings name the prior {name}, but it was not given")
    return bundled() if name == BUNDLED else given
