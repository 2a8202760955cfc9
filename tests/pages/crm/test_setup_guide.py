"""The set-up guide on the connection page says what docs/salesforce-setup.md says."""

import html
import re

import pytest

from webapp.config import ROOT


@pytest.fixture
def admin(ada, sign_in):
    return sign_in(ada)


def guide_of(admin, method):
    page = html.unescape(admin.get(f"/sync/connection?method={method}").text)
    return re.search(r'<details class="panel guide".*?</details>', page, re.DOTALL)[0]


def document():
    return (ROOT / "docs/salesforce-setup.md").read_text()


ONLY_ON_THE_PAGE = {
    "An hour for somebody who may administer the org.",
    "Do it in a sandbox first. acme, leadloop@acme.com and you@acme.com stand for yours."
    " docs/salesforce-setup.md has the same steps.",
    "All commands run in Leadloop's folder salesforce.",
    "Tick Enable OAuth, with the callback URL https://login.salesforce.com/services/oauth2/success"
    " (it is never called) and the scope Manage user data via APIs (api).",
    "With the user name and the content of leadloop.key it goes into Leadloop below.",
    "In the app's policies, IP Relaxation.",
    "Enter My Domain and the rest under Login, and press Save and test.",
    "Then map fields, choose outcome rules and make a dry run.",
}


def plain(text):
    """Text without markup, white space folded."""
    return (
        re.sub(r"\s+", " ", re.sub(r"<[^>]+>|[*`]", "", text)).replace("“", '"').replace("”", '"')
    )


@pytest.mark.parametrize("method", ["client_credentials", "jwt"])
def test_the_page_sets_an_org_up_by_the_steps_and_commands_of_the_document(admin, method):
    guide, text = guide_of(admin, method), document()
    steps = re.findall(r"^## \d+\. (.+)$", text, re.M)
    assert re.findall(r"<h3>(.+?)</h3>", guide) == steps
    commands = re.findall(
        r"^(?:.*<code>)?((?:node|npm|cd|sf|openssl) .+?)(?:</code>.*)?$", guide, re.M
    )
    of_the_other = "openssl" if method != "jwt" else "-"
    written = re.findall(r"^ *((?:node|npm|cd|sf|openssl) .+)$", text, re.M)
    assert commands == [line for line in written if not line.startswith(of_the_other)]


@pytest.mark.parametrize("method", ["client_credentials", "jwt"])
def test_each_sentence_of_the_page_s_guide_is_one_of_the_document(admin, method):
    """What only the page says is where to go on there, and what the document says as a list."""
    text = plain(document())
    paragraphs = re.findall(r"<p>(.+?)</p>", guide_of(admin, method), re.DOTALL)
    sentences = [s for p in paragraphs for s in re.split(r"(?<=\.) (?=[A-Z])", plain(p).strip())]
    assert {s for s in sentences if s not in text} <= ONLY_ON_THE_PAGE
