"""Settings: the own password, keys, users, the audit log, and what is in force."""

import itertools
import re
from datetime import timedelta

import pytest

from tests.conftest import csrf_token
from tests.factories import NOW, PASSWORD
from webapp.config import Settings
from webapp.services.accounts import accounts, api_keys, attempts, devices
from webapp.tables import ApiKey

NEW_PASSWORD = "a longer horse battery"


@pytest.fixture
def admin(ada, sign_in):
    return sign_in(ada)


def new_key(admin):
    answer = admin.post("/settings/keys", data={"name": "Website", "scope": ["score", "feedback"]})
    return re.findall(r'<code class="secret"[^>]*>(ll_[^<]+)</code>', answer.text)[0]


def change_password(person, old=PASSWORD, new=NEW_PASSWORD, again=NEW_PASSWORD):
    form = {"old": old, "new": new, "again": again}
    # Each new password begins a session, with a token of its own.
    person.environ_base["HTTP_X_CSRFTOKEN"] = csrf_token(person, "/settings")
    return person.post("/settings/password", data=form)


def test_a_new_password_keeps_this_session_and_ends_the_others(rita, sign_in):
    here, elsewhere = sign_in(rita), sign_in(rita)
    assert change_password(here).location == "/settings"
    assert "Password changed" in here.get("/settings").text
    assert elsewhere.get("/settings").status_code == 303


@pytest.mark.parametrize(
    ("form", "field", "sentence"),
    [
        ({"old": "wrong"}, "old", "This is not your current password"),
        ({"new": "short", "again": "short"}, "new", "A password has 12 to 500 characters."),
        ({"again": "another one"}, "again", "The two passwords differ."),
    ],
)
def test_a_password_that_cannot_be_changed_says_why_beside_its_field(
    form, field, sentence, rita, sign_in
):
    answer = change_password(sign_in(rita), **form)
    assert answer.status_code == 422
    assert f'id="{field}-error">{sentence}' in answer.text


def test_wrong_present_passwords_are_counted_like_wrong_sign_ins(rita, sign_in):
    rep = sign_in(rita)
    for _ in range(devices.MAX_TRIES + attempts.FREE_TRIES):
        change_password(rep, old="wrong")
    assert change_password(rep).status_code == 422


def test_new_passwords_that_are_too_easy_are_no_wrong_sign_ins(rita, sign_in):
    rep = sign_in(rita)
    for _ in range(devices.MAX_TRIES + attempts.FREE_TRIES):
        change_password(rep, new="short", again="short")
    assert change_password(rep).status_code == 303


@pytest.mark.parametrize("number", range(5))
def test_none_of_the_last_five_passwords_comes_again(number, rita, sign_in):
    rep = sign_in(rita)
    used = [
        PASSWORD,
        *(f"{word} horse battery staple" for word in ("plum", "iron", "jade", "salt")),
    ]
    for old, new in itertools.pairwise(used):
        assert change_password(rep, old, new, new).status_code == 303
    answer = change_password(rep, used[-1], used[number], used[number])
    assert "You have used this password before: choose a new one." in answer.text


def test_a_new_key_works_and_is_shown_once(admin, read):
    text = new_key(admin)
    assert read(lambda s: api_keys.find(s, text)).scopes == ["feedback", "score"]
    assert text not in admin.get("/settings/keys").text


@pytest.mark.parametrize(
    "form",
    [
        {"name": "", "scope": "score"},
        {"name": "x" * 101, "scope": "score"},
        {"name": "a\0b", "scope": "score"},
        {"name": "Website"},
        {"name": "Website", "scope": "everything"},
    ],
)
def test_a_key_without_name_or_right_is_not_made(form, admin, read):
    assert admin.post("/settings/keys", data=form).status_code == 422
    assert read(api_keys.everything) == []


def test_a_new_key_is_proposed_for_90_days_and_replaced_with_a_week_of_overlap(admin, read):
    assert '<option value="90" selected>' in admin.get("/settings/keys").text
    new_key(admin)
    page = admin.post("/settings/keys/1/rotate").text
    assert "The old one works for 7 more days." in page
    new, old = read(api_keys.everything)
    assert (new.scopes, old.expires_at is None) == (old.scopes, False)


def test_a_revoked_key_stays_on_the_list_and_works_no_more(admin, read):
    text = new_key(admin)
    key: ApiKey = read(lambda s: api_keys.find(s, text))
    admin.post(f"/settings/keys/{key.key}/revoke")
    assert read(lambda s: api_keys.find(s, text)) is None
    assert "revoked" in admin.get("/settings/keys").text


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"email": "ada@example.com", "role": "rep"}, "has an account already"),
        ({"email": "nobody", "role": "rep"}, "must look like name@example.com"),
        ({"email": "new@example.com", "role": "owner"}, "The role must be one of"),
        ({"email": "n\0w@example.com", "role": "rep"}, "must not hold control characters"),
    ],
)
def test_a_user_that_cannot_be_made_says_why(form, sentence, admin, read):
    answer = admin.post("/settings/users", data=form)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert len(read(accounts.everyone)) == 1


def test_the_last_administrator_can_neither_leave_nor_be_turned_off(admin, ada, read):
    for action in (f"{ada.key}/role", f"{ada.key}/deactivate"):
        answer = admin.post(f"/settings/users/{action}", data={"role": "rep"})
        assert answer.status_code == 409
        assert "is the last administrator; make another one first" in answer.text
    assert read(lambda s: accounts.by_key(s, ada.key)).is_active


def test_a_user_is_turned_off_and_on_and_given_a_role(admin, rita, read):
    for action, form in (("deactivate", {}), ("activate", {}), ("role", {"role": "manager"})):
        answer = admin.post(f"/settings/users/{rita.key}/{action}", data=form)
        assert answer.location == "/settings/users"
    found = read(lambda s: accounts.by_key(s, rita.key))
    assert (found.is_active, found.role) == (True, "manager")


def test_a_user_who_does_not_exist_is_named(admin):
    answer = admin.post("/settings/users/4711/deactivate")
    assert answer.status_code == 404
    assert "Account 4711 not found" in answer.text


@pytest.mark.parametrize("number", ["0", "-1", "9" * 40, "x"])
def test_a_number_that_no_account_can_have_is_no_page(number, admin):
    assert admin.post(f"/settings/users/{number}/deactivate").status_code in {404, 405}


def test_the_audit_log_tells_who_did_what(admin, ada, rita):
    admin.post(f"/settings/users/{rita.key}/role", data={"role": "manager"})
    page = admin.get("/settings/audit-log").text
    assert re.search(r"ada@example.com.*changed role.*rita@example.com.*to: manager", page, re.S)


def test_the_audit_log_goes_on_to_older_entries(admin, rita, monkeypatch):
    monkeypatch.setattr("webapp.pages.accounts.settings.AUDIT_PAGE", 2)
    for role in ("manager", "rep", "manager"):
        admin.post(f"/settings/users/{rita.key}/role", data={"role": role})
    first = admin.get("/settings/audit-log").text
    older = re.findall(r'href="(/settings/audit-log\?before=\d+)"', first)[0]
    assert first.count("changed role") == 2
    assert admin.get(older).text.count("changed role") == 1


@pytest.mark.parametrize("before", ["x", "-1", str(2**63), "9" * 5000])
def test_the_audit_log_has_no_entry_that_no_database_can_hold(before, admin):
    assert admin.get(f"/settings/audit-log?before={before}").status_code == 400


def test_of_secrets_only_that_they_are_set_is_shown(tmp_path):
    settings = Settings(
        data_dir=tmp_path,
        secret_key="a-key-nobody-sees",
        database_url="postgresql://somebody:hunter2@db.example:5432/leadloop?password=hunter3",
    )
    shown = {s.variable: s.value for s in settings.shown()}
    assert shown["LEADLOOP_SECRET_KEY"] == "set, not shown"
    assert shown["LEADLOOP_DATABASE_URL"] == "postgresql+psycopg://db.example/leadloop"
    assert "a-key-nobody-sees" not in str(shown)


def test_what_is_in_force_names_settings_but_no_secret(app, admin):
    page = admin.get("/settings/in-force").text
    assert "LEADLOOP_RETRAIN_THRESHOLD" in page
    assert app.config["SECRET_KEY"] not in page


def test_a_key_may_ignore_fields_that_are_not_known(admin, read):
    form = {"name": "Plugin", "scope": ["score"], "ignore_unknown": "yes"}
    page = admin.post("/settings/keys", data=form).text
    assert "ignores unknown fields" in page
    assert [key.ignores_unknown for key in read(api_keys.everything)] == [True]
    refused = admin.post("/settings/keys", data={**form, "name": ""})
    assert 'aria-describedby="unknown-hint" checked' in refused.text


def test_a_key_expires_when_it_was_made_to(admin, read):
    admin.post("/settings/keys", data={"name": "A", "scope": "score", "expires": "30"})
    admin.post("/settings/keys", data={"name": "B", "scope": "score", "expires": ""})
    ever, short = read(api_keys.everything)
    assert ever.expires_at is None
    assert short.expires_at - short.created_at == timedelta(days=30)
    refused = admin.post("/settings/keys", data={"name": "C", "scope": "score", "expires": "7"})
    assert refused.status_code == 422


def test_an_expired_key_works_no_more_and_says_so(admin, write, client):
    made = write(
        lambda s: api_keys.create(s, "Old", ["score"], expires_in_days=1, created_by="ada", now=NOW)
    )
    headers = {"Authorization": f"Bearer {made[1]}"}
    assert client.post("/score", json={"lead_id": "L-1"}, headers=headers).status_code == 401
    assert ">expired<" in admin.get("/settings/keys").text
