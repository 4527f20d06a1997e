"""A network that breaks: a TCP proxy that cuts its connections at bytes drawn beforehand."""

import random
import select
import socket
import struct
import threading
from contextlib import suppress

COPY_BYTES = 16 * 1024


class CuttingLine:
    """One phone's way to the server; `plan` says how soon it breaks, on the way up or down.

    A break up loses what the phone had on its way; one down loses the server's answer,
    which is how a tip that was taken comes to be sent again.
    """

    def __init__(self, port: int, seed: int) -> None:
        self._port = port
        self._draw = random.Random(seed)
        self._lock = threading.Lock()
        self._planned: list[tuple[bool, int]] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.cuts_up = self.cuts_down = self.bytes_up = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def plan(self, cuts: int, bytes_up: int) -> None:
        """Plan so many cuts for the next `bytes_up` bytes of a phone; earlier plans lapse.

        One of four breaks an answer, somewhere in its first bytes.
        """
        with self._lock:
            self._planned = [
                (False, self._draw.randrange(400))
                if self._draw.random() < 0.25
                else (True, self._draw.randrange(max(1, bytes_up // cuts)))
                for _ in range(cuts)
            ]

    def close(self) -> None:
        """Take no further connections."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                phone, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._port), timeout=60)
            except OSError:
                # The server is down just now: the phone hears a closed line.
                phone.close()
                continue
            threading.Thread(target=self._carry, args=(phone, server), daemon=True).start()

    def _carry(self, phone: socket.socket, server: socket.socket) -> None:
        """Carry both ways in one thread: a socket another one reads from can't be reset."""
        with phone, server, suppress(OSError):
            while True:
                for source in select.select((phone, server), (), ())[0]:
                    sink = server if source is phone else phone
                    data = source.recv(COPY_BYTES)
                    passes = self._passing(len(data), up=source is phone)
                    sink.sendall(data[:passes])
                    if passes is not None:
                        self._break(phone, server)
                        return
                    if not data:
                        return

    def _passing(self, count: int, *, up: bool) -> int | None:
        """Return how many of these bytes pass before the next planned cut; None for all."""
        with self._lock:
            if up:
                self.bytes_up += count
            if not self._planned or self._planned[0][0] is not up:
                return None
            _, left = self._planned[0]
            if left >= count:
                self._planned[0] = (up, left - count)
                return None
            self._planned.pop(0)
            if up:
                self.cuts_up += 1
            else:
                self.cuts_down += 1
            return left

    def _break(self, *ends: socket.socket) -> None:
        """End a connection, with a farewell or with a reset, as networks do both."""
        if self._draw.random() < 0.5:
            for end in ends:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
