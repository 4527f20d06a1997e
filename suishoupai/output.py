"""What `up` shows: the lines of every process in one stream, and its own sentences."""

import sys
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import TextIO

import structlog
from honcho.colour import get_colours
from honcho.printer import Message, Printer

from schemas.words import Words


class Output:
    """Writes lines from several threads, each whole, to one stream.

    For people every line begins with the time and the name of its process; for
    programs (`as_json`) the processes' own JSON lines pass unchanged, since they
    name their process themselves.
    """

    def __init__(self, *, as_json: bool, locale: str, stream: TextIO | None = None) -> None:
        self.as_json = as_json
        self.locale = locale
        self._stream = sys.stdout if stream is None else stream
        self._printer = Printer(self._stream, prefix=not as_json)
        self._colours: Iterator[str] = get_colours()
        self._colour_of: dict[str, str] = {}
        self._lock = threading.Lock()
        self._closed = False

    def introduce(self, name: str) -> None:
        """Give a process its colour and make the column of names wide enough."""
        self._colour_of.setdefault(name, next(self._colours))
        self._printer.width = max(self._printer.width, len(name))

    def line(self, name: str, text: str) -> None:
        """Write what one process said."""
        message = Message("line", text, datetime.now().astimezone(), name, self._colour(name))
        with self._lock:
            if self._closed:
                return
            try:
                self._printer.write(message)
            except OSError:
                # Whoever read this stream has gone. The processes must be able to go on
                # speaking, or they would stand still with a full pipe.
                self._closed = True

    def say(self, words: Words, *, event: str, **facts: object) -> None:
        """Write a sentence of the supervisor's own; programs get `event` and its facts."""
        if self.as_json:
            structlog.get_logger().info(event, **facts)
        else:
            self.line("up", words.say(self.locale))

    def plain(self, text: str) -> None:
        """Write text without a prefix: the banner."""
        with self._lock:
            if not self._closed:
                print(text, file=self._stream, flush=True)

    def _colour(self, name: str) -> str | None:
        return self._colour_of.get(name)
