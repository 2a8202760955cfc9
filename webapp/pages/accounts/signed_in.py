"""Who is signed in: the session and its person, looked up anew at each request."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import Flask, Response, after_this_request, current_app, g, request, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from ml.sentences import gettext
from webapp.database import Session, read, utc_now, write
from webapp.pages.accounts import rights
from webapp.services.accounts import accounts, devices, passwords, sessions
from webapp.services.accounts.devices import Caller
from webapp.services.accounts.sessions import Begun
from webapp.tables import User

# What browsers call themselves, the more special first: most claim to be several.
BROWSERS = {
    r"Edg(e|A|iOS)?/": "Edge",
    "OPR/": "Opera",
    "Firefox/|FxiOS/": "Firefox",
    "Chrome/|CriOS/": "Chrome",
    "Safari/": "Safari",
}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS X|Macintosh": "Mac",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}

login = LoginManager()


@dataclass(frozen=True)
class Person(UserMixin):  # type: ignore[misc]
    """The signed-in user, and the session of this browser."""

    key: int
    email: str
    role: str
    must_change_password: bool
    session_key: int
    secret: str
    confirmed_at: datetime
    language: str | None = None
    formats: str | None = None
    time_zone: str | None = None

    def get_id(self) -> str:
        return f"{self.session_key}.{self.secret}"

    @property
    def is_confirmed(self) -> bool:
        """Whether the person has entered their password a few minutes ago."""
        return utc_now() - self.confirmed_at < sessions.CONFIRMED_FOR


def init_app(app: Flask) -> None:
    """Let the cookie of a session last as long as the session does without use."""
    app.config.update(PERMANENT_SESSION_LIFETIME=sessions.UNUSED_FOR)
    # Flask-Login's own check ties a session to an address, which moves for people on the road.
    login.session_protection = None
    login.init_app(app)


def caller() -> Caller:
    """Who asks, as far as the request says."""
    name = _device_name(request.user_agent.string)
    return Caller(request.remote_addr or "", request.cookies.get(_device_cookie(), "")[:100], name)


def begin(proved: Callable[[Session], User], by: str = "password") -> User:
    """Sign in whom `proved` gives, in its transaction; nothing of an older session lives on."""
    now, who = utc_now(), caller()

    def work(session: Session) -> tuple[User, Begun]:
        user = proved(session)
        return user, accounts.begin_session(session, user, who, now=now, by=by)

    user, begun = write(work)
    session.clear()
    session.permanent = True
    login_user(_of(user, begun.key, begun.secret, now))
    after_this_request(lambda response: _remember_device(response, begun))
    return user


def change_password(new: str, whose: Callable[[Session], User]) -> None:
    """Give the signed-in person a new password and a new session, all others end."""
    key, email, now = current_user.key, current_user.email, utc_now()
    former = read(lambda s: accounts.former_passwords(accounts.by_key(s, key)))
    chosen = passwords.hashed(new, email, former)
    begin(
        lambda s: accounts.change_password(s, whose(s), chosen, now=now), by=gettext("new password")
    )


def end() -> None:
    """Forget the session of this browser."""
    logout_user()
    session.clear()


def may(endpoint: str) -> bool:
    """Whether the signed-in person may open this page or do this."""
    return current_user.is_authenticated and rights.allows(current_user.role, endpoint)


@login.user_loader  # type: ignore[untyped-decorator]
def _person(session_id: str) -> Person | None:
    number, _, secret = session_id.partition(".")
    now = utc_now()
    if not number.isdecimal() or len(number) > 18:
        return None
    row = read(lambda s: sessions.find(s, int(number), secret, now))
    if row is None:
        return None
    found, user = row
    if now - found.seen_at > sessions.SEEN_STEP:
        write(lambda s: sessions.note_use(s, found.key, now))
    return _of(user, found.key, secret, found.confirmed_at)


def _of(user: User, session_key: int, secret: str, confirmed_at: datetime) -> Person:
    g.account_number = user.key
    return Person(
        user.key,
        user.email,
        user.role,
        user.must_change_password,
        session_key=session_key,
        secret=secret,
        confirmed_at=confirmed_at,
        language=user.language,
        formats=user.formats,
        time_zone=user.time_zone,
    )


def _device_cookie() -> str:
    return f"{current_app.config['SESSION_COOKIE_NAME']}_device"


def _remember_device(response: Response, begun: Begun) -> Response:
    """Give the browser the secret by which its tries are counted apart from those of others."""
    response.set_cookie(
        _device_cookie(),
        begun.device,
        max_age=devices.KNOWN_FOR,
        httponly=True,
        samesite="Lax",
        secure=bool(current_app.config["SESSION_COOKIE_SECURE"]),
    )
    return response


def _device_name(agent: str) -> str:
    """A browser and system in words: Firefox on Windows."""
    browser = next((name for sign, name in BROWSERS.items() if re.search(sign, agent)), "")
    system = next((name for sign, name in SYSTEMS.items() if re.search(sign, agent)), "")
    return " on ".join(filter(None, (browser, system))) or gettext("unknown browser")
