"""Runs one process: signals become a stop event, errors one line on standard error and an exit code.

Exit codes: 0 ended in order; 1 fatal: going on would do harm; 2 refused: a setting or request is not allowed;
3 Kafka or another service was away for too long; 4 an input could not be read; 70 an error that is our bug;
130 interrupted twice.
"""

import asyncio
import gc
import signal
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from importlib.metadata import version

from bus.logs import Event, error_class, get_logger, one_line
from schemas.errors import FatalError, PoisonError, RefusedError, RetriableError, SambandError
from schemas.fast import COMPILED

OK = 0
FATAL = 1
REFUSED = 2
UNAVAILABLE = 3
POISON = 4
BUG = 70
INTERRUPTED = 130

_CODES: tuple[tuple[type[SambandError], int], ...] = (
    (RefusedError, REFUSED),
    (RetriableError, UNAVAILABLE),
    (PoisonError, POISON),
    (FatalError, FATAL),
)

_GARBAGE_THRESHOLD = 200_000
"""Objects between two searches for garbage in circles. States and records are none, but at Python's 700 they
are searched through again and again. With 20,000 new citizens it was 10 µs a fact at 50,000 while states were
searched too, and is 3 now. Garbage in circles, which the client makes a little of, waits the longer."""

Main = Callable[[asyncio.Event], Awaitable[None]]


def search_garbage_rarely() -> None:
    """Set up this process's memory to run a stage; of the whole process, so only who owns it calls this."""
    gc.set_threshold(_GARBAGE_THRESHOLD, *gc.get_threshold()[1:])
    gc.freeze()  # what was imported stays


def exit_code(error: BaseException) -> int:
    """The exit code that tells a supervisor what kind of error ended the process."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), BUG)


def run(kind: str, main: Main, *, debug: bool = False) -> int:
    """Run ``main(stop)`` until it ends; SIGTERM and SIGINT set ``stop``, a second one ends at once.

    Returns the exit code. ``kind`` names the process in its log. Tracebacks only with ``debug``, since
    they may repeat values.
    """
    log = get_logger("process")
    started = time.monotonic()
    codec = "compiled" if COMPILED else "fastavro"
    log.emit(Event.PROCESS_STARTED, kind=kind, version=version("samband"), codec=codec)
    try:
        asyncio.run(_with_signals(main))
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the outermost edge: everything becomes a line and a code
        code = exit_code(error)
        log.emit(Event.PROCESS_FAILED, kind=kind, error=error_class(error), exit_code=code)
        report(error, debug=debug)
        return code
    elapsed = int((time.monotonic() - started) * 1000)
    log.emit(Event.PROCESS_STOPPED, kind=kind, exit_code=OK, duration_ms=elapsed)
    return OK


def report(error: BaseException, *, debug: bool = False) -> None:
    """Tell a person about ``error`` on standard error, in one line."""
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    elif isinstance(error, SambandError):
        sys.stderr.write(f"samband: {one_line(error)}\n")
    else:
        sys.stderr.write(f"samband: unexpected {error_class(error)}. Fix: run again with --debug.\n")


async def _with_signals(main: Main) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    log = get_logger("process")

    def asked(number: signal.Signals) -> None:
        if stop.is_set():
            loop.remove_signal_handler(number)
            signal.raise_signal(signal.SIGINT)
        log.emit(Event.PROCESS_STOPPING, signal=number.name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked, number)
    await main(stop)
