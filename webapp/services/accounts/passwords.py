"""Passwords: which are good enough, and their hashes, computed off the threads that serve."""

import os
import re
import secrets
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import TypeVar

import argon2
from zxcvbn import zxcvbn

from ml.sentences import gettext
from webapp.services.accounts.errors import AccountError, TooManySignIns

MIN_LENGTH = 12
# Hashing reads all of a password, so its length is bounded.
MAX_LENGTH = 500
# Of 0 to 4: from about a hundred million guesses on (Wheeler, zxcvbn, USENIX Security 2016).
MIN_SCORE = 3
# zxcvbn takes quadratic time, and no password is saved by what follows so many characters.
MAX_JUDGED = 72
PRODUCT_WORDS = ("leadloop", "lead", "leads", "score", "scoring", "sales", "salesforce", "crm")
MAX_FORMER = 4

# A hash takes 64 MB and half the processors for a moment. A request waits for it on its thread:
# this many may, which leaves half of the default 16 to everybody else, and a crowd is turned away.
HASHES_AT_ONCE = max(1, min(4, (os.cpu_count() or 2) // 2))
MAX_IN_FLIGHT = 8
LOW_PRIORITY = 10

T = TypeVar("T")

_hasher = argon2.PasswordHasher()
_in_flight = threading.BoundedSemaphore(MAX_IN_FLIGHT)


def _step_back() -> None:
    """Let the threads that score leads go first; Linux has priorities for threads."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOW_PRIORITY)


_pool = ThreadPoolExecutor(HASHES_AT_ONCE, "passwords", initializer=_step_back)


def hashed(password: str, email: str, former: Sequence[str] = ()) -> str:
    """The hash of a new password of this person; `AccountError` says why it will not do.

    `former` are hashes of those they had. Slow on purpose: call it outside any transaction.
    """
    check(password, email)
    if any(matches(one, password) for one in former):
        raise AccountError(gettext("you have used this password before: choose a new one"))
    return _apart(lambda: _hasher.hash(_encoded(password)))


def check(password: str, email: str) -> None:
    """Raise `AccountError` with the reason where a password is too short or easy to guess."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise AccountError(
            gettext(
                "a password has %(MIN_LENGTH)s to %(MAX_LENGTH)s characters",
                MIN_LENGTH=MIN_LENGTH,
                MAX_LENGTH=MAX_LENGTH,
            )
        )
    parts = [part for part in re.split(r"[^\w]+|_", email) if len(part) > 2]
    own = [email, *email.split("@"), *parts, *PRODUCT_WORDS]
    found = zxcvbn(_once(password[:MAX_JUDGED]), user_inputs=own)
    if found["score"] >= MIN_SCORE:
        return
    reason = found["feedback"]["warning"] or _reason(found["sequence"])
    raise AccountError(
        gettext(
            "this password is easy to guess. %(reason)s Add an uncommon word or two.", reason=reason
        )
    )


def _once(password: str) -> str:
    """A password without the words that it repeats, each of which zxcvbn takes for a new guess."""
    words = re.findall(r"[^\W_]+", password)
    different = {word.lower(): word for word in words}
    return password if len(different) == len(words) else " ".join(different.values())


def _reason(sequence: list[dict[str, object]]) -> str:
    if any(match.get("dictionary_name") == "user_inputs" for match in sequence):
        return gettext("It holds your e-mail address or a word about this product.")
    return gettext("It is made of common words, names or dates.")


def matches(password_hash: str, password: str) -> bool:
    """Whether a password belongs to a hash; `TooManySignIns` where a crowd is waiting already."""
    if len(password) > MAX_LENGTH:
        password = ""  # takes as long as any other wrong one
    return _apart(lambda: _verified(password_hash, password))


def renewed(password_hash: str, password: str) -> str | None:
    """A hash by the present rules of a password that `matches` an older one; None if it is."""
    if not _hasher.check_needs_rehash(password_hash):
        return None
    return _apart(lambda: _hasher.hash(_encoded(password)))


@cache
def of_nobody() -> str:
    """Checked where nobody may be let in, so that the answer takes as long as for an account."""
    return _hasher.hash(secrets.token_urlsafe())


def random_password() -> str:
    """A password that nobody guesses and anybody can type."""
    return secrets.token_urlsafe(15)


def _verified(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, _encoded(password))
    except argon2.exceptions.VerificationError:
        return False


def _apart(work: Callable[[], T]) -> T:
    if not _in_flight.acquire(blocking=False):
        raise TooManySignIns
    try:
        return _pool.submit(work).result()
    finally:
        _in_flight.release()


def _encoded(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
