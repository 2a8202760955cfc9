"""Who calls: a program with an API key as bearer token, and the right that its key has."""

from flask import g, request

from webapp.api.problems import Refused
from webapp.database import read, utc_now, write
from webapp.services.accounts import api_keys
from webapp.services.outcomes.outcomes import Attribution
from webapp.tables import ApiKey

MAX_KEY_LENGTH = 200


def let_in(scope: str) -> None:
    """Let the caller in if its key lives and has this right, else 401 or 403."""
    text = _token()
    now = utc_now()
    key = read(lambda session: api_keys.find(session, text))
    if key is None:
        raise _unauthorized("The API key is not known or was revoked.", "invalid_token")
    g.api_key, g.api_key_number = key, key.key
    if not api_keys.allows(key, scope):
        challenge = f'Bearer realm="Leadloop", error="insufficient_scope", scope="{scope}"'
        sentence = f"This key lacks the scope {scope}."
        raise Refused(403, sentence, headers={"WWW-Authenticate": challenge})
    if not api_keys.use_is_noted(key, now):
        write(lambda session: api_keys.note_use(session, key.key, now))


def caller() -> ApiKey:
    """The key of the present request."""
    found: ApiKey = g.api_key
    return found


def actor() -> str:
    """How the caller is named in histories."""
    return f"key:{caller().name}"


def attribution(reason: str | None = None) -> Attribution:
    """What the caller says, with its source."""
    return Attribution(source="api", actor=actor(), reason=reason)


def _token() -> str:
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    text = text.strip()
    if kind.lower() != "bearer" or not text:
        raise _unauthorized("Send an API key: Authorization: Bearer <key>.")
    if len(text) > MAX_KEY_LENGTH:
        raise _unauthorized("The API key is not known or was revoked.", "invalid_token")
    return text


def _unauthorized(sentence: str, error: str | None = None) -> Refused:
    challenge = 'Bearer realm="Leadloop"' + (f', error="{error}"' if error else "")
    return Refused(401, sentence, headers={"WWW-Authenticate": challenge})
