"""The query language: what is read, and what is refused instead of answered wrong."""

import operator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.salesforce.org.clock import Clock
from demo.salesforce.org.crm import Crm
from demo.salesforce.soql.parse import SoqlError, parse
from demo.salesforce.soql.query import Queries

ROOT = "/services/data/v66.0"
T = "2026-11-02T09:00:00Z"


def ask(crm, soql, *, deleted=True):
    return Queries(crm.org).start(soql, ROOT, 2000, deleted=deleted)


def refusal(soql):
    with pytest.raises(SoqlError) as caught:
        ask(Crm(Clock()), soql)
    return caught.value.code, caught.value.message(soql)


REFUSED = [
    "SELECT Id FROM Lead WHERE Id IN ()",
    "SELECT Id FROM Lead WHERE IsConverted = true AND City = 'x' OR City = 'y'",
    "SELECT Id FROM Lead WHERE IsConverted = true AND NOT City = 'x'",
    "SELECT Id FROM Lead WHERE",
    "SELECT FROM Lead",
    "SELECT Id Lead",
    "SELECT Id FROM Lead LIMIT -1",
    "SELECT Id FROM Lead LIMIT 5 OFFSET 5",
    "SELECT Id FROM Lead ORDER BY Id LIMIT 1 LIMIT 2",
    "SELECT Id FROM Lead WHERE CreatedDate = TODAY",
    "SELECT Id FROM Lead WHERE CreatedDate > LAST_N_DAYS:5",
    "SELECT Id FROM Lead WHERE Id IN (SELECT ConvertedContactId FROM Lead)",
    "SELECT COUNT(Id) FROM Lead",
    "SELECT Status, COUNT() FROM Lead GROUP BY Status",
    "SELECT l.Id FROM Lead l",
    "SELECT FIELDS(ALL) FROM Lead",
    "SELECT Id FROM Lead WHERE City = 'it's'",
    "SELECT Id FROM Lead WHERE City = 'a\\q'",
    "SELECT Id FROM Lead WHERE City = 'open",
    "SELECT Id FROM Lead WHERE SystemModstamp > 2026-11-02T09:00:00",
    "SELECT Id FROM Lead WHERE SystemModstamp > 2026-13-02T09:00:00Z",
    "SELECT Id FROM Lead WHERE SystemModstamp > 2026-11-02T09:00:00.000 0000",
    "SELECT Id FROM Lead WHERE City != 'x'",
    "SELECT Id FROM Lead WHERE City NOT IN ('x')",
    "SELECT Id FROM Lead WHERE NOT NumberOfEmployees > 5",
    "SELECT Id FROM Lead WHERE City IN ('x', null)",
    "SELECT Id FROM Lead; DELETE",
    "",
]


@pytest.mark.parametrize("soql", REFUSED)
def test_what_is_not_understood_is_refused(soql):
    assert refusal(soql)[0] == "MALFORMED_QUERY"


@pytest.mark.parametrize(
    ("soql", "code", "words"),
    [
        ("SELECT Id, Agee FROM Lead", "INVALID_FIELD", "No such column 'Agee' on entity 'Lead'"),
        ("SELECT Id FROM Lead ORDER BY Agee", "INVALID_FIELD", "No such column 'Agee'"),
        ("SELECT Id, Id FROM Lead", "INVALID_FIELD", "duplicate field selected: Id"),
        ("SELECT Id FROM Leads", "INVALID_TYPE", "sObject type 'Leads' is not supported"),
        ("SELECT Boss.Name FROM Lead", "INVALID_FIELD", "Didn't understand relationship 'Boss'"),
        (f"SELECT Id FROM Lead WHERE SystemModstamp > '{T}'", "INVALID_FIELD", "dateTime and"),
        (f"SELECT Id FROM Lead WHERE ConvertedDate > {T}", "INVALID_FIELD", "of type date and"),
        ("SELECT Id FROM Lead WHERE City = 5", "INVALID_FIELD", "should be enclosed in quotes"),
        ("SELECT Id FROM Lead WHERE IsConverted = 'true'", "INVALID_FIELD", "of type boolean"),
        ("SELECT Id FROM Lead WHERE Description = 'x'", "INVALID_FIELD", "can not be filtered"),
        ("SELECT Id FROM Lead ORDER BY Description", "INVALID_FIELD", "can not be sorted"),
        ("SELECT Id FROM Lead WHERE Id = '5'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID"),
        ("SELECT Id FROM Lead WHERE City > 'a'", "INVALID_QUERY_FILTER_OPERATOR", "invalid op"),
        ("SELECT Id FROM Lead WHERE Id LIKE 'a%'", "INVALID_QUERY_FILTER_OPERATOR", "LIKE"),
    ],
)
def test_wrong_names_and_types_are_refused_in_salesforces_words(soql, code, words):
    found, message = refusal(soql)
    assert found == code
    assert words in message


def test_a_refusal_points_at_the_place():
    _, message = refusal("SELECT Id,\n  Agee FROM Lead")
    assert message.startswith("\n  Agee FROM Lead\n  ^\nERROR at Row:2:Column:3\n")


def test_texts_match_without_regard_to_case_and_ids_with():
    crm = Crm(Clock())
    lead = crm.lead(City="Köln", LastName="O'Neil")
    assert len(ask(crm, "SELECT Id FROM Lead WHERE City = 'kÖLN'")["records"]) == 1
    assert len(ask(crm, r"SELECT Id FROM Lead WHERE LastName = 'O\'NEIL'")["records"]) == 1
    assert len(ask(crm, f"SELECT Id FROM Lead WHERE Id = '{lead[:15]}'")["records"]) == 1
    assert refusal(f"SELECT Id FROM Lead WHERE Id = '{lead.swapcase()}'")[0].startswith("INVALID")


def test_like_takes_wildcards_and_their_escapes():
    crm = Crm(Clock())
    crm.lead(City="100% sure")
    crm.lead(City="100 and sure")
    found = {
        pattern: ask(crm, f"SELECT COUNT() FROM Lead WHERE City LIKE '{pattern}'")["totalSize"]
        for pattern in ("100%", r"100\%%", "100_ sure", "sure")
    }
    assert found == {"100%": 2, r"100\%%": 1, "100_ sure": 1, "sure": 0}


def test_a_parent_is_shown_as_a_record_or_null():
    crm = Crm(Clock())
    lead, queue = crm.lead(), crm.queue("North")
    crm.lead(OwnerId=queue)
    deal = crm.convert(lead)
    crm.close(deal, won=True)
    soql = "SELECT Owner.Name, ConvertedOpportunity.IsWon FROM Lead ORDER BY Id"
    first, second = ask(crm, soql)["records"]
    assert first["ConvertedOpportunity"]["IsWon"] is True
    assert second["ConvertedOpportunity"] is None
    assert second["Owner"]["attributes"]["type"] == "Group"
    crm.hide(deal)
    assert ask(crm, soql)["records"][0]["ConvertedOpportunity"] is None


def test_nulls_come_first_unless_asked_otherwise():
    crm = Crm(Clock())
    for city in ("B", None, "a"):
        crm.lead(City=city)

    def cities(order):
        soql = f"SELECT City FROM Lead ORDER BY City {order}"
        return [row["City"] for row in ask(crm, soql)["records"]]

    assert cities("") == [None, "a", "B"]
    assert cities("DESC") == [None, "B", "a"]
    assert cities("ASC NULLS LAST") == ["a", "B", None]


# A query of chance, against the plainest reading of it.

FIELDS: dict[str, tuple[list[Any], bool]] = {
    "Status": (["Open", "Closed", "O'Neil%_"], False),
    "City": (["a", "A", "b_", None], True),
    "NumberOfEmployees": ([0, 1, 2, None], True),
    "IsConverted": ([True, False], False),
    "LastActivityDate": (["2026-01-01", "2026-01-02", None], True),
    "SystemModstamp": ([], False),
}
COMPARE = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
ORDERED = {"NumberOfEmployees", "LastActivityDate", "SystemModstamp"}
STAMPS = [f"2026-11-02T09:00:0{n}.000+0000" for n in range(6)]

records = st.fixed_dictionaries(
    {name: st.sampled_from(values) for name, (values, _) in FIELDS.items() if values}
    | {"starts_second": st.booleans(), "deleted": st.booleans()}
)


@st.composite
def comparisons(draw, names=tuple(FIELDS)):
    name = draw(st.sampled_from(names))
    values, nillable = FIELDS[name]
    value = draw(st.sampled_from([v for v in values or STAMPS if v is not None]))
    operators = ["="] if nillable else ["=", "!="]
    operators += ["<", "<=", ">", ">="] if name in ORDERED else []
    sign = draw(st.sampled_from(operators))
    return f"{name} {sign} {literal(name, value)}", lambda row: holds(row[name], sign, value)


@st.composite
def null_tests(draw):
    name = draw(st.sampled_from([name for name, (_, nillable) in FIELDS.items() if nillable]))
    sign = draw(st.sampled_from(["=", "!="]))
    return f"{name} {sign} null", lambda row: (row[name] is None) == (sign == "=")


@st.composite
def memberships(draw):
    name = draw(st.sampled_from(["Status", "City", "NumberOfEmployees"]))
    values, nillable = FIELDS[name]
    some = draw(st.lists(st.sampled_from([v for v in values if v is not None]), min_size=1))
    negated = not nillable and draw(st.booleans())
    listed = ", ".join(literal(name, value) for value in some)
    text = f"{name} {'NOT IN' if negated else 'IN'} ({listed})"
    return text, lambda row: any(holds(row[name], "=", v) for v in some) != negated


@st.composite
def negations(draw):
    text, test = draw(comparisons(("Status", "IsConverted", "SystemModstamp")))
    return f"NOT ({text})", lambda row: not test(row)


def joined(parts):
    def both(terms, word, combine):
        text = f" {word} ".join(f"({each})" for each, _ in terms)
        return text, lambda row: combine(test(row) for _, test in terms)

    several = st.lists(parts, min_size=2, max_size=3)
    return several.map(lambda terms: both(terms, "AND", all)) | several.map(
        lambda terms: both(terms, "OR", any)
    )


plain = comparisons() | null_tests() | memberships() | negations()
conditions = st.recursive(plain, joined, max_leaves=6)


def literal(name, value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and name in {"Status", "City"}:
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return str(value)


def holds(value, sign, wanted):
    if value is None:
        return False
    if isinstance(wanted, str):
        value, wanted = value.lower(), wanted.lower()
    return COMPARE[sign](value, wanted)


def fill(drawn):
    """An org with these leads, and the same leads as plain rows."""
    crm = Crm(Clock())
    crm.org.transaction_seconds = 0
    rows: list[dict[str, Any]] = []
    for record in drawn:
        crm.clock.advance(1 if record["starts_second"] and len(rows) < 5 else 0)
        fields = {name: record[name] for name in FIELDS if name in record}
        lead = crm.lead(**fields, IsDeleted=record["deleted"])
        rows.append({**fields, **{n: crm.get(lead)[n] for n in ("Id", "SystemModstamp")}})
        rows[-1]["deleted"] = record["deleted"]
    return crm, rows


@settings(max_examples=150)
@given(st.lists(records, max_size=12), conditions, st.booleans(), st.sampled_from([None, 3]))
def test_a_query_finds_what_the_plainest_reading_finds(drawn, condition, deleted, limit):
    crm, rows = fill(drawn)
    text, test = condition
    expected = [row["Id"] for row in rows if test(row) and (deleted or not row["deleted"])]
    limited = f" LIMIT {limit}" if limit else ""
    for order in ("SystemModstamp, Id", "Id"):
        soql = f"SELECT Id FROM Lead WHERE {text} ORDER BY {order}{limited}"
        found = [row["Id"] for row in ask(crm, soql, deleted=deleted)["records"]]
        assert found == sorted(expected)[:limit], soql


@given(st.text(max_size=40))
def test_any_text_is_a_query_or_refused(text):
    try:
        outcome = parse(text).object_name
    except SoqlError as error:
        outcome = error.message(text)
    assert outcome
