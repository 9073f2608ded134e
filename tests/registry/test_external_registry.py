"""Publishing into a registry that gives its own ids, and taking them from there, over real HTTP."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bus.registry.client import Outcome, RegistryClient, RegistryIds, publish
from bus.registry.codec import codec_of
from bus.registry.errors import RegistryRefusedError, RegistryUnavailableError, SchemaMissingError
from bus.registry.testing import StandInRegistry
from bus.settings import Settings, load_settings
from schemas.catalogue import catalogue
from schemas.codec import Codec, UnknownSchemaIdError
from schemas.errors import RefusedError, RetriableError
from schemas.release import served

MOVED = {"citizen": "a", "moved_to": "b", "revision": 1, "cause": "c"}
SUBJECT = "samband.timeline.CitizenMoved"
COUNT = len(catalogue().by_id)


@pytest.fixture
async def registry() -> AsyncIterator[StandInRegistry]:
    async with StandInRegistry(first_id=5001) as registry:
        yield registry


@pytest.fixture
def client(registry: StandInRegistry) -> RegistryClient:
    return RegistryClient(registry.url)


async def test_every_version_is_published_once(registry: StandInRegistry, client: RegistryClient) -> None:
    first = await asyncio.to_thread(lambda: list(publish(client)))
    assert {entry.outcome for entry in first} == {Outcome.ADDED}
    assert [entry.schema_id for entry in first] == list(range(5001, 5001 + COUNT))
    assert {entry.text for entry in registry.store.entries()} == {
        served(version.schema) for _, version in catalogue().by_id.values()
    }
    second = await asyncio.to_thread(lambda: list(publish(client)))
    assert [entry._replace(outcome=Outcome.ADDED) for entry in second] == first
    assert {entry.outcome for entry in second} == {Outcome.UNCHANGED}
    assert len(list(registry.store.entries())) == COUNT


async def test_publishing_sets_the_compatibility_of_our_subjects_alone(
    registry: StandInRegistry, client: RegistryClient
) -> None:
    await asyncio.to_thread(lambda: list(publish(client)))
    expected = {record.full_name: "BACKWARD_TRANSITIVE" for record in catalogue().record_types}
    assert registry.store.levels == {None: "BACKWARD"} | expected


async def test_the_codec_writes_and_reads_with_the_registrys_ids(client: RegistryClient) -> None:
    def use() -> tuple[bytes, Codec]:
        published = {entry.subject: entry.schema_id for entry in publish(client)}
        codec = Codec(RegistryIds.fetch(client))
        data = codec.encode("CitizenMoved", MOVED)
        assert (
            int.from_bytes(data[1:5], "big") == published[SUBJECT] != catalogue().records[SUBJECT].schema_id
        )
        return data, codec

    data, codec = await asyncio.to_thread(use)
    assert codec.decode(data).value == MOVED


async def test_the_settings_decide_whose_ids_a_process_writes(
    registry: StandInRegistry, client: RegistryClient
) -> None:
    def first_id(settings: Settings) -> int:
        return int.from_bytes(codec_of(settings).encode("CitizenMoved", MOVED)[1:5], "big")

    published = await asyncio.to_thread(lambda: {entry.subject: entry.schema_id for entry in publish(client)})
    theirs = await asyncio.to_thread(first_id, load_settings(registry_url=registry.url))
    assert theirs == published[SUBJECT]
    assert first_id(load_settings(registry_url=None)) == catalogue().records[SUBJECT].schema_id


async def test_ids_cannot_be_taken_before_the_contract_is_published(client: RegistryClient) -> None:
    with pytest.raises(SchemaMissingError, match="has no samband") as caught:
        await asyncio.to_thread(RegistryIds.fetch, client)
    assert "samband schemas publish" in caught.value.fix


async def test_a_version_that_came_later_is_asked_for_once(
    registry: StandInRegistry, client: RegistryClient
) -> None:
    """Another installation has released version 2 already; this one reads it in the shape of version 1."""

    def prepare() -> Codec:
        list(publish(client))
        return Codec(RegistryIds.fetch(client))

    codec = await asyncio.to_thread(prepare)
    newer = json.loads(served(catalogue().records[SUBJECT].schema))
    newer["fields"].append({"name": "note", "type": "string", "doc": "New.", "default": ""})
    entry = registry.store.register(SUBJECT, json.dumps(newer))
    # Zigzag: 'a', 'b', 1, 'c' as in version 1, then the text "hi".
    body = b"\x02a\x02b\x02\x02c\x04hi"
    data = b"\x00" + entry.schema_id.to_bytes(4, "big") + body
    assert (await asyncio.to_thread(codec.decode, data)).value == MOVED
    assert codec.decode(data).value == MOVED  # on the registry's own loop: it is not asked again


async def test_an_id_that_the_registry_does_not_know_is_a_decode_error(client: RegistryClient) -> None:
    def use() -> None:
        list(publish(client))
        codec = Codec(RegistryIds.fetch(client))
        with pytest.raises(UnknownSchemaIdError):
            codec.decode(b"\x00\x00\x00\xff\xff")

    await asyncio.to_thread(use)


def test_a_registry_that_is_away_is_retriable_and_nothing_is_dead_lettered() -> None:
    """A record must not be lost because the registry had a bad moment."""
    away = RegistryIds(RegistryClient(f"http://127.0.0.1:{_closed_port()}"), {}, {})
    with pytest.raises(RegistryUnavailableError) as caught:
        Codec(away).decode(b"\x00\x00\x00\xff\xff")
    assert isinstance(caught.value, RetriableError)


async def test_a_foreign_subject_of_the_same_name_is_refused(
    registry: StandInRegistry, client: RegistryClient
) -> None:
    registry.store.register(SUBJECT, json.dumps({"type": "record", "name": SUBJECT, "fields": [
        {"name": "citizen", "type": "int"}]}))  # fmt: skip
    with pytest.raises(RegistryRefusedError, match=f"{SUBJECT}: the registry has another version"):
        await asyncio.to_thread(lambda: list(publish(client)))


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, {"error_code": 401, "message": "Unauthorized"}, RegistryRefusedError),
        (403, {"error_code": 40301, "message": "no"}, RegistryRefusedError),
        (503, {}, RegistryUnavailableError),
        (429, {}, RegistryUnavailableError),
        (200, ["not a registry"], RegistryRefusedError),
        (200, "<html>", RegistryRefusedError),
    ],
)
async def test_what_a_registry_answers_decides_what_to_do_next(
    status: int, body: object, error: type[Exception]
) -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Basic b2xhOmhlbW1lbGln"  # ola:hemmelig
        return web.json_response(body, status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        host, port = runner.addresses[0]
        client = RegistryClient(f"http://ola:hemmelig@{host}:{port}")
        with pytest.raises(error) as caught:
            await asyncio.to_thread(client.look_up, SUBJECT, catalogue().records[SUBJECT].schema)
        assert "hemmelig" not in f"{caught.value} {caught.value.args} {getattr(caught.value, 'fix', '')}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("url", ["registry:8081", "file:///etc/passwd", "ftp://x", ""])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(RefusedError, match="registry_url"):
        RegistryClient(url)


def _closed_port() -> int:
    """A port that nobody listens on: it was free a moment ago and nothing of ours takes it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
