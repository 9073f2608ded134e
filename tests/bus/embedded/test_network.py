"""Only a Kafka broker that is ready counts as one."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.embedded import network

HOST = "127.0.0.1"


@contextmanager
def server(answer: Callable[[bytes], bytes]) -> Iterator[int]:
    """Reads one ApiVersions request, answers it, and hangs up."""
    with socket.create_server((HOST, 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(answer(connection.recv(4096)))

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_request_is_apiversions_version_0():
    requests: list[bytes] = []

    def answer(request: bytes) -> bytes:
        requests.append(request)
        return b""

    with server(answer) as port:
        network.kafka_answers(HOST, port)
    # Kafka protocol guide: size, api key 18, version 0, correlation id, null client id (-1).
    assert requests[0][:8] == bytes.fromhex("0000000a00120000")
    assert requests[0][12:] == bytes.fromhex("ffff")


def test_answer_with_the_same_correlation_id_and_no_error_is_ready():
    # Size, correlation id, error code 0, an empty list of versions.
    with server(lambda request: struct.pack(">i", 10) + request[8:12] + b"\0\0" + b"\0\0\0\0") as port:
        assert network.kafka_answers(HOST, port)


def test_answer_in_two_pieces_is_read_whole():
    with socket.create_server((HOST, 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                request = connection.recv(4096)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.sendall(struct.pack(">i", 10))
                connection.sendall(request[8:12] + b"\0\0\0\0\0\0")

        thread = threading.Thread(target=serve)
        thread.start()
        assert network.kafka_answers(HOST, listener.getsockname()[1])
        thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda _: b"", id="hangs up"),
        pytest.param(lambda request: request, id="echo"),
        pytest.param(
            lambda request: struct.pack(">i", 10) + request[8:12] + b"\0\x23\0\0\0\0", id="error 35"
        ),
        pytest.param(lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n", id="http"),
    ],
)
def test_anything_else_is_not_ready(answer):
    with server(answer) as port:
        assert not network.kafka_answers(HOST, port)


@given(st.binary(max_size=40))
def test_no_garbage_counts_as_ready(garbage):
    # A random 31-bit correlation id cannot be guessed by bytes that were chosen before.
    with server(lambda _: garbage) as port:
        assert not network.kafka_answers(HOST, port)


def test_nobody_there_is_not_ready():
    (port,) = network.free_ports(HOST, 1)
    assert not network.kafka_answers(HOST, port)


def test_free_ports_differ_and_are_free():
    ports = network.free_ports(HOST, 20)
    assert len(set(ports)) == 20
    assert all(network.is_free(HOST, port) for port in ports)


def test_port_with_a_listener_is_not_free():
    with socket.create_server((HOST, 0)) as listener:
        assert not network.is_free(HOST, listener.getsockname()[1])
