"""`/api/models`: the versions with their evidence, and which one is to be used."""

from flask import Blueprint, Response

from webapp.api import answers, requests, sent
from webapp.api.document.contract import describe
from webapp.api.runs.runs import accepted
from webapp.database import Session, read, utc_now, write
from webapp.services.models import lifecycle, registry
from webapp.tables import ModelVersion

PAGE_SIZE = 50

bp = Blueprint("models", __name__)


@bp.get("/api/models")
@describe(
    "List model versions",
    scope="read",
    query=sent.VersionsQuery,
    answers={200: answers.ModelVersions},
    problems=(404,),
)
def list_models() -> Response:
    """The newest 50 versions, with the evidence on which each was let in or refused.

    Give `next` as `after` for those before them.
    """
    after = requests.query(sent.VersionsQuery).after
    return requests.reply(read(lambda session: _versions(session, after)))


@bp.post("/api/models/<version>/promote")
@describe("Promote a model version", scope="admin", answers={202: answers.Run}, problems=(404, 409))
def promote(version: str) -> Response:
    """Ask the worker to score all leads by this version and then to promote it.

    An older version is a rollback; it works in the same way. 409 where the version is live
    already, or while another one is on its way.
    """
    actor, now = requests.actor(), utc_now()
    return accepted(write(lambda s: lifecycle.request_promotion(s, version, actor, now)))


def _versions(session: Session, after: str | None) -> answers.ModelVersions:
    champion = registry.aliased(session, registry.CHAMPION)
    in_use = champion.key if champion else None
    found = registry.versions(session, after=after, limit=PAGE_SIZE + 1)
    shown = found[:PAGE_SIZE]
    return answers.ModelVersions(
        models=[_version(version, in_use) for version in shown],
        next=shown[-1].name if len(found) > PAGE_SIZE else None,
    )


def _version(version: ModelVersion, in_use: int | None) -> answers.ModelVersion:
    return answers.ModelVersion(
        version=version.name,
        created_at=version.created_at,
        family=version.family,
        is_champion=version.key == in_use,
        fields=version.fields,
        digest=version.digest,
        training=version.training,
        metrics=version.metrics,
        decision=version.decision,
    )
