"""Free ports, and whether a Kafka broker answers on one."""

import contextlib
import secrets
import socket
import struct

_API_VERSIONS = 18
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


def kafka_answers(host: str, port: int) -> bool:
    """True if a broker there answers an ApiVersions request (Kafka protocol, version 0) without an error.

    A broker of KRaft handles requests only after it has joined its cluster and read its metadata, so
    an answer means that it is ready.
    """
    correlation = secrets.randbits(31)
    request = struct.pack(">hhih", _API_VERSIONS, 0, correlation, -1)  # a null client id
    try:
        with socket.create_connection((host, port), _TIMEOUT) as connection:
            connection.settimeout(_TIMEOUT)
            connection.sendall(struct.pack(">i", len(request)) + request)
            with connection.makefile("rb") as answer:
                head = answer.read(10)
    except OSError:
        return False
    if len(head) < struct.calcsize(">iih"):
        return False
    _, answered, error = struct.unpack(">iih", head)
    return bool(answered == correlation and error == 0)


def _listening_socket() -> socket.socket:
    """A socket that ignores connections of an earlier server which are still closing, as Kafka's does."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return listener
