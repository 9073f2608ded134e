"""The contract server over real HTTP: Confluent's routes, codes and refusals, and Confluent's own client."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from confluent_kafka.schema_registry import Schema as ConfluentSchema
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from bus.registry.server import ContractServer
from schemas.catalogue import catalogue
from schemas.errors import RefusedError
from schemas.release import served

SUBJECT = "samband.timeline.CitizenMoved"
RECORD = catalogue().records[SUBJECT]
TEXT = served(RECORD.schema)
UNREADABLE = json.dumps({**RECORD.schema, "fields": [*RECORD.schema["fields"], {"name": "x", "type": "int"}]})


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with ContractServer() as server:
        yield server.url


async def ask(url: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url + path, data=None if body is None else json.dumps(body)) as response,
    ):
        assert response.content_type == "application/vnd.schemaregistry.v1+json"
        return response.status, json.loads(await response.text())


async def test_it_listens_on_this_machine_alone(url: str) -> None:
    assert url.startswith("http://127.0.0.1:")


async def test_a_taken_port_is_refused_with_the_fix(url: str) -> None:
    with pytest.raises(RefusedError, match=r"contract_server\.port") as caught:
        async with ContractServer(port=int(url.rpartition(":")[2])):
            pass
    assert "contract_server.port" in caught.value.fix


FULL = {"subject": SUBJECT, "version": 1, "id": RECORD.schema_id, "schema": TEXT}
READS = [
    ("/", {}),
    ("/subjects", sorted(record.full_name for record in catalogue().record_types)),
    (f"/subjects/{SUBJECT}/versions", [1]),
    (f"/subjects/{SUBJECT}/versions/1", FULL),
    (f"/subjects/{SUBJECT}/versions/latest", FULL),
    (f"/subjects/{SUBJECT}/versions/-1", FULL),
    (f"/subjects/{SUBJECT}/versions/latest/schema", RECORD.schema),
    (f"/schemas/ids/{RECORD.schema_id}", {"schema": TEXT}),
    (f"/schemas/ids/{RECORD.schema_id}/schema", RECORD.schema),
    (f"/schemas/ids/{RECORD.schema_id}/versions", [{"subject": SUBJECT, "version": 1}]),
    (f"/schemas/ids/{RECORD.schema_id}/subjects", [SUBJECT]),
    ("/schemas/types", ["AVRO"]),
    ("/config", {"compatibilityLevel": "BACKWARD_TRANSITIVE"}),
    (f"/config/{SUBJECT}", {"compatibilityLevel": "BACKWARD_TRANSITIVE"}),
    ("/mode", {"mode": "READONLY"}),
    (f"/mode/{SUBJECT}", {"mode": "READONLY"}),
]


@pytest.mark.parametrize(("path", "expected"), READS, ids=[path for path, _ in READS])
async def test_reading(url: str, path: str, expected: object) -> None:
    assert await ask(url, "GET", path) == (200, expected)


ERRORS: list[tuple[str, str, object, int, int]] = [
    ("GET", "/subjects/samband.Nobody/versions", None, 404, 40401),
    ("GET", "/subjects/samband.Nobody/versions/1", None, 404, 40401),
    ("GET", f"/subjects/{SUBJECT}/versions/7", None, 404, 40402),
    ("GET", f"/subjects/{SUBJECT}/versions/0", None, 422, 42202),
    ("GET", f"/subjects/{SUBJECT}/versions/first", None, 422, 42202),
    ("GET", f"/subjects/{SUBJECT}/versions/{'9' * 30}", None, 422, 42202),
    ("GET", "/schemas/ids/99999", None, 404, 40403),
    ("GET", "/schemas/ids/one", None, 404, 40403),
    ("GET", "/config/samband.Nobody", None, 404, 40401),
    ("GET", "/somewhere", None, 404, 404),
    ("POST", f"/subjects/{SUBJECT}", {"schema": served(catalogue().records["StayEnded"].schema)}, 404, 40403),
    ("POST", "/subjects/samband.Nobody", {"schema": TEXT}, 404, 40401),
    ("POST", f"/subjects/{SUBJECT}", {"schema": "{"}, 422, 42201),
    ("POST", f"/subjects/{SUBJECT}", {"schema": '{"type": "record"}'}, 422, 42201),
    ("POST", f"/subjects/{SUBJECT}", {"schema": '"nothing"'}, 422, 42201),
    ("POST", f"/subjects/{SUBJECT}", {"schema": "[" * 5000}, 422, 42201),
    ("POST", f"/subjects/{SUBJECT}", {"schema": 5}, 422, 42201),
    ("POST", f"/subjects/{SUBJECT}", [], 422, 42201),
    ("POST", f"/subjects/{SUBJECT}", {"schema": TEXT, "schemaType": "PROTOBUF"}, 422, 42201),
    ("POST", f"/subjects/{SUBJECT}", {"schema": TEXT, "references": [{"name": "x"}]}, 422, 42201),
    ("POST", f"/subjects/{SUBJECT}", None, 400, 400),
    ("POST", f"/subjects/{SUBJECT}/versions", {"schema": TEXT}, 403, 40301),
    ("POST", "/subjects/samband.New/versions", {"schema": '"string"'}, 403, 40301),
    ("PUT", "/config", {"compatibility": "NONE"}, 403, 40301),
    ("PUT", f"/config/{SUBJECT}", {"compatibility": "NONE"}, 403, 40301),
    ("PUT", "/mode", {"mode": "READWRITE"}, 403, 40301),
    ("DELETE", f"/subjects/{SUBJECT}", None, 403, 40301),
    ("DELETE", f"/subjects/{SUBJECT}/versions/1", None, 403, 40301),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "code"), ERRORS)
async def test_errors_have_confluents_codes(
    url: str, method: str, path: str, body: object, status: int, code: int
) -> None:
    answered, error = await ask(url, method, path, body)
    assert (answered, error["error_code"]) == (status, code)
    assert error["message"]


async def test_the_refusal_says_why_and_what_to_do(url: str) -> None:
    _, error = await ask(url, "POST", f"/subjects/{SUBJECT}/versions", {"schema": TEXT})
    assert "read-only" in error["message"]
    assert "auto.register.schemas=false" in error["message"]


async def test_a_schema_is_found_by_what_it_says_not_by_its_blanks(url: str) -> None:
    status, found = await ask(
        url, "POST", f"/subjects/{SUBJECT}", {"schema": json.dumps(RECORD.schema, indent=4)}
    )
    assert (status, found) == (200, FULL)


@pytest.mark.parametrize("version", ["/1", "/latest", ""])
async def test_compatibility_is_checked_for_those_who_ask(url: str, version: str) -> None:
    path = f"/compatibility/subjects/{SUBJECT}/versions{version}"
    assert await ask(url, "POST", path, {"schema": TEXT}) == (200, {"is_compatible": True})
    assert await ask(url, "POST", path, {"schema": UNREADABLE}) == (200, {"is_compatible": False})
    told = {"is_compatible": False, "messages": ["version 1: /x: is new and has no default"]}
    assert await ask(url, "POST", f"{path}?verbose=true", {"schema": UNREADABLE}) == (200, told)


async def test_confluents_client_finds_its_way(url: str) -> None:
    def use() -> None:
        with SchemaRegistryClient({"url": url}) as client:
            assert len(client.get_subjects()) == len(catalogue().record_types)
            latest = client.get_latest_version(SUBJECT)
            assert (latest.schema_id, latest.version) == (RECORD.schema_id, 1)
            schema = client.get_schema(RECORD.schema_id)
            assert json.loads(schema.schema_str or "") == RECORD.schema
            assert client.lookup_schema(SUBJECT, schema).schema_id == RECORD.schema_id
            assert client.test_compatibility(SUBJECT, schema)
            assert not client.test_compatibility(SUBJECT, ConfluentSchema(UNREADABLE, "AVRO"))
            assert client.get_compatibility() == "BACKWARD_TRANSITIVE"
            with pytest.raises(SchemaRegistryError, match="read-only") as caught:
                client.register_schema(SUBJECT, ConfluentSchema(UNREADABLE, "AVRO"))
            assert (caught.value.http_status_code, caught.value.error_code) == (403, 40301)

    await asyncio.to_thread(use)
