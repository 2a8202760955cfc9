"""Forms on other sites: a key that everybody can read sends leads, from its own sites."""

import re
from datetime import timedelta

import pytest

from tests.architecture.source import ROOT
from tests.factories import NOW, make_key, make_lead, make_outcome
from webapp.services.accounts import api_keys
from webapp.services.leads import leads

SITE = "https://www.example.com"
FORM = {"lead_id": "ann@example.com", "name": "Ann", "email_opens": "3", "industry": ""}


@pytest.fixture(scope="session", params=["sqlite"])
def dialect(request):
    """Scoring is tested on both elsewhere; the count of a minute here."""
    return request.param


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"form_posts_per_minute": 5})


@pytest.fixture
def form_key(write):
    return write(lambda s: make_key(s, "form", name="contact form", origins=[SITE]))


@pytest.fixture
def post(client, form_key):
    """Post a form as a browser on `origin` does."""

    def post(origin=SITE, **more):
        headers = {"Origin": origin} if origin else {}
        return client.post("/score", data={"form_key": form_key, **FORM, **more}, headers=headers)

    return post


def find(read, lead_id="ann@example.com"):
    return read(lambda s: leads.find(s, lead_id))


def test_a_form_scores_a_lead_with_its_key_in_a_hidden_field(post, read):
    answer = post()
    assert answer.status_code == 200, answer.text
    assert 0 < answer.json["conversion_score"] < 1
    assert (find(read).name, find(read).email_opens) == ("Ann", 3)
    assert answer.headers["Access-Control-Allow-Origin"] == SITE


def test_a_multipart_form_is_taken_and_its_files_are_not(program, form_key, read):
    program.session.headers = {"Origin": SITE}
    parts = {name: (None, value) for name, value in {"form_key": form_key, **FORM}.items()}
    answer = program("POST", "/score", files=parts)
    assert answer.status_code == 200, answer.text
    assert find(read).email_opens == 3
    refused = program("POST", "/score", files={**parts, "name": ("a.txt", b"Ann")})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/name"
    twice = [*parts.items(), ("name", (None, "Bo"))]
    assert "more than once" in program("POST", "/score", files=twice).text


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://www.example.com"])
def test_other_sites_and_programs_are_refused(origin, post, read):
    answer = post(origin)
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers
    with pytest.raises(leads.LeadNotFound):
        find(read)


def test_the_answer_tells_nothing_of_a_known_lead_but_its_score(post, write):
    write(lambda s: make_lead(s, FORM["lead_id"], age=44, industry="Secret"))
    write(lambda s: make_outcome(s, FORM["lead_id"], True))
    answer = post().json
    told = {name: answer[name] for name in ("reasons", "unknown_fields", "actual_outcome")}
    assert told == {"reasons": [], "unknown_fields": [], "actual_outcome": None}
    assert answer["previous_score"] is None


def test_a_form_reports_no_outcome(post, read):
    answer = post(actual_outcome="true")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/actual_outcome"
    assert post(actual_outcome="").status_code == 200
    assert find(read).outcome is None


def test_a_form_may_say_where_the_browser_goes_next_on_its_own_site(post, read):
    answer = post(redirect_to=f"{SITE}/thanks?x=1")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{SITE}/thanks?x=1")
    for target in ("https://evil.example", f"{SITE}.evil.example", f"{SITE}@evil.example", "/x"):
        refused = post(redirect_to=target)
        assert refused.status_code == 422, target
        assert refused.json["errors"][0]["pointer"] == "/redirect_to"


@pytest.mark.parametrize("target", ["https://[", "https://www.exa\u2100mple.com/", "//", ":"])
def test_what_is_no_address_is_no_target(target, post):
    refused = post(redirect_to=target)
    assert refused.status_code == 422
    assert refused.json["errors"][0]["pointer"] == "/redirect_to"


def test_another_key_in_a_form_is_refused(client, write):
    text = write(lambda s: make_key(s, "score"))
    answer = client.post("/score", data={"form_key": text, **FORM}, headers={"Origin": SITE})
    assert answer.status_code == 403
    assert "Only a form key may stand in a form" in answer.json["detail"]


def test_a_form_that_is_sent_too_often_waits(post):
    statuses = [post().status_code for _ in range(8)]
    # A minute may have begun between them.
    assert statuses.count(200) <= 7
    answer = next(a for _ in range(8) if (a := post()).status_code == 429)
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert answer.headers["Access-Control-Allow-Origin"] == SITE


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"], indirect=True)
def test_a_minute_has_so_many_posts_and_the_next_one_as_many_again(write, form_key):
    def count(seconds):
        key = write(lambda s: api_keys.find(s, form_key).key)
        at = NOW + timedelta(seconds=seconds)
        return write(lambda s: api_keys.count_post(s, key, at, 2))

    assert [count(second) for second in (0, 1, 2, 59, 60, 61, 62)] == [
        *(True, True, False, False),
        *(True, True, False),
    ]


def test_a_script_of_a_listed_site_may_send_json(client, form_key):
    asked = {"Origin": SITE, "Access-Control-Request-Method": "POST"}
    allowed = client.options("/score", headers=asked)
    assert allowed.status_code == 204
    assert allowed.headers["Access-Control-Allow-Origin"] == SITE
    assert "Authorization" in allowed.headers["Access-Control-Allow-Headers"]
    headers = {"Origin": SITE, "Authorization": f"Bearer {form_key}"}
    answer = client.post("/score", json={"lead_id": "L-1"}, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == SITE
    assert "Origin" in answer.headers["Vary"]


def test_no_other_site_is_allowed_anything(client, headers):
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    assert "Access-Control-Allow-Origin" not in client.options("/score", headers=asked).headers
    answer = client.get("/api/leads", headers={**headers, "Origin": SITE})
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert client.options("/api/leads", headers={"Origin": SITE}).status_code == 405


def test_a_form_key_never_reaches_the_log(post, form_key, capfd, caplog):
    post()
    post(seets="4")
    post("https://evil.example")
    out = capfd.readouterr()
    assert "/score" in out.out + out.err + caplog.text
    assert form_key not in out.out + out.err + caplog.text


def test_the_form_of_the_guide_works(client, form_key):
    guide = (ROOT / "docs/api.md").read_text()
    form = re.search(r"```html\n(<form.*?)```", guide, re.DOTALL)[1]
    names = re.findall(r'name="(\w+)"(?: value="([^"]*)")?', form)
    sent = {name: value or "Ann" for name, value in names} | {"form_key": form_key}
    answer = client.post("/score", data=sent, headers={"Origin": SITE})
    assert answer.status_code == 303, answer.text


@pytest.mark.parametrize(
    ("scopes", "origins"),
    [
        (["form"], []),
        (["form", "score"], [SITE]),
        (["score"], [SITE]),
        (["form"], ["www.example.com"]),
        (["form"], [f"{SITE}/contact"]),
        (["form"], ["*"]),
        (["form"], ["null"]),
    ],
)
def test_a_form_key_has_sites_and_no_other_scope(scopes, origins, client, headers, write):
    with pytest.raises(api_keys.InvalidKey):
        write(lambda s: make_key(s, *scopes, origins=origins))
    body = {"name": "a form", "scopes": scopes, "origins": origins}
    assert client.post("/api/keys", json=body, headers=headers).status_code == 422


def test_form_keys_are_made_by_command_api_and_page(app, client, headers, ada, sign_in):
    arguments = ["create-key", "a form", "--scope", "form", "--origin", SITE]
    assert app.test_cli_runner().invoke(args=arguments).output.startswith("ll_")
    body = {"name": "a form", "scopes": ["form"], "origins": [f"{SITE}/"]}
    assert client.post("/api/keys", json=body, headers=headers).json["origins"] == [SITE]
    admin = sign_in(ada)
    form = {"name": "a form", "scope": "form"}
    page = admin.post("/settings/keys", data={**form, "origins": f"{SITE}, http://localhost:8080"})
    assert page.status_code == 200
    assert "http://localhost:8080" in page.text
    refused = admin.post("/settings/keys", data=form)
    assert refused.status_code == 422
    assert 'id="origins-error"' in refused.text
