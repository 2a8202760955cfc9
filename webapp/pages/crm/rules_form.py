"""The form of the outcome rules: what was entered, as rules and as the form shows it again."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from werkzeug.datastructures import MultiDict

from ml.sentences import gettext
from webapp.pages.crm import words
from webapp.services.crm.field_sources import WRITTEN
from webapp.services.crm.outcome_rules import ID_LISTS, SPANS, CrmRules

Described = Sequence[Mapping[str, Any]]

NUMBER = re.compile(r"\d{1,6}", re.ASCII)
NO_NUMBER = -1
LISTS = ("disqualified", *ID_LISTS)
NAMES = {rule.name for rule in fields(CrmRules)}
MAX_SHOWN_LENGTH = 80


def entered(
    form: MultiDict[str, str], described: Described, before: CrmRules
) -> tuple[CrmRules, dict[str, str]]:
    """Read the form: the rules that it asks for, and a sentence for each name that is wrong."""
    values: dict[str, Any] = {name: form.get(name, "").strip() for name in NAMES}
    for name in SPANS:
        text = values[name]
        values[name] = (int(text) if NUMBER.fullmatch(text) else NO_NUMBER) if text else None
    for name in LISTS:
        lines = [line.strip() for text in form.getlist(name) for line in text.splitlines()]
        if name in words.crm().filters:
            lines = [words.crm().filters[name].one_form(line) for line in lines]
        values[name] = tuple(dict.fromkeys(line for line in lines if line))
    values["external_id_field"] = values["external_id_field"] or None
    values["writes_scores"] = form.get("writes_scores") == "yes"
    rules = CrmRules(**values)
    unknown = {
        n[:MAX_SHOWN_LENGTH]: gettext("is not part of this form") for n in form if n not in NAMES
    }
    twice = [n for n in form if n in NAMES - {"disqualified"} and len(form.getlist(n)) > 1]
    misshapen = unknown | dict.fromkeys(twice, "was sent twice")
    return rules, _strange(rules, described, before) | rules.mistakes(words.crm()) | misshapen


def shown(rules: CrmRules, form: Mapping[str, str]) -> dict[str, Any]:
    """The rules as the form shows them: numbers as they were typed, lists one to a line."""
    values = rules.to_json() | {name: "\n".join(getattr(rules, name)) for name in ID_LISTS}
    values |= {n: form.get(n, "" if values[n] is None else str(values[n])) for n in SPANS}
    return values | {"external_id_field": rules.external_id_field or ""}


def statuses(described: Described, before: CrmRules) -> list[str]:
    """All statuses that a lead may have: those of the picklist, and others chosen earlier."""
    name = words.crm().status_field
    found = next((d.get("values") or [] for d in described if d["name"] == name), [])
    return [*found, *(s for s in before.disqualified if s not in found)]


def id_fields(described: Described, before: CrmRules) -> list[tuple[str, str]]:
    """The fields of a lead that may hold the id of another system: names and labels."""
    texts = [
        d
        for d in described
        if d["type"] == "string"
        and (d["custom"] or d.get("externalId"))
        and d["name"] not in WRITTEN
    ]
    texts.sort(key=lambda d: (not d.get("externalId"), str(d["label"]).casefold()))
    found = {str(d["name"]): f"{d['label']} ({d['name']})" for d in texts}
    kept = before.external_id_field if before.external_id_field not in WRITTEN else None
    return list((found | ({kept: kept} if kept and kept not in found else {})).items())


def _strange(rules: CrmRules, described: Described, before: CrmRules) -> dict[str, str]:
    if rules.external_id_field in WRITTEN:
        return {"external_id_field": gettext("must not be a field that Leadloop writes")}
    if not described:
        return {}
    known, found = statuses(described, before), {}
    strange = [status for status in rules.disqualified if status not in known]
    if strange:
        found["disqualified"] = gettext(
            "%(strange)s is not a status of a lead", strange=strange[0][:MAX_SHOWN_LENGTH]
        )
    names = {name for name, _ in id_fields(described, before)}
    if rules.external_id_field and rules.external_id_field not in names:
        found["external_id_field"] = gettext("must be one of the text fields of a lead")
    return found
