"""Who may open what, by endpoint. A page that is not in this table is open to nobody."""

from webapp.tables import ROLES

# What each role of `ROLES` may do beside all that the ones before it may.
SENTENCES = {
    "rep": "works leads, records outcomes, and scores and updates leads.",
    "manager": "also imports leads, sees the models, retrains, promotes and rolls back,"
    " watches the sync and resolves its conflicts.",
    "admin": "also connects the CRM, declares the fields of leads, manages API keys,"
    " webhooks and users, exports all data, and sees the audit log and the configuration.",
}
ANYBODY = "anybody"

MIN_ROLE = {
    "pages.sign_in.show": ANYBODY,
    "pages.sign_in.sign_in": ANYBODY,
    "pages.sign_in.sign_out": "rep",
    "pages.demo.remove": "admin",
    "pages.my_day.index": "rep",
    # Leads
    "pages.leads.index": "rep",
    "pages.leads.table": "rep",
    "pages.lead.show": "rep",
    "pages.lead.change": "rep",
    "pages.lead.record_outcome": "rep",
    "pages.lead.row": "rep",
    "pages.notes.earlier": "rep",
    "pages.notes.add": "rep",
    "pages.notes.edit": "rep",
    "pages.notes.delete": "rep",
    "pages.owner.assign": "rep",
    "pages.owner.undo": "rep",
    "pages.overrides.put": "rep",
    "pages.overrides.end": "rep",
    "pages.score_reports.report": "rep",
    "pages.score_reports.take_back": "rep",
    "pages.score_reports.index": "manager",
    "pages.score_reports.resolve": "manager",
    "pages.lead_form.show": "rep",
    "pages.lead_form.edit": "rep",
    "pages.lead_form.score": "rep",
    # Models
    "pages.models.index": "manager",
    "pages.models.show": "manager",
    "pages.models.card": "manager",
    "pages.models.status": "manager",
    "pages.models.retrain": "manager",
    "pages.models.promote": "manager",
    "pages.leakage.allow": "admin",
    "pages.leakage.leave_out": "admin",
    # Mapping of fields and rules of outcomes
    "pages.mapping.index": "admin",
    "pages.mapping.show": "admin",
    "pages.mapping.status": "admin",
    "pages.mapping.save": "admin",
    "pages.mapping.test": "admin",
    "pages.mapping.describe": "admin",
    "pages.mapping.rules": "admin",
    "pages.mapping.save_rules": "admin",
    # Sync
    "pages.sync.index": "manager",
    "pages.sync.status": "manager",
    "pages.sync.start": "manager",
    "pages.sync.log": "manager",
    "pages.sync.run": "manager",
    "pages.sync.progress": "manager",
    "pages.sync.pause": "admin",
    "pages.sync.go_on": "admin",
    "pages.sync.resume": "admin",
    "pages.connection.show": "admin",
    "pages.connection.save": "admin",
    "pages.connection.read_history": "admin",
    "pages.connection.disconnect": "admin",
    "pages.conflicts.index": "manager",
    "pages.conflicts.resolve": "manager",
    "pages.conflicts.row": "manager",
    "pages.unmatched.index": "manager",
    "pages.unmatched.show": "manager",
    "pages.unmatched.link": "manager",
    "pages.unmatched.unlink": "manager",
    "pages.unmatched.set_state": "manager",
    "pages.unmatched.row": "manager",
    "pages.rejected.index": "manager",
    "pages.monitors.show": "manager",
    "pages.monitors.check": "manager",
    # Import
    "pages.imports.index": "manager",
    "pages.imports.upload": "manager",
    "pages.imports.show": "manager",
    "pages.imports.status": "manager",
    "pages.imports.columns": "manager",
    "pages.imports.confirm": "manager",
    "pages.imports.back": "manager",
    "pages.imports.cancel": "manager",
    "pages.imports.undo": "manager",
    "pages.imports.wrong_rows": "manager",
    "pages.matching.columns": "manager",
    "pages.matching.save": "manager",
    "pages.matching.choose_encoding": "manager",
    "pages.matching.choose_sheet": "manager",
    "pages.matching.forget": "manager",
    "pages.quality.index": "admin",
    "pages.quality.add": "admin",
    "pages.quality.treat_as": "admin",
    "pages.quality.forget": "admin",
    # Export
    "pages.exports.index": "admin",
    "pages.exports.leads": "admin",
    "pages.exports.outcomes": "admin",
    "pages.exports.scores": "admin",
    "pages.exports.notes": "admin",
    "pages.exports.score_reports": "admin",
    "pages.exports.overrides": "admin",
    # Settings
    "pages.settings.index": "rep",
    "pages.settings.change_password": "rep",
    "pages.settings.configuration": "admin",
    "pages.settings.audit_log": "admin",
    "pages.fields.index": "admin",
    "pages.fields.new": "admin",
    "pages.fields.create": "admin",
    "pages.fields.show": "admin",
    "pages.fields.change": "admin",
    "pages.fields.retire": "admin",
    "pages.fields.restore": "admin",
    "pages.keys.index": "admin",
    "pages.keys.create": "admin",
    "pages.keys.revoke": "admin",
    "pages.webhooks.index": "admin",
    "pages.webhooks.create": "admin",
    "pages.webhooks.show": "admin",
    "pages.webhooks.log": "admin",
    "pages.webhooks.change": "admin",
    "pages.webhooks.renew_secret": "admin",
    "pages.webhooks.test": "admin",
    "pages.webhooks.replay": "admin",
    "pages.webhooks.disable": "admin",
    "pages.webhooks.enable": "admin",
    "pages.webhooks.remove": "admin",
    "pages.users.index": "admin",
    "pages.users.create": "admin",
    "pages.users.change_role": "admin",
    "pages.users.deactivate": "admin",
    "pages.users.activate": "admin",
    "pages.users.reset_password": "admin",
}


def is_public(endpoint: str) -> bool:
    """Whether this page opens without signing in."""
    return MIN_ROLE.get(endpoint) == ANYBODY


def allows(role: str, endpoint: str) -> bool:
    """Whether a person of this role may open this page or do this."""
    least = MIN_ROLE.get(endpoint)
    return least == ANYBODY or (least in ROLES and ROLES.index(role) >= ROLES.index(least))
