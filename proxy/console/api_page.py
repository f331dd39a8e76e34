"""The documentation page of the API, made from its OpenAPI document."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from proxy.console.console import Console

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Member:
    """A parameter, or a member of a JSON object; `schema` is the name of the one that it refers to."""

    name: str
    type: str
    schema: str
    is_required: bool
    description: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation may answer; `schema` is the name of its document."""

    status: str
    description: str
    schema: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, with a line for curl that does it."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[Member, ...]
    body: str
    answers: tuple[Answer, ...]
    curl: str


@dataclass(frozen=True, slots=True)
class Section:
    """The operations of one tag."""

    name: str
    description: str
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class ObjectSchema:
    """A JSON object that is sent or answered."""

    name: str
    description: str
    members: tuple[Member, ...]


def api_page_routes(console: Console, document: Callable[[], Schema]) -> APIRouter:
    """`/api`."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/api", dependencies=[Depends(console.access.page)])
    async def page(request: Request) -> Response:
        settings = console.proxy.snapshot().configuration.settings
        url = settings.console_url or str(request.base_url).rstrip("/")
        shown = document()
        read = ReadDocument(shown)
        objects = read.objects()
        return console.pages.answer(
            request,
            "api.html",
            about=shown["info"]["description"].split("\n\n"),
            version=shown["info"]["version"],
            sections=read.sections(url),
            objects=objects,
            names=[item.name for item in objects],
        )

    return routes


class ReadDocument:
    """An OpenAPI document as people read it."""

    def __init__(self, document: Schema) -> None:
        self._document = document
        self._schemas: Mapping[str, Schema] = document["components"]["schemas"]

    def sections(self, url: str) -> list[Section]:
        """Every tag that has operations; *url* is where the console is."""
        found = []
        for tag in self._document["tags"]:
            operations = tuple(
                self._operation(url, path, method, operation)
                for path, methods in self._document["paths"].items()
                for method, operation in methods.items()
                if tag["name"] in operation["tags"]
            )
            if operations:
                found.append(Section(tag["name"], tag["description"], operations))
        return found

    def objects(self) -> list[ObjectSchema]:
        """The JSON objects by name; what is no object is told where it is used."""
        return [
            ObjectSchema(name, schema.get("description", ""), tuple(self._members(schema)))
            for name, schema in sorted(self._schemas.items())
            if "properties" in schema
        ]

    def _operation(self, url: str, path: str, method: str, operation: Schema) -> Operation:
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        parameters = tuple(
            self._member(item["name"], item["schema"], item, item["in"])
            for item in operation.get("parameters", ())
        )
        return Operation(
            id=operation["operationId"],
            method=method.upper(),
            path=path,
            summary=operation["summary"],
            description=operation.get("description", ""),
            parameters=parameters,
            body=_named(body) if body is not None else "",
            answers=tuple(
                Answer(status, answer["description"], _named(_schema_of(answer)))
                for status, answer in sorted(operation["responses"].items())
            ),
            curl=self._curl(url, path, method, operation, body),
        )

    def _curl(self, url: str, path: str, method: str, operation: Schema, body: Schema | None) -> str:
        for item in operation.get("parameters", ()):
            if item["in"] == "path":
                path = path.replace(f"{{{item['name']}}}", str(self.example(item["schema"])))
        parts = ["curl", '-H "Authorization: Bearer $TOKEN"']
        if method not in ("get", "post") or (method == "post" and body is None):
            parts.append(f"-X {method.upper()}")
        if body is not None:
            parts += [
                "-H 'Content-Type: application/json'",
                f"-d {shlex.quote(json.dumps(self.example(body)))}",
            ]
        return " ".join([*parts, shlex.quote(url + path)])

    def example(self, schema: Schema) -> Any:
        """A value that fits *schema*: its own example, or what has to be there."""
        if "$ref" in schema:
            return self.example(self._schemas[_named(schema)])
        if schema.get("examples"):
            return schema["examples"][0]
        if "properties" in schema:
            required = schema.get("required", ())
            return {
                name: self.example(member)
                for name, member in schema["properties"].items()
                if name in required or "examples" in member
            }
        return {"string": "...", "object": {}, "array": []}.get(schema.get("type", ""), 0)

    def _members(self, schema: Schema) -> list[Member]:
        required = schema.get("required", ())
        return [
            self._member(name, member, {"required": name in required, **member}, "")
            for name, member in schema["properties"].items()
        ]

    def _member(self, name: str, schema: Schema, about: Schema, place: str) -> Member:
        return Member(
            name=name,
            type=self._type(schema),
            schema=_named(schema),
            is_required=about.get("required", False) is True,
            description=about.get("description", ""),
            place=place,
        )

    def _type(self, schema: Schema) -> str:
        """In words: `text, at most 200 characters`, `list of Token`, `number or null`."""
        if "$ref" in schema:
            name = _named(schema)
            kinds = self._schemas[name].get("enum")
            return " | ".join(map(str, kinds)) if kinds else name
        if "anyOf" in schema:
            return " or ".join(map(self._type, schema["anyOf"]))
        if "enum" in schema or "const" in schema:
            return " | ".join(map(str, schema.get("enum", [schema.get("const")])))
        match schema.get("type"):
            case "array" if "items" in schema:
                return f"list of {self._type(schema['items'])}"
            case "array":
                return f"list of {len(schema.get('prefixItems', ()))}"
            case "object":
                values = next(
                    iter(schema.get("patternProperties", {}).values()), schema.get("additionalProperties")
                )
                return f"object of {self._type(values)}" if isinstance(values, Mapping) else "object"
            case "string" if "maxLength" in schema:
                least = f"{schema['minLength']} to " if "minLength" in schema else "at most "
                return f"text, {least}{schema['maxLength']} characters"
            case "integer" if "maximum" in schema:
                return f"integer, {schema['minimum']} to {schema['maximum']}"
            case kind:
                return {"string": "text", None: "anything"}.get(kind, str(kind))


def _schema_of(answer: Schema) -> Schema:
    contents: Mapping[str, Schema] = answer.get("content", {})
    return next((content["schema"] for content in contents.values()), {})


def _named(schema: Schema) -> str:
    """The name of the schema that *schema* is about: itself, what it lists, or what may be null."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    inner = [schema.get("items"), schema.get("additionalProperties"), *schema.get("anyOf", ())]
    return next((name for item in inner if isinstance(item, Mapping) and (name := _named(item))), "")
