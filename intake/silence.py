"""How long the door listens to a line that says nothing.

gunicorn's threads read without a limit: a phone that lost its signal in the middle of
a body, without a farewell, would hold its thread until the server is started anew.
"""

from collections.abc import Callable, Mapping
from typing import Any

# It will come back on a new line.
SILENCE_S = 30.0

SetTimeout = Callable[[float], None]


def timeout_of(environ: Mapping[str, Any]) -> SetTimeout | None:
    """Return what sets the timeout of a request's socket, in seconds; None without gunicorn."""
    line = environ.get("gunicorn.socket")
    return line.settimeout if line else None


def limit_silence(environ: Mapping[str, Any]) -> None:
    """Let a read of a request's body fail after SILENCE_S without a byte."""
    settimeout = timeout_of(environ)
    if settimeout:
        settimeout(SILENCE_S)
