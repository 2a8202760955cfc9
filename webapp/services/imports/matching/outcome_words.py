"""Words for what became of a lead: the plain ones, and those that CRM exports use."""

import re
from collections.abc import Collection
from typing import NamedTuple

from ml.fields.lenient import NO_TEXTS, YES_TEXTS, word_key
from webapp.services.exports.columns import WITHDRAWALS
from webapp.services.leads.records import PLAIN_WORDS
from webapp.stored import OutcomeWords
from webapp.tables import Meaning

CONVERTED_WORDS = (
    *("closed converted", "customer", "existing customer", "deal won", "converted to deal"),
    *("converted to opportunity", "converted to contact", "closed and converted", "sold"),
    *("conversion", "success", "successful", "good lead won", *YES_TEXTS),
    *("gewonnen", "abgeschlossen gewonnen", "gagné", "gagnée", "fermée gagnée", "conclue"),
    *("ganado", "ganada", "cerrada ganada", "vinto", "vinta", "ganho", "ganha", "fechado ganho"),
    *("gesloten gewonnen", "vunnen", "vundet", "wygrana", "wygrane", "выиграна", "выиграно"),
    *("успешно реализовано", "成交", "赢单", "受注", "converti", "konvertiert", "convertido"),
)
LOST_WORDS = (
    *("closed not converted", "not converted", "unqualified", "disqualified", "not qualified"),
    *("junk", "junk lead", "lost lead", "deal lost", "closed unqualified", "closed disqualified"),
    *("rejected", "not interested", "no longer interested", "dead", "dead lead", "unsuccessful"),
    *("not won", "failed", "cannot contact", "lost deal", "closed dead", *NO_TEXTS),
    *("verloren", "abgeschlossen verloren", "perdu", "perdue", "fermée perdue", "perdido"),
    *("perdida", "cerrada perdida", "perso", "persa", "fechado perdido", "gesloten verloren"),
    *("förlorad", "förlorat", "tabt", "przegrana", "przegrane", "проиграна", "проиграно"),
    *("закрыто и не реализовано", "丢单", "输单", "失注"),
)
OPEN_WORDS = (
    *("open", "new", "working", "contacted", "not contacted", "in progress", "in process"),
    *("open not contacted", "working contacted", "attempted to contact", "attempted contact"),
    *("contact in future", "connected", "open deal", "pending", "nurturing", "nurture"),
    *("subscriber", "lead", "marketing qualified lead", "sales qualified lead", "mql", "sql"),
    *("opportunity", "pre qualified", "assigned", "unassigned", "not started", "negotiation"),
    *("proposal", "proposition", "proposal sent", "quote sent", "demo scheduled", "meeting booked"),
    *("follow up", "on hold", "undecided", "no outcome yet", "open lead", "other"),
)
CRM_WORDS: dict[str, Meaning] = {
    **PLAIN_WORDS,
    **dict.fromkeys(CONVERTED_WORDS, True),
    **dict.fromkeys(LOST_WORDS, False),
    **dict.fromkeys(OPEN_WORDS, None),
    **dict.fromkeys(
        ("offen", "ouvert", "en cours", "abierto", "aperto", "aberto", "открыта"), None
    ),
}
YES, NO = frozenset(YES_TEXTS), frozenset(NO_TEXTS)
# The whole word or the beginning of one; "not" turns it round.
LOST_HINT = re.compile(r"\b(lost|junk|unqualif|disqualif|reject|dead|declin|not inter|not conv)")
CONVERTED_HINT = re.compile(r"\b(won|convert|customer|sold|signed|bought|paid)")


STATUS_NAME = re.compile(r"\b(status|stage|state|outcome|result|disposition|phase|progress)")
MAX_WORDS = 100


class OutcomeReading(NamedTuple):
    """What a word means (None: no outcome yet), and whether that is beyond doubt."""

    meaning: Meaning
    is_sure: bool


def read_word(text: str) -> OutcomeReading:
    """Read a word of a status or outcome column; what no export is known to write is guessed."""
    key = word_key(text)
    if key in CRM_WORDS:
        return OutcomeReading(CRM_WORDS[key], is_sure=True)
    if LOST_HINT.search(key):
        return OutcomeReading(False, is_sure=False)
    return OutcomeReading(True if CONVERTED_HINT.search(key) else None, is_sure=False)


def words_of(name: str, values: Collection[str]) -> OutcomeWords | None:
    """How a column of no known name may tell of outcomes; None where it does not seem to.

    Under a name such as Stage one word that tells an outcome is enough, under others all but half
    must be known. Of yes and no the name must say what came.
    """
    keys = {word_key(value) for value in values}
    if not keys or len(keys) > MAX_WORDS:
        return None
    meaning = read_word(name).meaning
    if keys <= YES | NO:
        return None if not isinstance(meaning, bool) else "converted" if meaning else "lost"
    known = [CRM_WORDS[key] for key in keys - YES - NO if key in CRM_WORDS]
    is_status = STATUS_NAME.search(word_key(name)) is not None
    is_told = any(meaning is not None for meaning in known)
    return "status" if is_told and (is_status or 2 * len(known) >= len(keys)) else None


def words_of_times(name: str) -> OutcomeWords | None:
    """Which outcome a column of times of no known name may date; None where its name tells none."""
    meaning = read_word(name).meaning
    return None if not isinstance(meaning, bool) else "converted" if meaning else "lost"


def read_cell(text: str, words: OutcomeWords) -> OutcomeReading:
    """Read a cell of a column that speaks in this way."""
    if words == "probability":
        return _probability(text)
    if words == "exported" and text.strip() in WITHDRAWALS:
        return OutcomeReading(None, is_sure=True)
    if words == "active":
        key = word_key(text)
        return OutcomeReading(False if key in NO else None, is_sure=key in YES | NO)
    if words in ("status", "exported"):
        return read_word(text)
    return _yes(text, words == "converted")


def _yes(text: str, meaning: Meaning) -> OutcomeReading:
    """Yes says that this outcome came; no only that it has not come yet."""
    key = word_key(text)
    if key in YES:
        return OutcomeReading(meaning, is_sure=True)
    return OutcomeReading(None, is_sure=True) if key in NO else read_word(text)


def _probability(text: str) -> OutcomeReading:
    try:
        share = float(text.strip().rstrip("%").replace(",", "."))
    except ValueError:
        return OutcomeReading(None, is_sure=False)
    return OutcomeReading(True if share == 100 else None, is_sure=0 <= share <= 100)
