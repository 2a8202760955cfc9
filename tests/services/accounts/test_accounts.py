"""Accounts and keys: who gets in, who is held off, what is kept of a secret."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.factories import NOW, PASSWORD, make_user
from webapp.services.accounts import accounts, api_keys, attempts, devices, passwords, sessions
from webapp.services.accounts.devices import Caller
from webapp.services.accounts.errors import AccountError, TooManyTries, WrongSignIn
from webapp.tables import ApiKey, User

EMAIL = "rita@example.com"
HERE = Caller("192.0.2.1")
HASH = "a hash"


@pytest.fixture
def user(write):
    return write(lambda s: make_user(s, EMAIL))


@pytest.fixture(autouse=True)
def no_slow_hashes(quick_hashes):
    """What is counted does not depend on how long a hash takes."""


def sign_in(write, password=PASSWORD, email=EMAIL, now=NOW, caller=HERE):
    """The account let in, or None where it is not."""
    attempt = write(lambda s: attempts.begin(s, email, caller, now))
    if not attempts.is_right(attempt, password):
        return None
    return write(lambda s: attempts.finish(s, attempt))


def from_everywhere(n):
    return [Caller(f"198.51.100.{number}") for number in range(n)]


def test_the_right_password_signs_in_whatever_the_case_of_the_address(user, write):
    assert sign_in(write, email=" Rita@Example.COM ").key == user.key


def test_another_spelling_of_an_address_is_counted_with_the_first(user, write):
    for caller in from_everywhere(attempts.FREE_TRIES):
        sign_in(write, "wrong password", caller=caller)
    # Both name the same account: marks of direction are left out, and case does not count.
    assert accounts.clean_email("\u202arita\u202c@example.com") == EMAIL
    assert sign_in(write, email="\u202arita\u202c@example.com") is None


def test_a_password_changed_while_it_is_checked_lets_nobody_in(user, write):
    attempt = write(lambda s: attempts.begin(s, EMAIL, HERE, NOW))
    assert attempts.is_right(attempt, PASSWORD)
    write(lambda s: accounts.set_password(s, accounts.by_key(s, user.key), "another hash"))
    with pytest.raises(WrongSignIn):
        write(lambda s: attempts.finish(s, attempt))


def test_an_account_turned_off_while_its_password_is_checked_lets_nobody_in(user, write):
    write(lambda s: make_user(s, "ada@example.com", role="admin"))
    attempt = write(lambda s: attempts.begin(s, EMAIL, HERE, NOW))
    assert attempts.is_right(attempt, PASSWORD)
    write(lambda s: accounts.set_active(s, user.key, False, actor="ada@example.com", now=NOW))
    with pytest.raises(WrongSignIn):
        write(lambda s: attempts.finish(s, attempt))


def test_right_passwords_on_a_known_device_use_up_none_of_its_tries(user, write):
    """As where a person confirms, time and again, that it is them."""
    write(lambda s: devices.remember(s, user.key, "their laptop", NOW))
    known = Caller("192.0.2.1", "their laptop")
    for _ in range(devices.MAX_TRIES + 1):
        sign_in(write, caller=known)
    for caller in from_everywhere(attempts.FREE_TRIES):
        sign_in(write, "wrong password", caller=caller)
    assert sign_in(write, caller=known).key == user.key


def test_guessers_who_take_turns_get_at_most_ten_passwords_checked_in_a_quarter_of_an_hour(
    user, write, monkeypatch
):
    checked, now = [], NOW
    really = passwords.matches

    def matches(password_hash, password):
        checked.append(password_hash)
        return really(password_hash, password)

    monkeypatch.setattr(passwords, "matches", matches)
    for caller in from_everywhere(180):
        sign_in(write, "wrong password", now=now, caller=caller)
        now += timedelta(seconds=5)
    assert len(checked) == 180
    assert 5 < checked.count(user.password_hash) <= 10


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.com"])
def test_a_paused_account_and_an_unknown_one_are_counted_alike(email, user, write, read):
    for caller in from_everywhere(attempts.FREE_TRIES):
        sign_in(write, "wrong password", email, caller=caller)
    attempt = write(lambda s: attempts.begin(s, email, HERE, NOW))
    assert (attempt.user_key, attempt.password_hash) == (None, passwords.of_nobody())
    assert len(attempt.counted) == 1


def test_a_pause_is_15_seconds_at_first_and_a_quarter_of_an_hour_at_most(user, write):
    def lets_in(seconds):
        attempt = write(lambda s: attempts.begin(s, EMAIL, HERE, now + timedelta(seconds=seconds)))
        return attempt.user_key is not None

    now = NOW
    for _ in range(attempts.FREE_TRIES):
        sign_in(write, "wrong password")
    assert [lets_in(14), lets_in(15)] == [False, True]
    for step in range(1, 12):
        now = NOW + step * attempts.MAX_PAUSE + timedelta(minutes=step)
        assert lets_in(0)


def test_right_passwords_reset_no_count_but_their_own(user, write):
    for _ in range(attempts.FREE_TRIES - 1):
        sign_in(write, "wrong password")
    for _ in range(9):
        assert sign_in(write).key == user.key
    sign_in(write, "wrong password")
    assert sign_in(write) is None


def test_whoever_tries_one_password_on_many_accounts_is_held_off(user, write):
    for number in range(attempts.FREE_TRIES_OF_CALLER):
        sign_in(write, "Spring2026!", f"person-{number}@example.com")
    with pytest.raises(TooManyTries) as refused:
        sign_in(write)
    assert refused.value.until == NOW + attempts.FIRST_PAUSE
    assert sign_in(write, caller=Caller("192.0.2.2")).key == user.key


def test_a_right_password_after_the_pause_holds_nobody_else_off(user, write):
    omar = write(lambda s: make_user(s, "omar@example.com"))
    for number in range(attempts.FREE_TRIES_OF_CALLER):
        sign_in(write, "Spring2026!", f"person-{number}@example.com")
    later = NOW + attempts.FIRST_PAUSE
    assert sign_in(write, now=later).key == user.key
    assert sign_in(write, email=omar.email, now=later).key == omar.key


def test_a_network_of_ipv6_addresses_is_one_caller(user, write):
    for number in range(attempts.FREE_TRIES_OF_CALLER):
        sign_in(write, "wrong", f"p{number}@example.com", caller=Caller(f"2001:db8::{number:x}"))
    with pytest.raises(TooManyTries):
        sign_in(write, caller=Caller("2001:db8::ffff"))
    assert sign_in(write, caller=Caller("2001:db8:0:1::1")).key == user.key


def test_the_owner_gets_in_on_a_known_device_whatever_attackers_do(user, write):
    begun = write(lambda s: sessions.begin(s, user, HERE, NOW))
    for caller in from_everywhere(50):
        sign_in(write, "wrong password", caller=caller)
    assert sign_in(write) is None
    known = Caller(HERE.address, begun.device)
    assert sign_in(write, caller=known).key == user.key


def test_a_stolen_device_gives_a_few_tries_more_and_then_none(user, write):
    thief = Caller("203.0.113.9", write(lambda s: sessions.begin(s, user, HERE, NOW)).device)
    for _ in range(devices.MAX_TRIES + attempts.FREE_TRIES):
        sign_in(write, "wrong password", caller=thief)
    assert sign_in(write, caller=thief) is None


def test_a_device_is_known_for_its_person_alone(user, write):
    other = write(lambda s: make_user(s, "omar@example.com"))
    begun = write(lambda s: sessions.begin(s, other, HERE, NOW))
    for _ in range(attempts.FREE_TRIES):
        sign_in(write, "wrong password")
    assert sign_in(write, caller=Caller(HERE.address, begun.device)) is None


def test_counts_are_forgotten_after_an_hour(user, write, read):
    for _ in range(attempts.FREE_TRIES):
        sign_in(write, "wrong password")
    later = NOW + devices.FORGOTTEN_AFTER + timedelta(seconds=1)
    assert sign_in(write, now=later).key == user.key
    assert write(lambda s: attempts.forget_old(s, later + timedelta(days=1))) == 2


def test_a_deactivated_account_is_out(user, write):
    write(lambda s: accounts.set_active(s, user.key, False, actor="ada", now=NOW))
    assert sign_in(write) is None


def test_a_new_password_ends_all_sessions_and_forgets_all_devices(user, write, read):
    begun = write(lambda s: sessions.begin(s, user, HERE, NOW))
    write(lambda s: accounts.set_password(s, accounts.by_key(s, user.key), HASH))
    assert read(lambda s: sessions.find(s, begun.key, begun.secret, NOW)) is None
    assert not read(lambda s: devices.is_ours(s, begun.device))


def test_a_session_ends_after_hours_without_use_and_after_30_days_in_all(user, write, read):
    begun = write(lambda s: sessions.begin(s, user, HERE, NOW))

    def is_live(now):
        return read(lambda s: sessions.find(s, begun.key, begun.secret, now)) is not None

    assert [is_live(NOW + timedelta(hours=h)) for h in (11, 12)] == [True, False]
    for day in range(1, 60):
        write(lambda s, day=day: sessions.note_use(s, begun.key, NOW + timedelta(days=day / 2)))
    assert not is_live(NOW + sessions.LASTS_FOR)
    assert write(lambda s: sessions.forget_old(s, NOW + sessions.LASTS_FOR)) == 1


def test_the_secret_of_a_session_is_kept_as_a_digest_only(user, write, read):
    begun = write(lambda s: sessions.begin(s, user, HERE, NOW))
    assert read(lambda s: sessions.find(s, begun.key, "another", NOW)) is None
    rows = read(lambda s: [s.execute(sa.text(f"SELECT * FROM {t}")).all() for t in SECRET_TABLES])
    assert begun.secret not in str(rows)
    assert begun.device not in str(rows)


SECRET_TABLES = ("sign_in_sessions", "known_devices")


@pytest.mark.parametrize("email", ["no address", EMAIL])
def test_an_account_that_breaks_a_rule_is_not_made(email, user, write, read):
    with pytest.raises(AccountError):
        write(lambda s: accounts.create(s, email, HASH, "rep", now=NOW))
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
    assert [api_keys.allows(narrow, s) for s in api_keys.SCOPES] == [True, False, False, False]


@pytest.mark.parametrize("scopes", [[], ["everything"]])
def test_a_key_needs_scopes_that_exist(scopes, write):
    with pytest.raises(ValueError, match="Scopes are some of"):
        make_key(write, scopes)
