"""Zips in the form of Binance's archive, of an invented market."""

import hashlib
from collections.abc import Iterable, Sequence
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

from tests.producer.scripted_venue import MINUTE_MS

HEADER = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"


def line(open_time_ms: int, *, micro: bool = False) -> str:
    unit = 1_000 if micro else 1
    price = f"{100 + open_time_ms // MINUTE_MS % 1_000}.50000000"
    close_time = (open_time_ms + MINUTE_MS) * unit - 1
    return f"{open_time_ms * unit},{price},{price},{price},{price},2.00000000,{close_time},7.25000000,5,1.0,1.0,0"


def lines(from_ms: int, to_ms: int, *, micro: bool = False, without: Sequence[int] = ()) -> list[str]:
    return [line(at, micro=micro) for at in range(from_ms, to_ms, MINUTE_MS) if at not in without]


def zipped(rows: Iterable[str], *, name: str = "x.csv") -> bytes:
    return zipped_files({name: "".join(f"{row}\n" for row in rows).encode()})


def zipped_files(files: dict[str, bytes]) -> bytes:
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def checksum(content: bytes, name: str) -> bytes:
    return f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode()
