"""A server that speaks as much of Kafka's protocol as a sign-in needs, and not always truthfully."""

import asyncio
import base64
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_SASL_HANDSHAKE, _API_VERSIONS, _SASL_AUTHENTICATE = 17, 18, 36
_UNSUPPORTED_SASL_MECHANISM = 33


class FakeBroker:
    """Offers the mechanisms `offered`, answers SCRAM without knowing any password, and keeps all that it receives."""

    def __init__(self, *offered: str) -> None:
        self.offered, self.received, self.bootstrap = offered, b"", ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = await reader.readexactly(struct.unpack(">i", await reader.readexactly(4))[0])
                self.received += request
                api, version, correlation_id, client_length = struct.unpack_from(">hhih", request)
                response = struct.pack(">i", correlation_id) + self._response(api, version, request[10 + client_length :])
                writer.write(struct.pack(">i", len(response)) + response)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    def _response(self, api: int, version: int, body: bytes) -> bytes:
        if api == _API_VERSIONS:
            supported = [(_SASL_HANDSHAKE, 0, 1), (_API_VERSIONS, 0, 0), (_SASL_AUTHENTICATE, 0, 0)]
            return struct.pack(">hi", 0, len(supported)) + b"".join(struct.pack(">hhh", *each) for each in supported)
        if api == _SASL_HANDSHAKE:
            error = 0 if body[2:].decode() in self.offered else _UNSUPPORTED_SASL_MECHANISM
            return struct.pack(">hi", error, len(self.offered)) + b"".join(_string(each.encode()) for each in self.offered)
        assert (api, version) == (_SASL_AUTHENTICATE, 0)
        fields = dict(part.split(b"=", 1) for part in body[4:].split(b",") if b"=" in part)
        salt, signature = base64.b64encode(b"salt"), base64.b64encode(b"made up")
        message = b"v=" + signature if b"p" in fields else b"r=%sserver,s=%s,i=4096" % (fields[b"r"], salt)
        return struct.pack(">hhi", 0, -1, len(message)) + message


@asynccontextmanager
async def fake_broker(*offered: str) -> AsyncIterator[FakeBroker]:
    """Listens at `bootstrap` until the end of the `async with`."""
    broker = FakeBroker(*offered)
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    broker.bootstrap = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield broker


def _string(text: bytes) -> bytes:
    return struct.pack(">h", len(text)) + text
