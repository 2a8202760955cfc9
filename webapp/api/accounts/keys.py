"""`/api/keys`: API keys made, listed and revoked by programs."""

from datetime import timedelta

from flask import Blueprint, Response

from webapp.api import requests, sent
from webapp.api.accounts import answers
from webapp.api.document.contract import describe
from webapp.api.paths import KEY
from webapp.database import read, utc_now, write
from webapp.services.accounts import api_keys
from webapp.tables import ApiKey

bp = Blueprint("keys", __name__)


@bp.get("/api/keys")
@describe("List API keys", scope="admin", answers={200: answers.Keys})
def list_keys() -> Response:
    """All keys, live and revoked, without their text, which is not kept."""
    found = read(api_keys.everything)
    return requests.reply(answers.Keys(keys=[answers.Key(**_known(key)) for key in found]))


@bp.post("/api/keys")
@describe("Make an API key", scope="admin", body=sent.WantedKey, answers={201: answers.NewKey})
def create_key() -> Response:
    """Make a key with these scopes; its text is in this answer and cannot be read again."""
    actor, now = requests.actor(), utc_now()
    wanted = requests.body(sent.WantedKey, now)
    made, owner = wanted.model_dump(), requests.caller().owner_key
    key, text = write(lambda s: api_keys.create(s, **made, created_by=actor, owner=owner, now=now))
    return requests.reply(answers.NewKey(**_known(key), key=text), 201)


@bp.post(f"/api/keys/{KEY}/rotate")
@describe(
    "Replace an API key",
    scope="admin",
    body=sent.Rotation,
    body_required=False,
    answers={201: answers.NewKey},
    problems=(404, 409),
)
def rotate_key(key: int) -> Response:
    """Make a key with the same rights; the old one works on for the days of overlap."""
    actor, now = requests.actor(), utc_now()
    overlap = timedelta(days=requests.optional_body(sent.Rotation, now).overlap_days)
    made, text = write(lambda s: api_keys.rotate(s, key, actor, now, overlap=overlap))
    return requests.reply(answers.NewKey(**_known(made), key=text), 201)


@bp.delete(f"/api/keys/{KEY}")
@describe("Revoke an API key", scope="admin", answers={200: answers.Key}, problems=(404,))
def revoke_key(key: int) -> Response:
    """End a key at once and for good; revoking it again changes nothing."""
    actor, now = requests.actor(), utc_now()
    revoked = write(lambda session: api_keys.revoke(session, key, actor, now))
    return requests.reply(answers.Key(**_known(revoked)))


def _known(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.key,
        "name": key.name,
        "last_four": key.last_four,
        "scopes": key.scopes,
        "origins": key.origins,
        "ignores_unknown": key.ignores_unknown,
        "created_by": key.created_by,
        "created_at": key.created_at,
        "used_at": key.used_at,
        "expires_at": key.expires_at,
        "orphaned_at": key.orphaned_at,
        "revoked_at": key.revoked_at,
    }
