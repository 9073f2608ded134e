"""kcat reads keys and headers. Debian's build has no Avro, so of values only the length is compared."""

import shutil
import subprocess

import pytest

from tests.foreign.conftest import Bus

_FORMAT = r"%k\t%S\t%h\n"


def test_kcat_reads_keys_headers_and_sizes_of_every_topic(bus: Bus) -> None:
    kcat = shutil.which("kcat") or shutil.which("kafkacat")
    if kcat is None:
        pytest.skip("kcat is not installed on this machine")
    for topic in bus.topics:
        command = [kcat, "-C", "-e", "-q", "-b", bus.bootstrap_servers, "-t", topic, "-f", _FORMAT,
                   "-X", "isolation.level=read_committed"]  # fmt: skip
        result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
        expected = sorted(
            f"{record.key}\t{len(record.value)}\t{','.join(f'{k}={v}' for k, v in record.headers.items())}"
            for record in bus.written
            if record.topic == topic
        )
        assert sorted(result.stdout.splitlines()) == expected
