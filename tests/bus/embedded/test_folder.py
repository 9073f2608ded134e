"""Whether a broker runs is what the kernel says, not what a file left behind says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bus.embedded.errors import BrokerError, BrokerRunsError
from bus.embedded.folder import BrokerFolder, RunningBroker
from bus.embedded.storage import check_space, translated
from schemas.errors import RefusedError

BROKER = RunningBroker("127.0.0.1:1", os.getpid())


def test_second_taker_is_refused_with_the_address_of_the_first(tmp_path):
    folder = BrokerFolder(tmp_path)
    with folder.lock():
        folder.announce(BROKER)
        with pytest.raises(BrokerRunsError, match=r"at 127\.0\.0\.1:1 ") as refused, folder.lock():
            pass
    assert isinstance(refused.value, RefusedError)
    assert "samband broker stop" in refused.value.fix


def test_second_taker_is_refused_while_the_first_is_starting(tmp_path):
    with BrokerFolder(tmp_path).lock():
        assert BrokerFolder(tmp_path).running() is None
        assert BrokerFolder(tmp_path).is_taken()
        with pytest.raises(BrokerRunsError, match="just starting"), BrokerFolder(tmp_path).lock():
            pass


def test_state_of_a_living_process_without_the_lock_is_stale(tmp_path):
    # The process id was given to somebody else since: here to this very test.
    folder = BrokerFolder(tmp_path)
    with folder.lock():
        folder.announce(BROKER)
        assert folder.running() == BROKER
    assert folder.running() is None
    with folder.lock():
        assert not (tmp_path / "broker.json").exists()


def test_lock_lives_as_long_as_the_child_that_inherited_it(tmp_path):
    folder = BrokerFolder(tmp_path)
    with folder.lock() as file:
        child = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, pass_fds=(file,)
        )
    assert folder.is_taken()
    child.communicate()
    assert not folder.is_taken()


def test_looking_does_not_create_anything(tmp_path):
    assert not BrokerFolder(tmp_path / "absent").is_taken()
    assert BrokerFolder(tmp_path / "absent").running() is None
    assert list(tmp_path.iterdir()) == []


def test_state_file_tells_the_address(tmp_path):
    BrokerFolder(tmp_path).announce(BROKER)
    assert json.loads((tmp_path / "broker.json").read_text())["bootstrap_servers"] == "127.0.0.1:1"


def test_unreadable_ports_are_no_ports(tmp_path):
    folder = BrokerFolder(tmp_path)
    assert folder.last_ports() == []
    folder.remember_ports([1, 2])
    assert folder.last_ports() == [1, 2]
    (tmp_path / "ports.json").write_text("[1,")
    assert folder.last_ports() == []


def test_full_disk_is_told_before_the_start(tmp_path):
    check_space(tmp_path, needed=1)
    with pytest.raises(BrokerError, match="the disk is full") as refused:
        check_space(tmp_path, needed=1 << 60)
    assert "SAMBAND_DATA_DIR" in refused.value.fix


def test_disk_that_fills_up_is_told_in_words(tmp_path):
    full = Path("/dev/full")  # the device that answers each write with ENOSPC
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(BrokerError, match="the disk is full"), translated(tmp_path):
        full.write_text("x")


def test_folder_that_cannot_be_made_is_told_in_words(tmp_path):
    (tmp_path / "file").touch()
    folder = BrokerFolder(tmp_path / "file" / "broker")
    with (
        pytest.raises(BrokerError, match="cannot be used: not a directory"),
        translated(folder.path),
        folder.lock(),
    ):
        pass
