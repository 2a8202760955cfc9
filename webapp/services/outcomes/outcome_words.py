"""Words for what became of a lead: the plain ones, and those that CRM exports use."""

import re
from typing import NamedTuple

from webapp.tables import NEVER_WORKED, Meaning

# Every way in takes these.
PLAIN_WORDS: dict[str, Meaning] = {
    **dict.fromkeys(("true", "yes", "1", "won", "converted", "closed won"), True),
    **dict.fromkeys(("false", "no", "0", "lost", "closed lost"), False),
    **dict.fromkeys(("never worked", "not worked"), NEVER_WORKED),
}
CONVERTED_WORDS = (
    *("closed converted", "customer", "existing customer", "deal won", "converted to deal"),
    *("converted to opportunity", "converted to contact", "closed and converted", "sold"),
    *("conversion", "success", "successful", "y", "t", "good lead won"),
)
LOST_WORDS = (
    *("closed not converted", "not converted", "unqualified", "disqualified", "not qualified"),
    *("junk", "junk lead", "lost lead", "deal lost", "closed unqualified", "closed disqualified"),
    *("rejected", "not interested", "no longer interested", "dead", "dead lead", "unsuccessful"),
    *("not won", "failed", "cannot contact", "n", "f", "lost deal", "closed dead"),
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
}
YES = frozenset(word for word in ("true", "yes", "1", "y", "t", "x"))
NO = frozenset(word for word in ("false", "no", "0", "n", "f"))
# The whole word or the beginning of one; "not" turns it round.
LOST_HINT = re.compile(r"\b(lost|junk|unqualif|disqualif|reject|dead|declin|not inter|not conv)")
CONVERTED_HINT = re.compile(r"\b(won|convert|customer|sold|signed|bought|paid)")
NO_LETTERS = re.compile(r"[\W_]+")


class OutcomeReading(NamedTuple):
    """What a word means (None: no outcome yet), and whether that is beyond doubt."""

    meaning: Meaning
    is_sure: bool


def word_key(text: str) -> str:
    """Give a word without regard to case and punctuation: "Closed - Won" is "closed won"."""
    return NO_LETTERS.sub(" ", text.casefold()).strip()


def read_word(text: str) -> OutcomeReading:
    """Read a word of a status or outcome column; what no export is known to write is guessed."""
    key = word_key(text)
    if key in CRM_WORDS:
        return OutcomeReading(CRM_WORDS[key], is_sure=True)
    if LOST_HINT.search(key):
        return OutcomeReading(False, is_sure=False)
    return OutcomeReading(True if CONVERTED_HINT.search(key) else None, is_sure=False)


def read_yes(text: str, meaning: Meaning) -> OutcomeReading:
    """Read a word of a column that says yes where one outcome came: its "no" leaves it open."""
    key = word_key(text)
    if key in YES:
        return OutcomeReading(meaning, is_sure=True)
    return OutcomeReading(None, is_sure=True) if key in NO else read_word(text)


def read_probability(text: str) -> OutcomeReading:
    """Read the probability of a deal in per cent: 100 is won, all else is open."""
    try:
        share = float(text.strip().rstrip("%").replace(",", "."))
    except ValueError:
        return OutcomeReading(None, is_sure=False)
    return OutcomeReading(True if share == 100 else None, is_sure=0 <= share <= 100)
