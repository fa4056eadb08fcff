"""What `volcast doctor --live` looks at, one thing after the other: the way to a venue, its answers, its stream, one candle.

    names ─► over HTTP: clock, page, unknown market ─► connection ─► acknowledgment ─► data ─► a closed candle = the venue's own?

It uses the parts of the live producer itself, so what it finds is what that would meet. It writes nothing anywhere.
"""

from collections.abc import Callable

from . import doctor_http, doctor_stream
from .doctor_candle import compare
from .doctor_patient import Patient
from .finding import Tell
from .rest import UnknownPair

__all__ = ["Patient", "examine"]


async def examine(patient: Patient, tell: Tell, *, wait: bool = True, say: Callable[[str], None] = lambda _: None) -> None:
    """Tell all findings. `wait` for a minute to close, too; `say` hears what is being waited for. A few minutes at most."""
    if not await doctor_http.resolve(patient, tell):
        return
    try:
        answers = await doctor_http.ask(patient, tell)
    except UnknownPair:
        return
    heard = await doctor_stream.listen(patient, tell, wait=wait, say=say)
    if answers and heard:
        await compare(patient, heard, tell, say)
