"""The page of one import at the step where it stands, whole or as a fragment."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import render_template
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from ml.fields.fields_file import Fields
from webapp.database import Session, read, utc_now
from webapp.intake_tables import Import
from webapp.pages.accounts import rights
from webapp.pages.imports import match_form
from webapp.pages.imports.match_form import Form
from webapp.product import product
from webapp.services.imports import changes, conversation, imports, new_fields
from webapp.services.imports.matching.mapping import Mapping
from webapp.services.imports.matching.questions import Matching

PAGE, FRAGMENT = "imports/show.html", "imports/_step.html"
LEADS_SHOWN = 5


@dataclass(frozen=True)
class Entered:
    """What somebody has filled in in the step *Match*, and what is wrong with it or open still."""

    form: Form = field(default_factory=MultiDict)
    problems: list[str] = field(default_factory=list)
    errors: dict[int, dict[str, str]] = field(default_factory=dict)


NOTHING = Entered()


def render(template: str, key: int, entered: Entered = NOTHING) -> str:
    """The page of an import, or its fragment."""

    def look(session: Session) -> dict[str, Any]:
        found, now = imports.by_key(session, key), utc_now()
        fields = fields_of(found)
        facts: dict[str, Any] = {
            "found": found,
            "run": imports.progress(session, found, now),
            "labels": conversation.targets(fields),
        }
        if found.state == "matching":
            return facts | _match(shown(session, key, entered.form), entered, fields)
        return facts | _over(session, found, now)

    return render_template(template, **read(look))


def shown(session: Session, key: int, form: Form) -> Matching:
    """What is known and asked of the columns, with the targets that a form names."""
    fields = fields_of(imports.by_key(session, key))
    as_proposed = conversation.matching(session, fields, key)
    if not form:
        return as_proposed
    header = [column.column.name for column in as_proposed.columns]
    return conversation.matching(session, fields, key, match_form.drafted(form, header))


def fields_of(found: Import) -> Fields:
    """The fields, with those that a person has declared for this import."""
    return new_fields.applied(product().fields, Mapping.model_validate(found.mapping))


def may_declare() -> bool:
    """Whether the person may declare fields, and no file rules instead."""
    is_editable = product().settings.fields_file is None
    return is_editable and rights.allows(current_user.role, "pages.fields.create")


def _match(found: Matching, entered: Entered, fields: Fields) -> dict[str, Any]:
    form = entered.form
    return {
        "shown": found,
        "rows": match_form.rows(form, found, fields, entered.errors),
        "groups": match_form.target_groups(fields, {c.target for c in found.columns}),
        "ids": match_form.id_options(found),
        "form": form,
        "problems": entered.problems,
        "may_declare": may_declare(),
        "usual_zone": match_form.USUAL_ZONE,
    }


def _over(session: Session, found: Import, now: datetime) -> dict[str, Any]:
    folder = product().settings.data_dir
    return {
        "leads": changes.first_leads(session, found.key, LEADS_SHOWN),
        "can_be_undone": imports.can_be_undone(found, now),
        "undo_until": found.finished_at and found.finished_at + imports.UNDO_WINDOW,
        "has_rejected": imports.rejected_path(folder, found) is not None,
    }
