"""Every page in a made-up language: no plain English is left."""

import re
from typing import Any

import pytest

from tests.architecture.source import ROOT
from tests.factories import NOW, make_key, make_lead, make_outcome, make_version
from tests.pages.every_page import every_page
from tests.words import catalogues
from tests.words.plain import plain_texts
from webapp.pages import language
from webapp.services.accounts.api_keys import SCOPES
from webapp.services.accounts.preferences import FORMATS
from webapp.services.remarks import notes

DATA = (
    *(
        "ada@example.com",
        "Zzt Brr",
        "Grr Krk",
        "zzt@grr.example",
        "Hmm pst",
        "a program",
        "leads.csv",
    ),
    *("X-1", "X-2", "X-3", "Website form", "tests", "ada", "@example.com", "example"),
    # Codes of the API, which programs are told, too.
    *(*SCOPES, "form", "score.changed", "grade.changed", "outcome.recorded", "model.promoted"),
    *("sync.failed",),
    # The team edits its reasons; they begin in English.
    *("No budget", "No need", "Bad timing", "Chose a competitor", "No reply", "Wrong contact"),
    # A family of models is called so in the model card, too.
    "Starter scorecard",
    # Sessions are stored with what they were begun by.
    "unknown browser",
)
# Languages are listed by what they are called in themselves.
OWN_NAMES = [language.own_name(name) for name in (*FORMATS, catalogues.LOCALE)]
# For those who run the server: its settings and the log of what was done, as codes.
FOR_OPERATORS = {"pages.settings.configuration", "pages.settings.audit_log"}


@pytest.fixture
def stored(write, champion):
    """A store with some of everything that pages show."""

    def make(session):
        known: dict[str, Any] = {
            "name": "Zzt Brr",
            "company": "Grr Krk",
            "email": "zzt@grr.example",
        }
        for n, source in enumerate(("Referral", "Webinar", "Organic"), 1):
            made = make_lead(session, f"X-{n}", lead_source=source, email_opens=n, **known)
            if n > 1:
                make_outcome(session, made, n == 2)
            notes.add(session, made, "Hmm pst", author="ada@example.com", now=NOW)
        make_version(session)
        make_key(session)

    write(make)


@pytest.fixture
def pages(app):
    return every_page(app)


def test_no_page_holds_plain_english(pages, stored, made_up, ada, sign_in):
    admin = sign_in(ada)
    admin.environ_base["HTTP_ACCEPT_LANGUAGE"] = "eo"
    plain = {}
    for method, path, endpoint in pages:
        if method == "GET":
            answer = admin.get(path)
            is_page = answer.mimetype == "text/html" and answer.status_code not in (302, 303)
            if is_page and endpoint not in FOR_OPERATORS:
                plain[endpoint] = plain_texts(answer.text, (*DATA, *OWN_NAMES))
            answer.close()
    found = {endpoint: texts for endpoint, texts in plain.items() if texts}
    assert found == {}


def test_scripts_hold_no_sentence():
    """What they say comes from the page, in data attributes."""
    texts = [path.read_text() for path in (ROOT / "webapp/static").glob("*.js")]
    assert len(texts) >= 3
    assert [text for text in texts if re.search(r"(textContent|title) = [\"`][A-Za-z]", text)] == []
