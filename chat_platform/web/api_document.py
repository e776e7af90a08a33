"""The OpenAPI document of the API, and what people read of it.

What belongs here: making the document from the routes, examples from its schemas. What does not: routes
(``pages.api``), how the page or ``docs/api.md`` looks.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import BaseRoute

from chat_platform.storage.tokens import SCOPES
from chat_platform.web.access import rule_of

ROOT = "/api/v1"
CLASS_ID = {
    "name": "class_id",
    "in": "path",
    "required": True,
    "description": "Short name of the class.",
    "schema": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,31}$", "examples": ["class"]},
}
INTRODUCTION = f"""\
The same data as on the pages of the portal, as JSON.

**Who may.** A program sends `Authorization: Bearer <token>`; tokens are made on the page *Account → Tokens*, each
with scopes. A browser that is signed in may read without one; to write it sends its session's token in
`X-CSRF-Token`. A token can do what its owner's role in the class can do, narrowed to its scopes.

**Lists** come in pages: pass `next` of an answer as `cursor` to get what follows, or follow the header `Link`.
Cursors are opaque. An unknown or repeated parameter is refused.

**Asking again.** Answers carry `ETag`; with `If-None-Match` an unchanged one costs a 304. What comes from the
published tables carries `Last-Modified`, the time of the publication.

**Errors** have one shape: `error.code` (stable), `what`, `why`, `remedy` and `detail`, in the language of the
account or of `Accept-Language`.

Times are UTC in ISO 8601, dates are in the class's time zone. Direct and removed messages are in no answer.
This document: `{ROOT}/openapi.json`, for whoever is signed in or holds a token.
"""


@dataclass(frozen=True)
class Operation:
    """A route as people read of it.

    Attributes:
        scope: what a token needs.
        roles: who may, in words.
        parameters: name, place, type, whether required, description.
        body: example of what is sent; ``None`` where nothing is.
        answer: example of what comes back; ``None`` where nothing does.
        curl: a call.
    """

    tag: str
    method: str
    path: str
    summary: str
    description: str
    scope: str
    roles: str
    parameters: tuple[Mapping[str, Any], ...]
    body: str | None
    answer: str | None
    curl: str

    @property
    def anchor(self) -> str:
        """Id of its heading."""
        return f"{self.method.lower()}{self.path.replace('/', '-').replace('{', '').replace('}', '')}"


def openapi_document(routes: list[BaseRoute], base_url: str) -> dict[str, Any]:
    """OpenAPI 3.1 of the routes below ``/api/v1``.

    Args:
        routes: of the application.
        base_url: where it is served.
    """
    ours = [context for context in iter_route_contexts(routes) if (context.path or "").startswith(f"{ROOT}/")]
    document = get_openapi(
        title="chat_platform", version="1", description=INTRODUCTION, routes=ours, servers=[{"url": base_url}]
    )
    components = document.setdefault("components", {})
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "A token of the page Account → Tokens."},
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "__Host-session" if base_url.startswith("https://") else "session",
            "description": "A browser that is signed in.",
        },
    }
    for context in ours:
        route = context.original_route
        rule = rule_of(route) if isinstance(route, APIRoute) else None
        item = document["paths"].get(context.path_format or "")
        if rule is None or item is None:
            continue
        for method in context.methods or ():
            operation = item.get(method.lower())
            if operation is not None:
                if "{class_id}" in (context.path_format or ""):
                    operation["parameters"] = [CLASS_ID, *operation.get("parameters", ())]
                operation["security"] = [{"token": []}, {"session": []}]
                operation["x-scope"] = rule.scope
                operation["x-roles"] = sorted(rule.roles) if rule.roles is not None else []
    return document


def operations(document: Mapping[str, Any]) -> list[Operation]:
    """Every route of a document, by tag in the order of the document."""
    return list(_operations(document))


def scopes() -> Mapping[str, tuple[str, str]]:
    """What tokens may be for, in English and Korean."""
    return SCOPES


def _operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    base = document["servers"][0]["url"]
    for path, item in document["paths"].items():
        for method, operation in item.items():
            body = _content(document, operation.get("requestBody"))
            answers = operation["responses"]
            answer = _content(document, answers.get("200") or answers.get("201"))
            yield Operation(
                tag=operation["tags"][0],
                method=method.upper(),
                path=path,
                summary=operation["summary"],
                description=operation.get("description", ""),
                scope=operation["x-scope"],
                roles=", ".join(operation["x-roles"]) or "everybody",
                parameters=tuple(_parameter(document, one) for one in operation.get("parameters", ())),
                body=body,
                answer=answer,
                curl=_curl(base, method.upper(), path, operation, body),
            )


def _parameter(document: Mapping[str, Any], parameter: Mapping[str, Any]) -> dict[str, Any]:
    schema = parameter["schema"]
    return {
        "name": parameter["name"],
        "place": parameter["in"],
        "type": _type(document, schema),
        "required": parameter.get("required", False),
        "description": parameter.get("description", ""),
    }


def _type(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    schema = _resolved(document, schema)
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if "anyOf" in schema:
        return " | ".join(_type(document, part) for part in schema["anyOf"] if part.get("type") != "null")
    limits = [f"{sign} {schema[key]}" for key, sign in (("minimum", "≥"), ("maximum", "≤")) if key in schema]
    name = (
        schema.get("format") if schema.get("format") in ("date", "date-time") else schema.get("type", "any")
    )
    return " ".join([str(name), *limits])


def _content(document: Mapping[str, Any], part: Mapping[str, Any] | None) -> str | None:
    schema = ((part or {}).get("content") or {}).get("application/json", {}).get("schema")
    if schema is None:
        return None
    return json.dumps(_example(document, schema), ensure_ascii=False, indent=2)


def _example(document: Mapping[str, Any], schema: Mapping[str, Any], name: str = "") -> Any:
    """A value that fits a schema: the examples of its parts, else something of the right type."""
    if schema.get("examples"):
        return schema["examples"][0]
    schema = _resolved(document, schema)
    if schema.get("examples"):
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    if "anyOf" in schema:
        return _example(document, schema["anyOf"][0], name)
    kind = schema.get("type")
    if kind == "object":
        known = schema.get("properties", {})
        return {key: _example(document, value, key) for key, value in known.items()}
    if kind == "array":
        return [_example(document, schema.get("items", {}), name)]
    if kind == "string":
        formats = {"date": "2026-03-02", "date-time": "2026-03-02T00:58:54Z"}
        return formats.get(schema.get("format", ""), name or "…")
    return {"integer": 1, "number": 1.5, "boolean": False}.get(str(kind))


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def _curl(base: str, method: str, path: str, operation: Mapping[str, Any], body: str | None) -> str:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            given = parameter.get("examples") or parameter["schema"].get("examples") or ["class"]
            value = given[0] if isinstance(given, list) else next(iter(given.values()))["value"]
            path = path.replace("{" + parameter["name"] + "}", str(value))
    parts = ["curl", "-H", '"Authorization: Bearer $TOKEN"']
    if method != "GET":
        parts += ["-X", method]
    if body is not None:
        compact = json.dumps(json.loads(body), ensure_ascii=False)
        parts += ["-H", shlex.quote("Content-Type: application/json"), "-d", shlex.quote(compact)]
    return " ".join([*parts, shlex.quote(f"{base}{path}") if "{" in path else f"{base}{path}"])
