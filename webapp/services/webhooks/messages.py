"""What is sent: JSON for programs as the specification has it, sentences for Slack and Teams."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from webapp.services.webhooks import events
from webapp.tables import Lead
from webapp.tables.webhooks import WebhookEvent

CARD = "application/vnd.microsoft.card.adaptive"
CARD_SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
OUTCOMES = {
    "converted": "{lead} converted.",
    "lost": "{lead} was lost.",
    "never_worked": "{lead} was closed without being worked.",
    None: "{lead} is open again: its outcome was withdrawn.",
}


def body(kind: str, event: WebhookEvent, lead: Lead | None, site: str) -> str:
    """The body of a call to an endpoint of this kind; `site` is where people open Leadloop."""
    return BODIES[kind](event, lead, site)


def sentence(event: WebhookEvent, lead: Lead | None) -> str:
    """What happened, for people, in one sentence."""
    return SENTENCES[event.type](event.data, _name(lead, event.data))


def summary(event: WebhookEvent) -> str:
    """What a log may say of it: no names."""
    data = event.data
    return str(data.get("lead_id") or data.get("model_version") or data.get("fault") or "")


def link(event: WebhookEvent, lead: Lead | None, site: str) -> str:
    """The page that says more."""
    pages = {events.MODEL_PROMOTED: "/models", events.SYNC_FAILED: "/sync"}
    path = f"/leads/{lead.key}" if lead is not None else pages.get(event.type, "/")
    return site.rstrip("/") + path


def _webhook(event: WebhookEvent, lead: Lead | None, site: str) -> str:
    told = {"type": event.type, "timestamp": event.occurred_at.isoformat(), "data": event.data}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _slack(event: WebhookEvent, lead: Lead | None, site: str) -> str:
    text = sentence(event, lead)
    for mark, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(mark, written)
    return json.dumps({"text": f"{text} <{link(event, lead, site)}|Open in Leadloop>"})


def _teams(event: WebhookEvent, lead: Lead | None, site: str) -> str:
    card = {
        "$schema": CARD_SCHEMA,
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {
                "type": "RichTextBlock",  # plain: what a lead is called is no markup here
                "inlines": [{"type": "TextRun", "text": sentence(event, lead)}],
            }
        ],
        "actions": [
            {
                "type": "Action.OpenUrl",
                "title": "Open in Leadloop",
                "url": link(event, lead, site),
            }
        ],
    }
    return json.dumps({"type": "message", "attachments": [{"contentType": CARD, "content": card}]})


BODIES: dict[str, Callable[[WebhookEvent, Lead | None, str], str]] = {
    "webhook": _webhook,
    "slack": _slack,
    "teams": _teams,
}


def _name(lead: Lead | None, data: Mapping[str, Any]) -> str:
    known = [part for part in (lead.name, lead.company) if part] if lead is not None else []
    return ", ".join(known) or f"Lead {data.get('lead_id', '')}"


def _score_changed(data: Mapping[str, Any], lead: str) -> str:
    after, before = (round(100 * data[name]) for name in ("conversion_score", "previous_score"))
    way = "rose" if data["conversion_score"] > data["previous_score"] else "fell"
    return f"The score of {lead} {way} from {before} to {after} (grade {data['grade']})."


def _grade_changed(data: Mapping[str, Any], lead: str) -> str:
    score = round(100 * data["conversion_score"])
    return f"{lead} is now grade {data['grade']}, was {data['previous_grade']} (score {score})."


def _model_promoted(data: Mapping[str, Any], lead: str) -> str:
    n_leads, mean = data["open_leads"], data["mean_points"]
    leads = "1 open lead" if n_leads == 1 else f"{n_leads:,} open leads"
    moved = f" Scores of {leads} moved by {mean:+g} points on average." if n_leads else ""
    back = " (rolled back)" if data["action"] == "rolled_back" else ""
    return f"Model {data['model_version']} replaced {data['previous_version']}{back}.{moved}"


SENTENCES: dict[str, Callable[[Mapping[str, Any], str], str]] = {
    events.SCORE_CHANGED: _score_changed,
    events.GRADE_CHANGED: _grade_changed,
    events.OUTCOME_RECORDED: lambda data, lead: OUTCOMES[data["outcome"]].format(lead=lead),
    events.MODEL_PROMOTED: _model_promoted,
    events.SYNC_FAILED: lambda data, lead: "The CRM sync has failed. The sync page says why.",
    events.TEST: lambda data, lead: "Test message: Leadloop can reach this address.",
}
