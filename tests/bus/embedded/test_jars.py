"""The cache of jars: complete, exactly as listed, and clear about what it could not get."""

import re
import threading
from pathlib import Path

import pytest

from bus.embedded import network
from bus.embedded.errors import JarError
from bus.embedded.jars import Jar, JarCache, jar_list
from tests.bus.embedded.conftest import Repository


def test_list_is_the_resolved_one():
    jars = {jar.artifact: jar.version for jar in jar_list()}
    # As Maven resolved them; jgo's own resolver would take clients 3.9.1.
    assert len(jar_list()) == len(jars) == 46
    assert jars["kafka_2.13"] == jars["kafka-clients"] == jars["kafka-storage"] == "4.3.1"
    assert jars["log4j-slf4j-impl"] == "2.25.1"
    assert all(re.fullmatch("[0-9a-f]{64}", jar.sha256) for jar in jar_list())


@pytest.fixture
def jars(repository: Repository) -> tuple[Jar, ...]:
    return tuple(
        repository.put(name, f"content of {name}".encode() * 999) for name in ("one", "two", "three")
    )


def test_fetches_what_is_missing_and_tells_how_far_it_is(tmp_path, repository, jars):
    cache = JarCache(tmp_path / "cache", repository.url)
    told: list[tuple[int, int]] = []
    paths = cache.fetch(lambda done, total: told.append((done, total)), jars)
    assert [path.read_bytes() for path in paths] == [
        b"content of one" * 999,
        b"content of two" * 999,
        b"content of three" * 999,
    ]
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert sorted(path.name for path in cache.folder.iterdir()) == [
        "one-1.0.jar",
        "three-1.0.jar",
        "two-1.0.jar",
    ]


def test_second_run_asks_the_network_nothing(tmp_path, repository, jars):
    JarCache(tmp_path / "cache", repository.url).fetch(jars=jars)
    repository.requests.clear()
    JarCache(tmp_path / "cache", repository.url).fetch(jars=jars)
    assert repository.requests == []


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: content[:-1], id="cut short"),
        pytest.param(
            lambda content: content[:5] + bytes([content[5] ^ 1]) + content[6:], id="one bit flipped"
        ),
        pytest.param(lambda _: b"", id="empty"),
    ],
)
def test_damaged_jar_is_fetched_again(tmp_path, repository, jars, damage):
    cache = JarCache(tmp_path / "cache", repository.url)
    victim = cache.fetch(jars=jars)[1]
    sound = victim.read_bytes()
    victim.write_bytes(damage(sound))
    assert cache.unusable(jars) == [jars[1]]
    repository.requests.clear()
    cache.fetch(jars=jars)
    assert victim.read_bytes() == sound
    assert {path.rpartition("/")[2] for path in repository.requests} <= {"two-1.0.jar", "two-1.0.jar.sha1"}


def test_damaged_jar_without_network_is_named_with_the_fix(tmp_path, repository, jars):
    JarCache(tmp_path / "cache", repository.url).fetch(jars=jars)
    away = JarCache(tmp_path / "cache", _nobody())
    away.path(jars[2]).write_bytes(b"damaged")
    with pytest.raises(JarError, match=r"three-1\.0\.jar is damaged .* no connection") as refused:
        away.fetch(jars=jars)
    assert "samband broker fetch" in refused.value.fix


def test_missing_jar_without_network_is_named(tmp_path, jars):
    with pytest.raises(JarError, match=r"one-1\.0\.jar is missing .* no connection"):
        JarCache(tmp_path / "cache", _nobody()).fetch(jars=jars[:1])


def test_jar_that_the_repository_lacks_is_named(tmp_path, repository):
    absent = Jar("no.example", "absent", "1.0", "0" * 64)
    with pytest.raises(JarError, match=r"absent-1\.0\.jar is missing .* does not have it"):
        JarCache(tmp_path / "cache", repository.url).fetch(jars=[absent])


def test_altered_jar_never_enters_the_cache(tmp_path, repository, jars):
    repository.put("two", b"something else")
    cache = JarCache(tmp_path / "cache", repository.url)
    with pytest.raises(JarError, match=r"two-1\.0\.jar .* another SHA-256"):
        cache.fetch(jars=jars)
    assert not cache.path(jars[1]).exists()
    assert [path for path in cache.folder.iterdir() if path.name.startswith(".")] == []


def test_two_at_once_both_end_with_sound_jars(tmp_path, repository, jars):
    cache = JarCache(tmp_path / "cache", repository.url)
    problems: list[BaseException] = []

    def fetch() -> None:
        try:
            JarCache(tmp_path / "cache", repository.url).fetch(jars=jars)
        except BaseException as problem:  # noqa: BLE001 - shown by the assertion below
            problems.append(problem)

    threads = [threading.Thread(target=fetch) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert cache.unusable(jars) == []


def test_cache_folder_that_cannot_be_made_is_named(tmp_path: Path, repository, jars):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(JarError, match="cache") as refused:
        JarCache(tmp_path / "cache", repository.url).fetch(jars=jars)
    assert "SAMBAND_CACHE_DIR" in refused.value.fix


def _nobody() -> str:
    """The address of a repository that does not answer."""
    (port,) = network.free_ports("127.0.0.1", 1)
    return f"http://127.0.0.1:{port}"
