"""Word to the readers of `signals` that a symbol is being rebuilt, and that it is whole again. Pure.

Which symbols were announced stands in the state, so that whoever comes next knows what is to be taken back.
"""

from collections.abc import Collection, Mapping

import msgspec

from volcast.core.codec import UNDECODABLE, encode_restoring
from volcast.core.types import Restoring
from volcast.log.contract import KeyValue

from .sealed import seal, unseal

KEY = b"@restoring"
"""In the state; no symbol has an @."""

Written = tuple[list[KeyValue], list[KeyValue]]
"""Records of `signals`, and of the state."""


class Notices:
    """Of one partition: `unusable` are the symbols that must be rebuilt, the state tells which were announced before."""

    def __init__(self, state: Mapping[bytes, bytes], unusable: Collection[str]) -> None:
        self._unusable = sorted(unusable)
        self._announced = _announced(state.get(KEY))

    def begin(self) -> Written:
        """What to write before the rebuild begins."""
        begun = [_notice(symbol, done=False) for symbol in self._unusable if symbol not in self._announced]
        ended = [_notice(symbol, done=True) for symbol in self._announced if symbol not in self._unusable]
        if self._announced == self._unusable:
            return [], []
        self._announced = self._unusable
        return [*begun, *ended], [_state(self._announced)]

    def end(self, rebuilt: Collection[str]) -> Written:
        """What to write once all is whole; the unusable snapshot of a symbol that is not `rebuilt`, as nothing of it is left
        on the log, is forgotten.
        """
        ended = [_notice(symbol, done=True) for symbol in self._announced]
        gone = [KeyValue(symbol.encode(), b"") for symbol in self._unusable if symbol not in rebuilt]
        state = [*gone, _state([])] if self._announced else gone
        self._announced, self._unusable = [], []
        return ended, state


def _notice(symbol: str, *, done: bool) -> KeyValue:
    return KeyValue(symbol.encode(), encode_restoring(Restoring(symbol, done)))


def _state(announced: list[str]) -> KeyValue:
    """An empty value forgets the key."""
    return KeyValue(KEY, seal(msgspec.msgpack.encode(announced)) if announced else b"")


def _announced(raw: bytes | None) -> list[str]:
    try:
        return msgspec.msgpack.decode(unseal(raw), type=list[str]) if raw else []
    except UNDECODABLE:
        return []
