"""A contract with more than one version, served: what is latest, and what is compatible with all of them."""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bus.registry.server import ContractServer
from schemas.catalogue import ROOT, Catalogue, load
from schemas.release import release, served

SUBJECT = "samband.timeline.CitizenMoved"


@pytest.fixture
def known(tmp_path: Path) -> Catalogue:
    """CitizenMoved in three versions: a field `a` comes and goes, `b` stays."""
    root = Path(
        shutil.copytree(ROOT, tmp_path / "schemas", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    )
    path = root / "avro" / "timeline" / "CitizenMoved.avsc"
    schema = json.loads(path.read_text(encoding="utf-8"))
    own = list(schema["fields"])
    for names in (["a"], ["b"]):
        added = [{"name": name, "type": "int", "default": 0, "doc": "Added."} for name in names]
        path.write_text(json.dumps(schema | {"fields": own + added}), encoding="utf-8")
        release(root)
    return load(root)


@pytest.fixture
async def url(known: Catalogue) -> AsyncIterator[str]:
    async with ContractServer(known=known) as server:
        yield server.url


async def ask(url: str, method: str, path: str, schema: object = None) -> Any:
    body = None if schema is None else json.dumps({"schema": json.dumps(schema)})
    async with aiohttp.ClientSession() as session, session.request(method, url + path, data=body) as response:
        assert response.status == 200
        return json.loads(await response.text())


async def test_latest_is_the_newest(url: str, known: Catalogue) -> None:
    versions = known.records[SUBJECT].versions
    assert await ask(url, "GET", f"/subjects/{SUBJECT}/versions") == [1, 2, 3]
    latest = await ask(url, "GET", f"/subjects/{SUBJECT}/versions/latest")
    assert latest == {
        "subject": SUBJECT,
        "version": 3,
        "id": versions[3].schema_id,
        "schema": served(versions[3].schema),
    }
    second = await ask(url, "GET", f"/subjects/{SUBJECT}/versions/2")
    assert second["id"] == versions[2].schema_id
    assert await ask(url, "GET", f"/schemas/ids/{versions[1].schema_id}") == {
        "schema": served(versions[1].schema)
    }


async def test_an_old_version_is_found_as_what_it_is(url: str, known: Catalogue) -> None:
    found = await ask(url, "POST", f"/subjects/{SUBJECT}", known.records[SUBJECT].versions[1].schema)
    assert found["version"] == 1


async def test_compatibility_is_with_the_version_that_is_named_or_with_all(
    url: str, known: Catalogue
) -> None:
    candidate = json.loads(served(known.records[SUBJECT].schema))
    candidate["fields"][-1].pop("default")  # `b` without a default reads version 3 alone
    path = f"/compatibility/subjects/{SUBJECT}/versions"
    assert await ask(url, "POST", f"{path}/latest", candidate) == {"is_compatible": True}
    assert await ask(url, "POST", f"{path}/1", candidate) == {"is_compatible": False}
    assert await ask(url, "POST", f"{path}?verbose=true", candidate) == {
        "is_compatible": False,
        "messages": ["version 1: /b: is new and has no default", "version 2: /b: is new and has no default"],
    }
