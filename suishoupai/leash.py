"""Start a program that can't outlive who started it: `python leash.py PARENT_PID PROGRAM …`.

Linux sends the program SIGTERM when its parent dies, even by SIGKILL (prctl(2),
PR_SET_PDEATHSIG); the setting survives the exec below. It is a program of its own
because code between fork and exec may not be run in a process that has threads.
Elsewhere the program starts without the leash.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent_pid: int, command: list[str]) -> None:
    """Put on the leash and become the command; never returns."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent_pid:
            # The parent died before the leash was on: nobody would ever pull it.
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
