"""A backend that does next to nothing: what is measured is the daemon, not the product."""

import asyncio
import sys

BODY = b'{"status":"healthy","checks":{"database":"ok"}}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)


class Backend(asyncio.Protocol):
    """Answers whatever it is sent."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self.transport = transport

    def data_received(self, _: bytes) -> None:
        """Answer and hang up."""
        assert isinstance(self.transport, asyncio.WriteTransport)  # noqa: S101 # for mypy
        self.transport.write(ANSWER)
        self.transport.close()


async def serve() -> None:
    """Print the port, then answer until killed."""
    server = await asyncio.get_running_loop().create_server(Backend, "127.0.0.1", 0, backlog=2048)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
