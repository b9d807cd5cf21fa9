"""The listening side of one array's iSCSI target; it can go away and come back as a restarting controller does."""

import asyncio
import socket
from collections.abc import Coroutine
from typing import Any

from gate.lab.scsi import Controller
from gate.lab.session import Session

BIND_TRIES = 20  # a port just closed may need a moment; 20 × 0.1 s


class Target:
    """One portal of one array. `open` and `suspend` may be called from any thread but the loop's own."""

    def __init__(self, controller: Controller, host: str, port: int, loop: asyncio.AbstractEventLoop) -> None:
        self.controller = controller
        self.host = host
        self.port = port
        self._loop = loop
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    def open(self) -> None:
        """Listen and answer; does nothing when it listens already. OSError when the port cannot be had."""
        self._run(self._open())

    def suspend(self) -> None:
        """Close all sessions and stop listening: logins are refused until `open`."""
        self._run(self._close())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    async def _open(self) -> None:
        if self._server is not None:
            return
        for attempt in range(BIND_TRIES):
            try:
                self._server = await asyncio.start_server(self._serve, self.host, self.port, limit=1 << 20)
                return
            except OSError:
                if attempt == BIND_TRIES - 1:
                    raise
                await asyncio.sleep(0.1)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        plain = writer.get_extra_info("socket")
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._writers.add(writer)
        try:
            await Session(self.controller, f"{self.host}:{self.port}", reader, writer).serve()
        finally:
            self._writers.discard(writer)
