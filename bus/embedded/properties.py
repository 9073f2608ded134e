"""Kafka's ``server.properties`` for one node that is broker and controller, on this machine alone."""

from collections.abc import Mapping

HOST = "127.0.0.1"
NODE_ID = 1

_NEVER = 2**31 - 1
_FENCING = {"broker.session.timeout.ms": 100, "broker.heartbeat.interval.ms": 50}


def server_properties(data: str, broker_port: int, controller_port: int) -> str:
    """The file's text. ``data`` is Kafka's own folder, seen from the folder that it is started in."""
    listeners = f"PLAINTEXT://{HOST}:{broker_port},CONTROLLER://{HOST}:{controller_port}"
    settings = {
        **_common(data, controller_port),
        "process.roles": "broker,controller",
        "listeners": listeners,
        "advertised.listeners": listeners,
        # Nobody can take over from a node that stands alone, and trying to does harm (fencing.py).
        "controlled.shutdown.enable": "false",
        "broker.session.timeout.ms": _NEVER,
        # One node holds the only copy of everything.
        "default.replication.factor": 1,
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        # Each partition of the internal topics costs files and start-up time; the defaults are 50.
        "offsets.topic.num.partitions": 8,
        "transaction.state.log.num.partitions": 8,
        "share.coordinator.state.topic.num.partitions": 1,
        "group.initial.rebalance.delay.ms": 0,
        # Topics come from the catalogue; one that a typing error created would swallow records.
        "auto.create.topics.enable": "false",
        # The default of 128 MiB is taken from the heap at start.
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        # Kafka maps both index files of each partition into memory at their full length, 10 MiB by default:
        # hundreds of small partitions fill a gigabyte of the page cache with nothing. A segment ends when its
        # index is full.
        "log.index.size.max.bytes": 1024 * 1024,
        "num.network.threads": 2,
        "num.io.threads": 4,
    }
    return _text(settings)


def controller_properties(data: str, controller_port: int) -> str:
    """The same node as a controller alone, which soon gives up a broker that is silent (fencing.py)."""
    listener = f"CONTROLLER://{HOST}:{controller_port}"
    roles = {"process.roles": "controller", "listeners": listener, "advertised.listeners": listener}
    return _text({**_common(data, controller_port), **roles, **_FENCING})


def _common(data: str, controller_port: int) -> dict[str, object]:
    return {
        "node.id": NODE_ID,
        "controller.quorum.bootstrap.servers": f"{HOST}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": data,
    }


def _text(settings: Mapping[str, object]) -> str:
    return "".join(f"{name}={value}\n" for name, value in settings.items())
