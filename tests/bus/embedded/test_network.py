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
    """Reads one Metadata request, answers it, and hangs up."""
    with socket.create_server((HOST, 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(answer(connection.recv(4096)))

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


# Kafka protocol guide, Metadata response version 2, after size and correlation id: one broker (id 1, host,
# port 9092, a rack), the cluster's id, and what comes after.
BROKER = bytes.fromhex("00000001 0009") + b"127.0.0.1" + bytes.fromhex("00002384 0001") + b"r"
CLUSTER = bytes.fromhex("0003") + b"one"
REST = bytes.fromhex("00000001 00000000")


def metadata(brokers: int = 1, cluster: bytes = CLUSTER) -> Callable[[bytes], bytes]:
    body = struct.pack(">i", brokers) + BROKER * brokers + cluster + REST
    return lambda request: struct.pack(">i", len(body) + 4) + request[8:12] + body


def test_request_is_metadata_version_2_for_no_topics():
    requests: list[bytes] = []

    def answer(request: bytes) -> bytes:
        requests.append(request)
        return b""

    with server(answer) as port:
        network.cluster_at(HOST, port)
    # Kafka protocol guide: size, api key 3, version 2, correlation id, null client id (-1), no topics.
    assert requests[0][:8] == bytes.fromhex("0000000e00030002")
    assert requests[0][12:] == bytes.fromhex("ffff00000000")


@pytest.mark.parametrize("brokers", [1, 3])
def test_a_broker_that_is_let_in_says_its_cluster(brokers):
    with server(metadata(brokers)) as port:
        assert network.cluster_at(HOST, port) == "one"


def test_answer_in_two_pieces_is_read_whole():
    with socket.create_server((HOST, 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                answer = metadata()(connection.recv(4096))
                connection.sendall(answer[:20])
                connection.sendall(answer[20:])

        thread = threading.Thread(target=serve)
        thread.start()
        assert network.cluster_at(HOST, listener.getsockname()[1]) == "one"
        thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda _: b"", id="hangs up, as a controller does"),
        pytest.param(lambda request: request, id="echo"),
        pytest.param(metadata(brokers=0), id="no broker is let in yet"),
        pytest.param(metadata(cluster=bytes.fromhex("ffff")), id="no cluster"),
        pytest.param(lambda request: metadata()(request)[:30], id="cut off"),
        pytest.param(lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n", id="http"),
    ],
)
def test_anything_else_is_not_ready(answer):
    with server(answer) as port:
        assert network.cluster_at(HOST, port) is None


@given(st.binary(max_size=60))
def test_no_garbage_counts_as_ready(garbage):
    # A random 31-bit correlation id cannot be guessed by bytes that were chosen before.
    with server(lambda _: garbage) as port:
        assert network.cluster_at(HOST, port) is None


def test_nobody_there_is_not_ready():
    (port,) = network.free_ports(HOST, 1)
    assert network.cluster_at(HOST, port) is None


def test_free_ports_differ_and_are_free():
    ports = network.free_ports(HOST, 20)
    assert len(set(ports)) == 20
    assert all(network.is_free(HOST, port) for port in ports)


def test_port_with_a_listener_is_not_free():
    with socket.create_server((HOST, 0)) as listener:
        assert not network.is_free(HOST, listener.getsockname()[1])
