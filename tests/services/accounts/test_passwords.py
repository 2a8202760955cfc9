"""Which passwords are taken, and how long a check takes for whom."""

import time

import pytest

from tests.factories import PASSWORD
from webapp.services.accounts import passwords
from webapp.services.accounts.errors import AccountError

EMAIL = "rita.meyer@acme-sales.example"


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "a password has 12 to 500 characters"),
        ("x" * 501, "a password has 12 to 500 characters"),
        (" " * 12, "Repeats like"),
        ("password1234", "very common password"),
        ("123456789012", "common"),
        ("qwertyuiopas", "Straight rows of keys|common"),
        ("abcdefghijklmn", "Sequences like"),
        (EMAIL, "your e-mail address or a word about this product"),
        ("rita.meyer2026", "your e-mail address or a word about this product"),
        ("leadloop1234", "your e-mail address or a word about this product"),
        ("Leadloop Leadloop", "your e-mail address or a word about this product"),
        ("leadloop-Leadloop-leadloop", "your e-mail address or a word about this product"),
        ("Salesforce2026", "your e-mail address or a word about this product"),
    ],
)
def test_a_password_that_is_easy_to_guess_is_refused_with_the_reason(password, reason):
    with pytest.raises(AccountError, match=reason):
        passwords.check(password, EMAIL)


@pytest.mark.parametrize(
    "password", [PASSWORD, "kX9-ab_3kdUe", "purple otter drinks tea", "ü" * 3 + "Zq!7rT#vLmpK"]
)
def test_a_password_that_nobody_guesses_is_taken(password):
    passwords.check(password, EMAIL)


def test_every_random_password_is_taken():
    for _ in range(50):
        passwords.check(passwords.random_password(), "admin@example.com")


def test_a_password_of_any_length_is_judged_at_once():
    begun = time.perf_counter()
    for password in ("x" * 500, "aB3$" * 125, "ab" * 250, "password" * 60):
        try:
            passwords.check(password, EMAIL)
        except AccountError:
            continue
    assert time.perf_counter() - begun < 5
