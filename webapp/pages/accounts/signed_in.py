"""Who is signed in: the session's user, looked up anew at each request."""

from dataclasses import dataclass
from datetime import timedelta

from flask import Flask, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from webapp.database import read
from webapp.pages.accounts import rights
from webapp.services.accounts import accounts
from webapp.tables import User

UNUSED_FOR = timedelta(hours=12)

login = LoginManager()


@dataclass(frozen=True)
class Person(UserMixin):  # type: ignore[misc]
    """The signed-in user; a session is good while `epoch` is that of the account."""

    key: int
    email: str
    role: str
    epoch: int
    language: str | None = None
    formats: str | None = None
    time_zone: str | None = None

    @classmethod
    def of(cls, user: User) -> "Person":
        """The person of an account."""
        reads = user.language, user.formats, user.time_zone
        return cls(user.key, user.email, user.role, user.session_epoch, *reads)

    def get_id(self) -> str:
        return f"{self.key}.{self.epoch}"


def init_app(app: Flask) -> None:
    """Let sessions last for some hours without use."""
    app.config.update(PERMANENT_SESSION_LIFETIME=UNUSED_FOR)
    # Flask-Login's own check ties a session to an address, which moves for people on the road.
    login.session_protection = None
    login.init_app(app)


def begin(user: User) -> None:
    """Sign the user in with a new session: nothing that was in the old one lives on."""
    session.clear()
    session.permanent = True
    login_user(Person.of(user))


def end() -> None:
    """Forget the session of this browser."""
    logout_user()
    session.clear()


def may(endpoint: str) -> bool:
    """Whether the signed-in person may open this page or do this."""
    return current_user.is_authenticated and rights.allows(current_user.role, endpoint)


@login.user_loader  # type: ignore[untyped-decorator]
def _person(session_id: str) -> Person | None:
    key, _, epoch = session_id.partition(".")
    try:
        user = read(lambda session: accounts.by_key(session, int(key)))
    except accounts.AccountNotFound:
        return None
    if not user.is_active or str(user.session_epoch) != epoch:
        return None
    return Person.of(user)
