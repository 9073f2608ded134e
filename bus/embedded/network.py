"""Free ports, and which Kafka broker answers on one."""

import contextlib
import secrets
import socket
import struct
from typing import BinaryIO

_METADATA = 3
_ID_BYTES = _PORT_BYTES = 4
_TIMEOUT = 2.0


def is_free(host: str, port: int) -> bool:
    """True if a server could listen there now."""
    with _listening_socket() as listener:
        try:
            listener.bind((host, port))
        except OSError:
            return False
        return True


def free_ports(host: str, count: int) -> list[int]:
    """Different ports that were free a moment ago. Another process may take one before it is used."""
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(_listening_socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind((host, 0))
        return [listener.getsockname()[1] for listener in listeners]


def cluster_at(host: str, port: int) -> str | None:
    """The id of the Kafka cluster whose broker answers there; None if none does, or if it is not ready.

    Asked by a Metadata request (Kafka protocol, version 2, no topics), which a controller does not answer,
    and a broker of KRaft only after it has read its metadata. The answer names a broker once the controller
    has let one in.
    """
    correlation = secrets.randbits(31)
    request = struct.pack(">hhihi", _METADATA, 2, correlation, -1, 0)  # a null client id, no topics
    try:
        with socket.create_connection((host, port), _TIMEOUT) as connection:
            connection.settimeout(_TIMEOUT)
            connection.sendall(struct.pack(">i", len(request)) + request)
            with connection.makefile("rb") as answer:
                return _cluster(answer, correlation)
    except (OSError, struct.error, UnicodeDecodeError):
        return None


def _cluster(answer: BinaryIO, correlation: int) -> str | None:
    _, answered, brokers = struct.unpack(">iii", answer.read(12))
    if answered != correlation or brokers < 1:
        return None
    for _ in range(brokers):
        answer.read(_ID_BYTES)
        _text(answer)  # host
        answer.read(_PORT_BYTES)
        _text(answer)  # rack
    return _text(answer)


def _text(answer: BinaryIO) -> str | None:
    (size,) = struct.unpack(">h", answer.read(2))
    return None if size < 0 else answer.read(size).decode()


def _listening_socket() -> socket.socket:
    """A socket that ignores connections of an earlier server which are still closing, as Kafka's does."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return listener
