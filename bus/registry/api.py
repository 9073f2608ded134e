"""The Confluent Schema Registry API over a ``Store``: routes, and errors as Confluent's clients expect them.

https://docs.confluent.io/platform/current/schema-registry/develop/api.html
"""

import json
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bus.registry import store as ask
from bus.registry.errors import ApiError, read_only, schema_not_found
from bus.registry.store import Entry, Store

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"


def registry_app(store: Store) -> web.Application:
    """The application that serves ``store``."""
    api = _Api(store)
    app = web.Application(middlewares=[_errors_as_json(writable=store.writable)])
    app.add_routes(
        [
            web.get("/", api.root),
            web.get("/subjects", api.subjects),
            web.get("/subjects/{subject}/versions", api.versions),
            web.get("/subjects/{subject}/versions/{version}", api.version),
            web.get("/subjects/{subject}/versions/{version}/schema", api.version_schema),
            web.get("/schemas/types", api.types),
            web.get("/schemas/ids/{id}", api.by_id),
            web.get("/schemas/ids/{id}/schema", api.schema_by_id),
            web.get("/schemas/ids/{id}/versions", api.versions_by_id),
            web.get("/schemas/ids/{id}/subjects", api.subjects_by_id),
            web.post("/subjects/{subject}", api.look_up),
            web.post("/subjects/{subject}/versions", api.register),
            web.post("/compatibility/subjects/{subject}/versions", api.check_all),
            web.post("/compatibility/subjects/{subject}/versions/{version}", api.check_one),
            web.get("/config", api.config),
            web.get("/config/{subject}", api.config),
            web.put("/config", api.set_config),
            web.put("/config/{subject}", api.set_config),
            web.get("/mode", api.mode),
            web.get("/mode/{subject}", api.mode),
        ]
    )
    return app


class _Api:
    """The handlers. Each is one question to the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def root(self, _: web.Request) -> web.Response:
        return _json({})

    async def subjects(self, _: web.Request) -> web.Response:
        return _json(ask.subjects_of(self._store))

    async def versions(self, request: web.Request) -> web.Response:
        return _json([entry.version for entry in ask.versions_of(self._store, request.match_info["subject"])])

    async def version(self, request: web.Request) -> web.Response:
        return _json(_full(self._asked(request)))

    async def version_schema(self, request: web.Request) -> web.Response:
        return _json(self._asked(request).schema)

    async def types(self, _: web.Request) -> web.Response:
        return _json(["AVRO"])

    async def by_id(self, request: web.Request) -> web.Response:
        return _json({"schema": self._with_id(request)[0].text})

    async def schema_by_id(self, request: web.Request) -> web.Response:
        return _json(self._with_id(request)[0].schema)

    async def versions_by_id(self, request: web.Request) -> web.Response:
        return _json([{"subject": e.subject, "version": e.version} for e in self._with_id(request)])

    async def subjects_by_id(self, request: web.Request) -> web.Response:
        return _json([entry.subject for entry in self._with_id(request)])

    async def look_up(self, request: web.Request) -> web.Response:
        subject = request.match_info["subject"]
        text = ask.schema_in(await _body(request))
        ask.versions_of(self._store, subject)
        entry = ask.same_schema(self._store, subject, text)
        if entry is None:
            raise schema_not_found()
        return _json(_full(entry))

    async def register(self, request: web.Request) -> web.Response:
        if not self._store.writable:
            raise read_only()
        entry = self._store.register(request.match_info["subject"], ask.schema_in(await _body(request)))
        return _json({"id": entry.schema_id})

    async def check_all(self, request: web.Request) -> web.Response:
        entries = ask.versions_of(self._store, request.match_info["subject"])
        return await self._check(request, entries)

    async def check_one(self, request: web.Request) -> web.Response:
        return await self._check(request, [self._asked(request)])

    async def config(self, request: web.Request) -> web.Response:
        return _json({"compatibilityLevel": self._store.compatibility(request.match_info.get("subject"))})

    async def set_config(self, request: web.Request) -> web.Response:
        if not self._store.writable:
            raise read_only()
        body = await _body(request)
        level = body.get("compatibility", "") if isinstance(body, dict) else ""
        self._store.set_compatibility(request.match_info.get("subject"), str(level))
        return _json({"compatibility": level})

    async def mode(self, _: web.Request) -> web.Response:
        return _json({"mode": "READWRITE" if self._store.writable else "READONLY"})

    def _asked(self, request: web.Request) -> Entry:
        return ask.version_of(self._store, request.match_info["subject"], request.match_info["version"])

    def _with_id(self, request: web.Request) -> list[Entry]:
        return ask.with_id(self._store, request.match_info["id"])

    async def _check(self, request: web.Request, entries: list[Entry]) -> web.Response:
        problems = ask.problems_between(ask.schema_in(await _body(request)), entries)
        answer: dict[str, Any] = {"is_compatible": not problems}
        if request.query.get("verbose") == "true":
            answer["messages"] = problems
        return _json(answer)


def _full(entry: Entry) -> dict[str, Any]:
    return {"subject": entry.subject, "version": entry.version, "id": entry.schema_id, "schema": entry.text}


async def _body(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError):
        raise ApiError(400, 400, "The body is not JSON") from None


def _json(data: Any, status: int = 200) -> web.Response:
    return web.Response(text=json.dumps(data, ensure_ascii=False), status=status, content_type=CONTENT_TYPE)


def _errors_as_json(*, writable: bool) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except ApiError as error:
            return _json({"error_code": error.code, "message": error.message}, error.status)
        except web.HTTPException as error:
            refused = None if writable or request.method in ("GET", "HEAD", "POST") else read_only()
            code, status = (refused.code, refused.status) if refused else (error.status, error.status)
            return _json(
                {"error_code": code, "message": refused.message if refused else f"HTTP {status}"}, status
            )

    return middleware
