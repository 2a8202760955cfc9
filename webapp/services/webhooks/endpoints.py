"""Endpoints: the addresses that are told of events, made, changed, turned off and on."""

import base64
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.fields_file import clean_text
from ml.sentences import gettext
from webapp.config import Settings
from webapp.services.accounts import audit
from webapp.services.sealing import opened, sealed, secret_key
from webapp.services.webhooks import addresses, events
from webapp.services.webhooks.addresses import AddressRefused, Target
from webapp.tables.webhooks import ENDPOINT_KINDS, WebhookEndpoint

SECRET_PREFIX = "whsec_"  # noqa: S105 - as the specification has it
SECRET_BYTES = 32
NAME_LENGTH = 100
MAX_ENDPOINTS = 50
MIN_POINTS, MAX_POINTS, USUAL_POINTS = 1, 100, 10
NUMBER = re.compile(r"[0-9]{1,3}")


class EndpointNotFound(LookupError):
    """No endpoint has this number."""

    def __init__(self, key: int) -> None:
        super().__init__(gettext("Webhook %(key)s not found", key=str(key)))


class InvalidEndpoint(ValueError):
    """An endpoint breaks rules; `errors` has a sentence for each wrong value by its name."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))
        self.errors = errors


@dataclass(frozen=True)
class Wanted:
    """An endpoint as somebody enters it; an empty address keeps the present one."""

    name: str
    kind: str
    url: str
    events: Sequence[str]
    min_points: str = str(USUAL_POINTS)


@dataclass(frozen=True)
class Address:
    """Where an endpoint is called and what signs the calls; it never reaches a log."""

    url: str
    secret: str


def create(
    session: Session, wanted: Wanted, settings: Settings, *, actor: str, now: datetime
) -> tuple[WebhookEndpoint, str]:
    """Make an endpoint; its secret is returned once and cannot be read again.

    Else `InvalidEndpoint`. Call `check_address` before, outside any transaction.
    """
    values = _checked(wanted, settings, is_new=True)
    if len(everything(session)) >= MAX_ENDPOINTS:
        raise InvalidEndpoint(
            {
                "name": gettext(
                    "There are %(MAX_ENDPOINTS)s webhooks; remove one first.",
                    MAX_ENDPOINTS=MAX_ENDPOINTS,
                )
            }
        )
    secret = new_secret()
    endpoint = WebhookEndpoint(
        **values, kind=wanted.kind, created_by=actor, created_at=now, n_failures=0
    )
    _seal(endpoint, Address(wanted.url, secret), settings)
    session.add(endpoint)
    session.flush()
    _note(session, actor, "added webhook", endpoint, now=now, detail=_detail(endpoint))
    return endpoint, secret


def change(
    session: Session, key: int, wanted: Wanted, settings: Settings, *, actor: str, now: datetime
) -> WebhookEndpoint:
    """Take another name, address or choice of events; kind and secret stay."""
    endpoint = by_key(session, key, lock=True)
    values = _checked(wanted, settings, is_new=False)
    for name, value in values.items():
        setattr(endpoint, name, value)
    if wanted.url:
        _seal(endpoint, Address(wanted.url, address(endpoint, settings).secret), settings)
    _note(session, actor, "changed webhook", endpoint, now=now, detail=_detail(endpoint))
    return endpoint


def check_address(url: str, settings: Settings) -> None:
    """Raise `AddressRefused` where an address may not be called; it asks the name server."""
    addresses.resolve(target(url, settings))


def target(url: str, settings: Settings) -> Target:
    """The parts of an address that may be called, as far as its text tells."""
    return addresses.parse(url, settings.webhook_hosts or "")


def renew_secret(
    session: Session, key: int, settings: Settings, *, actor: str, now: datetime
) -> tuple[WebhookEndpoint, str]:
    """Sign by a new secret from now on; it is returned once."""
    endpoint, secret = by_key(session, key, lock=True), new_secret()
    _seal(endpoint, Address(address(endpoint, settings).url, secret), settings)
    _note(session, actor, "renewed webhook secret", endpoint, now=now)
    return endpoint, secret


def disable(
    session: Session, key: int, *, actor: str, now: datetime, reason: str | None = None
) -> WebhookEndpoint:
    """Send nothing more; what is in the queue stays there, and nothing new is added."""
    endpoint = by_key(session, key, lock=True)
    if endpoint.disabled_at is None:
        endpoint.disabled_at, endpoint.disabled_reason = now, reason
        detail = {"reason": reason} if reason else None
        _note(session, actor, "disabled webhook", endpoint, now=now, detail=detail)
    return endpoint


def enable(session: Session, key: int, *, actor: str, now: datetime) -> WebhookEndpoint:
    """Send again, beginning with what is in the queue."""
    endpoint = by_key(session, key, lock=True)
    if endpoint.disabled_at is not None:
        endpoint.disabled_at = endpoint.disabled_reason = None
        endpoint.n_failures, endpoint.failing_since, endpoint.paused_until = 0, None, None
        _note(session, actor, "enabled webhook", endpoint, now=now)
    return endpoint


def remove(session: Session, key: int, *, actor: str, now: datetime) -> str:
    """Delete an endpoint with its queue and log; return its name."""
    endpoint = by_key(session, key, lock=True)
    _note(session, actor, "removed webhook", endpoint, now=now, detail=_detail(endpoint))
    session.delete(endpoint)
    return endpoint.name


def address(endpoint: WebhookEndpoint, settings: Settings) -> Address:
    """Where it is called, decrypted; else `UnreadableSecret`."""
    return Address(**opened(endpoint.sealed, secret_key(settings)))


def by_key(session: Session, key: int, *, lock: bool = False) -> WebhookEndpoint:
    """The endpoint with this number; else `EndpointNotFound`."""
    endpoint = session.get(WebhookEndpoint, key, with_for_update=lock or None)
    if endpoint is None:
        raise EndpointNotFound(key)
    return endpoint


def everything(session: Session) -> list[WebhookEndpoint]:
    """All endpoints in the order in which they were made."""
    return list(session.scalars(sa.select(WebhookEndpoint).order_by(WebhookEndpoint.key)))


def given_up(session: Session) -> list[str]:
    """The names of endpoints that were disabled because they failed."""
    query = sa.select(WebhookEndpoint.name).where(WebhookEndpoint.disabled_reason.is_not(None))
    return list(session.scalars(query.order_by(WebhookEndpoint.key)))


def new_secret() -> str:
    """A secret in the form of the specification."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _checked(wanted: Wanted, settings: Settings, *, is_new: bool) -> dict[str, Any]:
    """The values to store; else `InvalidEndpoint` with all that is wrong."""
    errors: dict[str, str] = {}
    name, points = wanted.name, wanted.min_points
    try:
        name = clean_text(wanted.name, maximum=NAME_LENGTH) or ""
    except ValueError as error:
        errors["name"] = gettext("The name %(error)s.", error=error)
    if not name:
        errors["name"] = gettext("Say what this address is, such as “Data warehouse”.")
    if wanted.kind not in ENDPOINT_KINDS:
        errors["kind"] = gettext(
            "Choose one of %(ENDPOINT_KINDS)s.", ENDPOINT_KINDS=", ".join(ENDPOINT_KINDS)
        )
    if not wanted.events or set(wanted.events) - set(events.TYPES):
        errors["events"] = gettext("Choose at least one event.")
    if not (NUMBER.fullmatch(points) and MIN_POINTS <= int(points) <= MAX_POINTS):
        errors["min_points"] = gettext(
            "Enter a whole number from %(MIN_POINTS)s to %(MAX_POINTS)s.",
            MIN_POINTS=MIN_POINTS,
            MAX_POINTS=MAX_POINTS,
        )
    if is_new or wanted.url:
        try:
            target(wanted.url, settings)
        except AddressRefused as error:
            errors["url"] = str(error)
    if errors:
        raise InvalidEndpoint(errors)
    return {"name": name, "events": sorted(wanted.events), "min_points": int(points)}


def _seal(endpoint: WebhookEndpoint, found: Address, settings: Settings) -> None:
    endpoint.sealed = sealed(vars(found), secret_key(settings))
    parts = target(found.url, settings)
    endpoint.shown_url = f"{parts.scheme}://{parts.authority}/…"[:200]


def _detail(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {"name": endpoint.name, "address": endpoint.shown_url, "events": endpoint.events}


def _note(
    session: Session,
    actor: str,
    action: str,
    endpoint: WebhookEndpoint,
    *,
    now: datetime,
    detail: dict[str, Any] | None = None,
) -> None:
    audit.record(
        session,
        actor,
        action,
        f"webhook {endpoint.key!s}",
        now=now,
        detail=detail,
    )
