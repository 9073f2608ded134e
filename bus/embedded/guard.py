"""Runs a command and ends it when the process that started this one is gone, however that happened.

The parent holds the other end of this process's standard input and never writes to it: when the parent
ends, even by SIGKILL, the pipe closes. Started by file name with ``python -I -S``, so only the standard
library may be used here.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading

GRACE = 20.0
"""Seconds that the command has for an orderly end before it is killed."""
_PR_SET_PDEATHSIG = 1


def main(command: list[str]) -> int:
    """Run ``command`` and give its exit code, as a shell would."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        close_fds=False,  # the lock on the data folder is held by whoever has it open
        preexec_fn=_die_with_guard if sys.platform == "linux" else None,  # noqa: PLW1509 - no threads yet
    )
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    threading.Thread(target=_end_with_parent, args=(child,), daemon=True).start()
    code = child.wait()
    return code if code >= 0 else 128 - code


def _end_with_parent(child: "subprocess.Popen[bytes]") -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    child.terminate()
    try:
        child.wait(GRACE)
    except subprocess.TimeoutExpired:
        child.kill()


def _die_with_guard() -> None:
    """Linux alone can also tell the child when this very process is killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
