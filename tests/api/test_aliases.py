"""An alias is read as its choice at every way in; so is what differs from it by case alone."""

import io
from datetime import date

import pytest

from sync.crm.mapping import LeadMapping
from tests.factories import FIELDS, NOW
from webapp import field_lists, importing
from webapp.services.crm.field_sources import FieldSource
from webapp.services.fields import declaring
from webapp.services.fields.declaring import Author, InvalidField
from webapp.services.imports import imports, quality
from webapp.services.imports.matching.mapping import Mapping
from webapp.services.leads import leads

ADA = Author("ada@example.com", NOW, fields_file=None)
# A word that says unknown elsewhere, one that spreadsheets take for a formula, signs, scripts.
WORDS = [
    "Web",
    "Unknown",
    "Online-Formular",
    "Größe = L",
    "+49",
    "お問い合わせ",
    "C++",
    "O'Hara, Inc.",
]


@pytest.fixture
def dialect():
    """What a value means is settled before any statement runs."""
    return "sqlite"


@pytest.fixture
def alias(write):
    """`alias(word, choice)` reads a word as a choice of lead_source."""
    return lambda word, choice: write(
        lambda s: declaring.add_alias(s, "lead_source", word, ADA, choice=choice)
    )


@pytest.fixture
def ways_in(client, headers, settings, read):
    """How a value of lead_source comes in: each sends one for a lead."""

    def send(path, **options):
        answer = client.post(path, headers=headers, **options)
        assert answer.status_code == 200, answer.json

    def by_file(lead_id, word):
        cell = '"' + word.replace('"', '""') + '"'
        stream = io.BytesIO(f"lead_id,lead_source\n{lead_id},{cell}\n".encode())
        kept = imports.keep_file(stream, f"{lead_id}.csv", settings.data_dir, max_bytes=10**6)
        with client.application.app_context():
            importing.import_now(
                kept,
                decided=Mapping(),
                uses_remembered=True,
                skip_bad_rows=False,
                requested_by="ada@example.com",
                on_step=lambda step: None,
            )

    def lead(lead_id, word):
        return {"lead_id": lead_id, "lead_source": word}

    return {
        "json": lambda lead_id, word: send("/score", json=lead(lead_id, word)),
        "form": lambda lead_id, word: send("/score", data=lead(lead_id, word)),
        "batch": lambda lead_id, word: send("/score/batch", json={"leads": [lead(lead_id, word)]}),
        "file": by_file,
    }


def spelled(word):
    return [word, word.upper(), f"  {word.lower()} "]


def test_any_value_seen_and_aliased_is_its_choice_by_every_way_in(ways_in, alias, read):
    for word in WORDS:
        alias(word, "Organic")
    for way, send in ways_in.items():
        for number, text in enumerate(text for word in WORDS for text in spelled(word)):
            lead_id = f"{way}-{number}"
            send(lead_id, text)
            known = read(lambda s, i=lead_id: leads.known_inputs(leads.find(s, i)))
            assert known == {"lead_source": "Organic"}, (way, text)
    assert read(quality.everything) == []


def test_an_alias_is_its_choice_from_salesforce(alias, read):
    alias("Web", "Organic")
    fields = read(field_lists.current).fields
    mapping = LeadMapping(fields, [FieldSource("lead_source", "LeadSource")])
    inputs, wrong = mapping.inputs({"LeadSource": "WEB"}, date(2026, 11, 30))
    assert (inputs["lead_source"], list(wrong)) == ("Organic", [])


def test_an_alias_scores_as_its_choice(client, headers, alias):
    alias("Web", "Referral")
    scores = [
        client.post("/score", json={"lead_id": word, "lead_source": word}, headers=headers).json
        for word in ("Web", "Referral", "Webinar")
    ]
    assert scores[0]["conversion_score"] == scores[1]["conversion_score"]
    assert scores[0]["warnings"] == []
    assert scores[2]["conversion_score"] != scores[1]["conversion_score"]


@pytest.mark.parametrize(
    ("word", "choice", "problem"),
    [
        ("webinar", "Organic", "'webinar' is a choice itself, so it cannot stand for another"),
        ("WEB", "Referral", "WEB stands for Organic already"),
        ("Fax", "Letter", "'Fax' stands for 'Letter', which is no choice"),
        ("Fax", "", "'Fax' stands for '', which is no choice"),
        ("F" * 101, "Organic", "must be at most 100 characters long"),
        ("  ", "Organic", "must not be blank"),
    ],
)
def test_an_alias_stands_for_one_choice_and_is_none_itself(alias, read, word, choice, problem):
    alias("Web", "Organic")
    with pytest.raises(InvalidField, match=problem) as refused:
        alias(word, choice)
    assert list(refused.value.errors) == ["aliases"]
    assert read(field_lists.current).fields["lead_source"].aliases == (("Web", "Organic"),)


def test_the_same_alias_again_changes_nothing(alias, read):
    alias("Web", "Organic")
    alias(" web ", "ORGANIC")
    declared = read(field_lists.current)
    assert declared.fields["lead_source"].aliases == (("Web", "Organic"),)
    assert declared.version == 2


def test_the_api_document_names_aliases(client, alias):
    alias("Web", "Organic")
    schemas = client.get("/openapi.json").json["components"]["schemas"]
    about = schemas["LeadRecord"]["properties"]["lead_source"]
    assert "Web is read as Organic" in str(about)
    assert "Web" not in about.get("enum", FIELDS["lead_source"].choices)
