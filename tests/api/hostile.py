"""Bodies, headers and paths made to break a parser, a check or a database; each must be refused.

A case is a name, what is sent, and the statuses that are right answers.
"""

import json
from dataclasses import dataclass, field

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
# What surprises is taken with a warning, but for who asks for a refusal.
STRICT = {"Prefer": "handling=strict"}
DEEP = 100_000

# Values as they stand in JSON text, where no field of a lead takes them.
WRONG_FOR_EVERY_FIELD = {
    "not a number": "NaN",
    "infinity": "Infinity",
    "minus infinity": "-Infinity",
    "beyond floats": "1e999",
    "far beyond floats": "-1e99999",
    "5,000 digits": "9" * 5000,
    "minus 5,000 digits": "-" + "9" * 5000,
    "400 digits": "9" * 400,
    "5,000 digits and a fraction": "9" * 5000 + ".5",
    "a list": "[]",
    "a list of lists": "[[[]]]",
    "an object": "{}",
    "an object with a NaN": '{"a": NaN}',
    "a list 190 deep": "[" * 190 + "]" * 190,
    "lone surrogate": '"\\ud800"',
    "lone low surrogate": '"\\udfff"',
    "surrogates the wrong way round": '"\\udc00\\ud800"',
    "NUL": '"a\\u0000b"',
    "escape": '"a\\u001bb"',
    "line end": '"a\\nb"',
    "C1 control": '"a\\u0085b"',
    "raw NUL": '"a\x00b"',
    "long text": '"' + "x" * 10_001 + '"',
    "60,000 accents": '"e' + "\u0301" * 5000 + '"',
    "half a word": "tru",
    "a word of Python": "None",
    "hexadecimal": "0x10",
    "octal": "010",
    "plus": "+1",
    "a point alone": ".",
    "a comment": "1 /* one */",
    "single quotes": "'x'",
    "undefined": "undefined",
}
WRONG_FOR_NUMBERS = {
    "true": "true",
    "text": '"five"',
    "a half": "0.5",
    "below": "-1",
    "above": "1000001",
    "full-width digit": '"\uff15"',
    "tiny": "5e-324",
}
WRONG_FOR_TEXTS = {"true": "true", "a number": "5", "zero": "0"}
NUMBERS = ("age", "email_opens", "website_visits", "content_downloads", "days_since_contact")
TEXTS = ("location", "industry", "lead_source", "name", "company", "email", "phone", "owner")
PATHS = ("%00", "%0d%0aX:1", "%FF", "%ED%A0%80", "a%00b", "%", "%zz", "x" * 5000, "%2e%2e/%2e%2e")
CURSORS = ("x", "W10", "%00", "W251bGwsbnVsbCxudWxsXQ", "eyJhIjoxfQ", "A" * 3000, "WyJzIixOYU4sMV0")


@dataclass(frozen=True)
class Case:
    """One request."""

    name: str
    body: bytes
    statuses: tuple[int, ...] = (400, 422)
    path: str = "/score"
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": JSON})


def values():
    """A lead with one hostile value, for every field."""
    for name in (*NUMBERS, *TEXTS, "lead_id", "actual_outcome"):
        wrong = dict(WRONG_FOR_EVERY_FIELD)
        wrong |= WRONG_FOR_NUMBERS if name in NUMBERS else {}
        wrong |= WRONG_FOR_TEXTS if name in TEXTS else {}
        for what, text in wrong.items():
            head = "" if name == "lead_id" else '"lead_id": "L-1", '
            body = f'{{{head}"{name}": {text}}}'
            sent = body.encode("utf-8", "surrogatepass")
            yield Case(f"{name}: {what}", sent, headers={"Content-Type": JSON, **STRICT})


def documents():
    """Bodies that are wrong as a whole."""
    wrong = {
        "nothing": b"",
        "white space": b" \n\t ",
        "NUL bytes": b"\x00" * 100,
        "UTF-16": '{"lead_id": "L-1"}'.encode("utf-16"),
        "UTF-32": '{"lead_id": "L-1"}'.encode("utf-32"),
        "Latin-1": b'{"lead_id": "\xe9"}',
        "overlong UTF-8": b'{"lead_id": "\xc0\xaf"}',
        "a surrogate in UTF-8": b'{"lead_id": "\xed\xa0\x80"}',
        "beyond Unicode": b'{"lead_id": "\xf5\x80\x80\x80"}',
        "cut off": b'{"lead_id": "L-1"',
        "cut off in an escape": b'{"lead_id": "\\u00',
        "more behind it": b'{"lead_id": "L-1"} {}',
        "a comma too many": b'{"lead_id": "L-1",}',
        "keys without quotes": b'{lead_id: "L-1"}',
        "keys that are numbers": b'{1: "L-1"}',
        "text": b'"L-1"',
        "a number": b"1",
        "null": b"null",
        "true": b"true",
        "a list": b'[{"lead_id": "L-1"}]',
        "an empty object": b"{}",
        "an empty key": b'{"lead_id": "L-1", "": 1}',
        "a key that is NUL": b'{"lead_id": "L-1", "\\u0000": 1}',
        "a key of Python": b'{"lead_id": "L-1", "__class__": {"__init__": 1}}',
        "a key of JavaScript": b'{"lead_id": "L-1", "__proto__": {"is_admin": true}}',
        "a column": b'{"lead_id": "L-1", "key": 1, "outcome": true, "search_text": "x"}',
        "a long key": b'{"lead_id": "L-1", "' + b"k" * 50_000 + b'": 1}',
        "4,000 keys": json.dumps({f"k{n}": n for n in range(4000)}).encode(),
        "lists without end": b"[" * 60_000,
        "objects without end": b'{"a":' * 12_000,
        "form data": b"lead_id=L-1",
        "XML": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        "a pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94.",
    }
    for what, body in wrong.items():
        yield Case(what, body)
        for path in ("/score/batch", "/feedback/batch", "/api/keys"):
            yield Case(f"{path}: {what}", body, path=path)
        statuses = (400, 422, 404)
        yield Case(f"outcome: {what}", body, statuses, "/feedback/L-1", "PUT")


def sizes():
    """Bodies that are deeper or longer than anything means."""
    lists = b'{"leads": ' + b"[" * DEEP + b"]" * DEEP + b"}"
    objects = b'{"leads": [' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"]}"
    yield Case("lists 100,000 deep", lists, (400,), "/score/batch")
    yield Case("objects 100,000 deep", objects, (400,), "/score/batch")
    yield Case("20 MB", b'{"lead_id": "' + b"x" * 20_000_000 + b'"}', (413,))
    yield Case("20 MB of a batch", b'{"leads": [' + b" " * 20_000_000, (413,), "/score/batch")
    yield Case("20 MB of outcomes", b" " * 20_000_000, (413,), "/feedback/batch")
    yield Case("20 MB of an outcome", b" " * 20_000_000, (413,), "/feedback/L-1", "PUT")
    yield Case(
        "9 MB of numbers", b'{"leads": [' + b"1," * 4_500_000 + b"1]}", (422,), "/score/batch"
    )


def forms():
    """Forms with hostile values."""
    wrong = {
        "NaN": b"lead_id=L-1&age=NaN",
        "infinity": b"lead_id=L-1&age=inf",
        "5,000 digits": b"lead_id=L-1&age=" + b"9" * 5000,
        "beyond floats": b"lead_id=L-1&email_opens=1e999",
        "underscores": b"lead_id=L-1&email_opens=1_000",
        "hexadecimal": b"lead_id=L-1&email_opens=0x10",
        "Arabic digits": "lead_id=L-1&email_opens=\u0665".encode(),
        "NUL": b"lead_id=%00",
        "not UTF-8": b"lead_id=%FF",
        "half a character": b"lead_id=%E2%82",
        "a surrogate": b"lead_id=%ED%A0%80",
        "10,000 keys": b"&".join(b"k%d=1" % n for n in range(7000)),
        "nothing but ampersands": b"&" * 60_000,
        "an outcome": b"lead_id=L-1&actual_outcome=maybe",
        "JSON": b'{"lead_id": "L-1"}',
    }
    for what, body in wrong.items():
        yield Case(f"form: {what}", body, headers={"Content-Type": FORM, **STRICT})


def heads():
    """Headers and paths."""
    lead = b'{"lead_id": "L-1"}'
    for kind in ("", "x", "application/json; charset=utf-7", "application/json\u00e9", "a/b/c;;;"):
        yield Case(f"type {kind!r}", lead, (415,), headers={"Content-Type": kind})
    for encoding in ("gzip", "deflate", "br", "gzip, gzip", "x" * 500):
        packed = {"Content-Type": JSON, "Content-Encoding": encoding}
        yield Case(f"encoding {encoding[:9]}", lead, (415,), headers=packed)
    for path in PATHS:
        target = f"/feedback/{path}?outcome=true"
        yield Case(f"path {path[:20]}", b"", (404, 422), target, "PUT", {})
        for suffix in ("", "/history"):
            target = f"/api/leads/{path}{suffix}"
            yield Case(f"{suffix} path {path[:20]}", b"", (404, 422), target, "GET", {})
        yield Case(f"run {path[:20]}", b"", (404,), f"/api/runs/{path}", "GET", {})
        promote = f"/api/models/{path}/promote"
        yield Case(f"version {path[:20]}", b"", (404,), promote, "POST", {})
    queries = ("outcome=%00", "outcome=%FF", "outcome[]=true", "&".join(["outcome=x"] * 5000))
    for query in queries:
        target = f"/feedback/L-1?{query}"
        yield Case(f"query {query[:20]}", b"", (422,), target, "PUT", {})
    for cursor in CURSORS:
        yield Case(f"cursor {cursor[:9]}", b"", (422,), f"/api/leads?after={cursor}", "GET", {})


def beyond_values():
    """What may reach a database before it is refused."""
    return [*documents(), *forms(), *heads()]


def cases():
    """All of them."""
    return [*values(), *sizes(), *beyond_values()]
