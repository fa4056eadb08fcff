"""A record of the topic `models`: one promotion, with who, when, why and on what evidence. Pure.

Each record names the SHA-256 of the one before. Its id is its key, so that compaction deletes none.
"""

from enum import StrEnum
from hashlib import sha256
from typing import Literal

import msgspec
from msgspec import Struct

from volcast.core.forecast.promotion import Promotion

MAX_WHO_CHARACTERS, MAX_WHY_CHARACTERS = 200, 2_000
_ID_DIGITS = 6


class PromotionKind(StrEnum):
    """What a promotion is for."""

    PROMOTE = "promote"
    ROLLBACK = "rollback"


class PromotionEvidence(Struct, frozen=True, kw_only=True):
    """The comparison that a promotion rests on: which file, and its main figures. None is what it does not say."""

    file: str
    sha256: str
    """Of the file's bytes, in hexadecimal digits."""
    interval: str | None
    """The last day of the data that were compared."""
    champion: str
    winner: str | None
    summary: str
    """The verdict in one sentence."""
    reason: str | None = None
    """What it says of the promoted model."""
    outcomes: int | None = None
    days: int | None = None
    qlike_ratio: float | None = None
    """Mean loss of the promoted model divided by the champion's, on the same outcomes; below 1 it is better."""
    dm: float | None = None
    """Diebold and Mariano's statistic; above 0 the champion is better."""
    p_better: float | None = None
    """One-sided p value of the promoted model being better only by chance."""
    mlflow_run: str | None = None
    """The id of MLflow's run of the comparison."""


class PreviousLead(Struct, frozen=True):
    """A model that led before a promotion."""

    model: str
    symbols: tuple[str, ...]
    """The symbols that it led; empty for all others, also those that begin later."""


class PromotionRecord(Struct, frozen=True, kw_only=True):
    """One promotion or rollback."""

    v: Literal[1] = 1
    id: str
    kind: PromotionKind
    of: str | None = None
    """The id of the promotion that a rollback takes back."""
    model: str
    from_ms: int
    """Opening of the named candle, in milliseconds since 1970-01-01 UTC."""
    symbols: tuple[str, ...] = ()
    """The symbols that it concerns; all if it is empty."""
    previous: tuple[PreviousLead, ...]
    """Who led the concerned symbols when it was written."""
    who: str
    when_ms: int
    """When it was written, by the clock of the machine that wrote it."""
    why: str
    evidence: PromotionEvidence | None = None
    before: str
    """SHA-256 of the record before, in hexadecimal digits; empty in the first one."""

    @property
    def marker(self) -> Promotion:
        """The marker that goes with it on `candles`."""
        return Promotion(self.id, self.model, self.from_ms, self.symbols)


def encode_promotion_record(record: PromotionRecord) -> bytes:
    """Return the value of the record on `models`."""
    return msgspec.json.encode(record, order="deterministic")


def decode_promotion_record(value: bytes) -> PromotionRecord:
    """Return the promotion. Raises ValueError with a sentence if the value is none."""
    try:
        return msgspec.json.decode(value, type=PromotionRecord)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"it is no promotion: {error}") from None


def digest_of(value: bytes) -> str:
    """Return the SHA-256 of a record's value, in hexadecimal digits."""
    return sha256(value).hexdigest()


def promotion_id(number: int) -> str:
    """Return the id of the promotion with this number, from 1 on.

    >>> promotion_id(7)
    '000007'
    """
    return f"{number:0{_ID_DIGITS}}"


def number_of(promotion: str) -> int | None:
    """Return the number of an id, as a user may write it; None if it is none.

    >>> number_of("000007"), number_of("7"), number_of("har")
    (7, 7, None)
    """
    return int(promotion) if promotion.isascii() and promotion.isdigit() and int(promotion) else None
