"""A request as it came, an answer as it goes out, and the forms that Salesforce's errors have."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from html import escape
from typing import Any, Literal, NoReturn
from urllib.parse import parse_qsl, urlsplit

JSON = "application/json;charset=UTF-8"
HTML = "text/html;charset=UTF-8"

# What the socket does instead of a whole answer: nothing for a while, half of it, a reset, its body
# or all of it a byte now and then.
Hangup = Literal["hang", "truncate", "trickle", "trickle all", "reset"]


@dataclass
class Request:
    """One request; `status` is set when it has been answered."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    at: datetime
    status: int | None = None

    @cached_property
    def path(self) -> str:
        return urlsplit(self.target).path

    @cached_property
    def params(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @cached_property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @cached_property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def is_login(self) -> bool:
        return self.path == "/services/oauth2/token" or self.path.startswith("/services/Soap/")

    @property
    def is_api_call(self) -> bool:
        return self.path.startswith("/services/data/v")

    @property
    def is_query(self) -> bool:
        return self.is_api_call and "/query" in self.path

    @property
    def is_write(self) -> bool:
        return self.is_api_call and self.method in {"PATCH", "POST", "PUT", "DELETE"}

    @property
    def soql(self) -> str:
        return self.params.get("q", "")

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records of a write to many."""
        try:
            body = self.json
        except ValueError:
            return []
        return body.get("records", []) if isinstance(body, dict) else []

    @property
    def bearer(self) -> str | None:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return token if scheme in {"Bearer", "OAuth"} else None

    @property
    def basic(self) -> tuple[str, str] | None:
        scheme, _, text = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Basic":
            return None
        name, _, secret = base64.b64decode(text).decode().partition(":")
        return name, secret


@dataclass
class Answer:
    """What goes out; `hangup` says how the connection ends before all of it has."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    hangup: Hangup | None = None
    hang_seconds: float = 0

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Refusal(Exception):
    """The request is answered with this."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status, answer.body[:200])
        self.answer = answer


def json_answer(value: Any, status: int = 200, **headers: str) -> Answer:
    body = json.dumps(value, separators=(",", ":")).encode()
    return Answer(status, body, {"Content-Type": JSON} | headers)


def html_answer(status: int, title: str) -> Answer:
    text = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Answer(status, text.encode(), {"Content-Type": HTML})


def record_answer(sobject: str, record: Mapping[str, Any]) -> Answer:
    """A page with the fields of a record that are filled in."""
    name = escape(f"{sobject} {record.get('Name') or record['Id']}")
    filled = ((n, v) for n, v in sorted(record.items()) if v is not None)
    rows = "".join(f"<tr><th>{n}</th><td>{escape(str(v))}</td></tr>" for n, v in filled)
    text = (
        f'<html lang="en"><head><title>{name}</title></head><body><h1>{name}</h1>'
        f"<p>A record of the made-up org.</p><table>{rows}</table></body></html>"
    )
    return Answer(200, text.encode(), {"Content-Type": HTML})


def rest_error(
    status: int, code: str, message: str, fields: list[str] | None = None
) -> dict[str, Any]:
    """One entry of the list that a refused call is answered with."""
    entry: dict[str, Any] = {"message": message, "errorCode": code}
    return entry if fields is None else entry | {"fields": fields}


def rest_answer(status: int, code: str, message: str, fields: list[str] | None = None) -> Answer:
    return json_answer([rest_error(status, code, message, fields)], status)


def refuse(status: int, code: str, message: str, fields: list[str] | None = None) -> NoReturn:
    raise Refusal(rest_answer(status, code, message, fields))


def not_found() -> NoReturn:
    refuse(404, "NOT_FOUND", "The requested resource does not exist")
