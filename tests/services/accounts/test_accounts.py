"""Accounts and keys: who gets in, who is held off, what is kept of a secret."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.factories import NOW, PASSWORD, make_user
from webapp.services.accounts import accounts, api_keys
from webapp.services.accounts.accounts import LockedOut
from webapp.tables import ApiKey, User

EMAIL = "rita@example.com"


@pytest.fixture
def user(write):
    return write(lambda s: make_user(s, EMAIL))


def sign_in(write, password=PASSWORD, email=EMAIL, now=NOW):
    """The account let in, None where it is not, or the lock that holds it off."""
    attempt = write(lambda s: accounts.begin_sign_in(s, email, now))
    if isinstance(attempt, LockedOut):
        return attempt
    if not accounts.is_right(attempt, password):
        return None
    return write(lambda s: accounts.finish_sign_in(s, attempt, password, now))


def test_the_right_password_signs_in_whatever_the_case_of_the_address(user, write):
    assert sign_in(write, email=" Rita@Example.COM ").key == user.key


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.com"])
def test_a_wrong_password_and_an_unknown_address_answer_alike(email, user, write):
    assert sign_in(write, "wrong password", email) is None


@pytest.mark.usefixtures("quick_hashes")
def test_many_wrong_passwords_hold_the_account_off_for_longer_each_time(user, write):
    for _ in range(accounts.FREE_ATTEMPTS):
        sign_in(write, "wrong password")
    first = sign_in(write)
    assert isinstance(first, LockedOut)
    later = first.until + timedelta(seconds=1)
    sign_in(write, "wrong password", now=later)
    second = sign_in(write, now=later)
    assert second.until - later > first.until - NOW
    assert sign_in(write, now=second.until + timedelta(seconds=1)).key == user.key


@pytest.mark.usefixtures("quick_hashes")
def test_no_lock_is_longer_than_a_quarter_of_an_hour(user, write):
    now = NOW
    for _ in range(40):
        answer = sign_in(write, "wrong password", now=now)
        now = answer.until if isinstance(answer, LockedOut) else now
        assert not isinstance(answer, LockedOut) or answer.until - now <= accounts.MAX_LOCK


def test_a_deactivated_account_is_out(user, write):
    write(lambda s: accounts.set_active(s, user.key, False, actor="ada", now=NOW))
    assert sign_in(write) is None


@pytest.mark.usefixtures("quick_hashes")
def test_a_new_password_ends_all_sessions(user, write, read):
    write(lambda s: accounts.set_password(s, accounts.by_key(s, user.key), "a new long password"))
    changed = read(lambda s: accounts.by_key(s, user.key))
    assert changed.session_epoch == user.session_epoch + 1
    assert sign_in(write, "a new long password").key == user.key


@pytest.mark.parametrize(
    ("email", "password"),
    [("no address", "long enough password"), ("new@example.com", "short"), (EMAIL, PASSWORD)],
)
def test_an_account_that_breaks_a_rule_is_not_made(email, password, user, write, read):
    with pytest.raises(accounts.AccountError):
        write(lambda s: accounts.create(s, email, password, "rep", now=NOW))
    assert read(lambda s: s.scalar(sa.select(sa.func.count()).select_from(User))) == 1


def make_key(write, scopes=("score",)):
    return write(lambda s: api_keys.create(s, "a program", list(scopes), created_by=EMAIL, now=NOW))


def test_a_key_is_kept_as_a_digest_only(write, read):
    _, text = make_key(write)
    row = read(lambda s: s.execute(sa.select(ApiKey.__table__)).one())
    assert text not in str(row)
    assert text.endswith(row.last_four)


def test_a_revoked_key_no_longer_works(write, read):
    key, text = make_key(write)
    assert read(lambda s: api_keys.find(s, text)).key == key.key
    write(lambda s: api_keys.revoke(s, key.key, EMAIL, NOW))
    assert read(lambda s: api_keys.find(s, text)) is None


def test_the_admin_scope_includes_the_others(write):
    key, _ = make_key(write, ["admin"])
    assert all(api_keys.allows(key, scope) for scope in api_keys.SCOPES)
    narrow, _ = make_key(write, ["score"])
    assert [api_keys.allows(narrow, s) for s in api_keys.SCOPES] == [True, False, False]


@pytest.mark.parametrize("scopes", [[], ["everything"]])
def test_a_key_needs_scopes_that_exist(scopes, write):
    with pytest.raises(ValueError, match="Scopes are some of"):
        make_key(write, scopes)
