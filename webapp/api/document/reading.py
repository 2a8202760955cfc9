"""The OpenAPI document laid out for people; how it looks is the business of the template."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

CODE = re.compile(r"`([^`]+)`")
WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
    "object": "object",
    "array": "list",
}
EXAMPLES = {
    "lead_id": "L-1",
    "version": "1.0",
    "field": "last_activity",
    "key": "1",
    "outcome": "true",
    "kind": "training",
}
MAX_CHOICES_LENGTH = 12


@dataclass(frozen=True)
class Piece:
    """Running text, or a word of code in it."""

    text: str
    is_code: bool


@dataclass(frozen=True)
class Row:
    """One parameter, or one key of an object."""

    name: str
    kind: str
    shape: str | None
    is_needed: bool
    about: list[Piece]


@dataclass(frozen=True)
class Answer:
    """One status that an operation may answer."""

    status: str
    about: str
    shape: str | None


@dataclass(frozen=True)
class Sent:
    """One kind of body that an operation takes."""

    kind: str
    shape: str


@dataclass(frozen=True)
class Operation:
    """One route and method."""

    anchor: str
    method: str
    path: str
    summary: str
    paragraphs: list[list[Piece]]
    scope: str | None
    parameters: list[Row]
    bodies: list[Sent]
    answers: list[Answer]
    errors: list[str]
    curl: str


@dataclass(frozen=True)
class Section:
    """Operations that belong together."""

    title: str
    operations: list[Operation]


@dataclass(frozen=True)
class Shape:
    """An object that is sent or answered."""

    name: str
    about: list[Piece]
    rows: list[Row]


def sections(document: dict[str, Any]) -> list[Section]:
    """The operations by their tags."""
    every = [
        (operation["tags"][0], _operation(document, method.upper(), path, operation))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    titles = [tag["name"] for tag in document["tags"]]
    return [Section(title, [o for tag, o in every if tag == title]) for title in titles]


def shapes(document: dict[str, Any]) -> list[Shape]:
    """All objects with their keys, by name."""
    return [
        Shape(name, pieces(_one_line(schema.get("description", ""))), list(_rows(schema)))
        for name, schema in sorted(document["components"]["schemas"].items())
    ]


def paragraphs(text: str) -> list[list[Piece]]:
    """Text by its paragraphs."""
    return [pieces(_one_line(part)) for part in text.split("\n\n") if part.strip()]


def pieces(text: str) -> list[Piece]:
    """Text with what stands between backticks marked as code."""
    parts = CODE.split(text)
    return [Piece(part, i % 2 == 1) for i, part in enumerate(parts) if part]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _operation(
    document: dict[str, Any], method: str, path: str, found: dict[str, Any]
) -> Operation:
    media = found.get("requestBody", {}).get("content", {})
    scopes = found["security"][0]["key"] if found["security"] else [None]
    return Operation(
        anchor=found["operationId"],
        method=method,
        path=path,
        summary=found["summary"],
        paragraphs=paragraphs(found["description"]),
        scope=scopes[0],
        parameters=[_parameter(p) for p in found["parameters"]],
        bodies=[Sent(kind, _shape(m["schema"]) or "") for kind, m in media.items()],
        answers=[_answer(status, a) for status, a in found["responses"].items() if status < "400"],
        errors=[status for status in found["responses"] if status >= "400"],
        curl=_curl(document, method, path, found),
    )


def _parameter(found: dict[str, Any]) -> Row:
    schema = found["schema"]
    about = pieces(_one_line(found["description"]))
    return Row(found["name"], kind(schema), None, found.get("required", False), about)


def _answer(status: str, found: dict[str, Any]) -> Answer:
    media = found.get("content", {}).values()
    return Answer(status, found["description"], next((_shape(m["schema"]) for m in media), None))


def _rows(schema: dict[str, Any]) -> Iterator[Row]:
    # Only what is sent may leave keys out; of an answer, "needed" would say nothing.
    needed = schema.get("required", ()) if schema.get("additionalProperties") is False else ()
    for name, found in schema.get("properties", {}).items():
        about = pieces(_one_line(found.get("description", "")))
        yield Row(name, kind(found), _shape(found), name in needed, about)


def kind(schema: dict[str, Any]) -> str:
    """What a value is, in words."""
    if "$ref" in schema:
        return str(_shape(schema))
    if "anyOf" in schema:
        return " or ".join(kind(part) for part in schema["anyOf"])
    if "enum" in schema and len(schema["enum"]) <= MAX_CHOICES_LENGTH:
        return ", ".join("null" if choice is None else str(choice) for choice in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {kind(schema.get('items', {}))}"
    types = schema.get("type", "any value")
    return " or ".join(WORDS.get(t, t) for t in ([types] if isinstance(types, str) else types))


def _shape(schema: dict[str, Any]) -> str | None:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    inner = [schema["items"]] if "items" in schema else schema.get("anyOf", [])
    return next((name for part in inner if (name := _shape(part))), None)


def _curl(document: dict[str, Any], method: str, path: str, found: dict[str, Any]) -> str:
    names = [p["name"] for p in found["parameters"] if p["in"] == "path"]
    in_path = {name: quote(EXAMPLES[name]) for name in names}
    queries = [p["name"] for p in found["parameters"] if p["in"] == "query"]
    query = next((f"?{name}={EXAMPLES[name]}" for name in queries if name in EXAMPLES), "")
    words = ["curl -s" if method == "GET" else f"curl -s -X {method}"]
    words.append(f'"$LEADLOOP{path.format(**in_path)}{query}"')
    if found["security"]:
        words.append('-H "Authorization: Bearer $KEY"')
    media = found.get("requestBody", {}).get("content", {})
    if "application/octet-stream" in media:
        words += ["-H 'Content-Type: application/octet-stream'", "--data-binary @leads.csv"]
    elif found.get("requestBody", {}).get("required"):
        words.append("-H 'Content-Type: application/json'")
        example = json.dumps(_example(document, found), ensure_ascii=False, indent=2)
        words.append(f"-d '{example}'")
    return " \\\n  ".join(words)


def _example(document: dict[str, Any], found: dict[str, Any]) -> Any:
    schema = found["requestBody"]["content"]["application/json"]["schema"]
    return document["components"]["schemas"][str(_shape(schema))]["examples"][0]
