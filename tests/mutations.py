"""Broken records for fuzzing: seeded mutations of JSON objects, given as lists of fields, and of bytes.

They are fast, since a million of them are needed; the same seed gives the same bytes.
"""

from collections.abc import Callable, Sequence
from random import Random

import msgspec

Fields = list[tuple[bytes, bytes]]
"""The fields of a JSON object: each name and each value as JSON text."""

NUMBERS = (
    *(b"0", b"-0", b"-1", b"1", b"1.5", b"60000", b"59999", b"60000.0", b"6e4", b"1e15", b"1e14", b"999999999999999"),
    *(b"1e308", b"1e309", b"-1e400", b"1e999999", b"1e-999999", b"1e-8", b"1e-9", b"1e-12", b"1e-13", b"0.00000001"),
    *(b"9223372036854775807", b"9223372036854775808", b"-9223372036854775809", b"18446744073709551616", b"123456789.012345678"),
    *(b"9" * 400, b"9" * 5_000, b"0." + b"0" * 400 + b"1", b"1." + b"0" * 5_000, b"1e" + b"9" * 30, b"7258118400000"),
    *(b"NaN", b"Infinity", b"-Infinity", b"nan", b"+1", b"01", b".5", b"5.", b"1_000", b"0x10", b"--1", b"1e", b"1e+"),
)
TEXTS = (
    *(b"", b"x", b"BTCUSDT", b"ETHUSDT.BINANCE", b"btcusdt", b"A" * 40, b"A" * 41, b"A" * 5_000, b"NaN", b"sNaN", b"-inf"),
    *(b"Infinity", b" 1 ", b"1\\n", b"1_0", b"\\u0661\\u0662", "٤٢".encode(), "４２.５".encode(), "²".encode(), "½".encode()),
    *(b"\\ud800", b"\\udc00\\ud800", b"\\ud83d\\ude00", b"\\u0000", b"\\u002d1", b"\\q", b"\\u12", b"\x00", b"\n", b"\x7f"),
    *(b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\xc3", "\ufeff".encode(), "\u202e".encode()),
    *(b"candle", b"gap", b"revision", b"reject", b"signal", b"restoring", b"bad_time", b"AAAA", b"AAA", b"A=A=", b"////"),
)
OTHERS = (
    *(b"null", b"true", b"false", b"[]", b"{}", b"[1]", b'[[],{"a":[null]}]', b'{"symbol":"X"}', b"", b"nul", b"tru", b"\xff"),
    *(b"[" * 60 + b"]" * 60, b'{"a":' * 60 + b"1" + b"}" * 60, b"[" * 990 + b"]" * 990, b"[" * 3_000, b'{"candle":' * 3_000),
    *(b"[" * 20_000 + b"]" * 20_000, b'"' + b"\\" * 99 + b'"', b'"' + b"z" * 70_000 + b'"', b"[" + b"1," * 999 + b"1]"),
)
NAMES = (
    *(b"kind", b"v", b"symbol", b"open_time_ms", b"open", b"high", b"low", b"close", b"volume", b"quote_volume", b"source"),
    *(b"closed_by", b"interval_ms", b"live", b"line", b"from_ms", b"to_ms", b"reason", b"candle", b"value", b"key", b"offset"),
    *(b"", b"x", b"close\\u0000", b"\\u0063lose", b"Close", b"\xff", b"x" * 3_000),
)
JUNK = (
    *(
        b"\x00",
        b"\xff",
        b'"',
        b"\\",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b" ",
        b"\n",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"-",
        b".",
    ),
    *(b"e9", b"9" * 30, b"null", b"NaN", b'"x"', b'\\ud800"', b"//", b"/**/", b"'", b"1e999999", b"\x1b[31m"),
)


def fields_of(record: bytes) -> Fields:
    """Return the fields of a sound JSON object."""
    found = msgspec.json.decode(record, type=dict[str, msgspec.Raw])
    return [(b'"%b"' % name.encode(), bytes(value)) for name, value in found.items()]


def value_of(random: Random) -> bytes:
    """Return a JSON value that is hardly ever valid for its field, or broken JSON."""
    kind = random.random()
    if kind < 0.4:
        return random.choice(NUMBERS)
    if kind < 0.8:
        return b'"%b"' % random.choice(NUMBERS if random.random() < 0.4 else TEXTS)
    return random.choice(OTHERS)


def price_of(random: Random) -> bytes:
    """Return a number of up to 17 digits, around the limits of a price, in one of many spellings."""
    digits = str(random.randrange(1, 10 ** random.randint(1, 17)))
    point = random.randint(0, len(digits))
    text = f"{digits[:point] or '0'}.{digits[point:] or '0'}" if random.random() < 0.7 else f"{digits}e{random.randint(-14, 4)}"
    return f'"{text}"'.encode() if random.random() < 0.5 else text.encode()


def _reindex(random: Random, fields: Fields) -> None:
    index = random.randrange(len(fields))
    fields[index] = (fields[index][0], value_of(random))


def _reprice(random: Random, fields: Fields) -> None:
    price = price_of(random)
    fields[:] = [(name, price if name in _PRICES and random.random() < 0.9 else value) for name, value in fields]


def _delete(random: Random, fields: Fields) -> None:
    del fields[random.randrange(len(fields))]


def _duplicate(random: Random, fields: Fields) -> None:
    name, value = random.choice(fields)
    fields.insert(random.randint(0, len(fields)), (name, value if random.random() < 0.5 else value_of(random)))


def _add(random: Random, fields: Fields) -> None:
    fields.insert(random.randint(0, len(fields)), (b'"%b"' % random.choice(NAMES), value_of(random)))


def _swap(random: Random, fields: Fields) -> None:
    one, other = random.randrange(len(fields)), random.randrange(len(fields))
    fields[one], fields[other] = (fields[one][0], fields[other][1]), (fields[other][0], fields[one][1])


def _rename(random: Random, fields: Fields) -> None:
    index = random.randrange(len(fields))
    fields[index] = (b'"%b"' % random.choice(NAMES), fields[index][1])


_PRICES = {b'"open"', b'"high"', b'"low"', b'"close"'}
_OF_FIELDS: Sequence[Callable[[Random, Fields], None]] = (
    *(_reindex, _reindex, _reprice, _reprice, _reprice, _reprice, _delete, _duplicate, _duplicate, _add, _add, _swap, _rename),
)


def broken_bytes(random: Random, value: bytes, other: bytes) -> bytes:
    """Flip bits, cut out, repeat, reindex or insert a piece, truncate, or append the end of another record."""
    start = random.randint(0, len(value))
    end = min(start + random.choice((0, 1, 1, 2, 8, 100)), len(value))
    piece = value[start:end]
    match random.randrange(7):
        case 0:
            return _flipped(random, value)
        case 1:
            return value[:start]
        case 2:
            return value[:start] + other[random.randint(0, len(other)) :]
        case 3:
            piece = b""
        case 4:
            piece *= random.choice((2, 2, 3, 50))
        case 5:
            piece = random.randbytes(len(piece))
        case _:
            piece = random.choice(JUNK)
    return value[:start] + piece + value[end:]


def _flipped(random: Random, value: bytes) -> bytes:
    flipped = bytearray(value)
    for _ in range(random.choice((1, 1, 2, 9)) if value else 0):
        flipped[random.randrange(len(flipped))] ^= 1 << random.randrange(8)
    return bytes(flipped)


def broken_record(random: Random, records: Sequence[Fields]) -> bytes:
    """Return one of the records with a few mutations of its fields, its bytes, or both; sometimes as a revision's candle."""
    fields = list(random.choice(records))
    for _ in range(random.choice((0, 1, 1, 1, 1, 2, 3))):
        if fields:
            random.choice(_OF_FIELDS)(random, fields)
    value = assembled(fields)
    if random.random() < 0.15:
        value = b'{"kind":"revision","v":1,"candle":%b}' % value
    for _ in range(random.choice((0, 0, 0, 0, 1, 2))):
        value = broken_bytes(random, value, assembled(random.choice(records)))
    return value


def assembled(fields: Fields) -> bytes:
    """Return the JSON object."""
    return b"{%b}" % b",".join([b"%b:%b" % field for field in fields])
