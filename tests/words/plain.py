"""What of a page in the made-up language is plain English, and nobody's data."""

import re
from html.parser import HTMLParser

from tests.factories import FIELDS

ATTRIBUTES = ("title", "placeholder", "aria-label", "alt", "data-copied", "data-one", "data-many")
# What holds no sentences.
NOT_READ = ("script", "style", "code", "pre", "svg", "textarea")
VOID = ("br", "input", "img", "hr", "meta", "link")
WORD = re.compile(r"[^\W\d_]+")
VOWEL = re.compile("[aeiouyAEIOUY]")
# Names of things, which no language changes, and units of sizes and times.
NAMES = ("Leadloop", "Salesforce", "JSON", "lines", "UTC", "API", "AUC", "ROC", "CSV", "ms", "PSI")


class Reading(HTMLParser):
    """Gathers the texts of a page, and of those attributes that people read."""

    def __init__(self):
        super().__init__()
        self.texts, self.within = [], []

    def handle_starttag(self, tag, attributes):
        held = dict(attributes)
        if not any(name in NOT_READ for name in self.within):
            self.texts += [held[name] for name in ATTRIBUTES if held.get(name)]
        if tag not in VOID:
            self.within.append(tag)

    def handle_endtag(self, tag):
        while self.within and tag in self.within and self.within.pop() != tag:
            pass

    def handle_data(self, text):
        if text.strip() and not any(name in NOT_READ for name in self.within):
            self.texts.append(" ".join(text.split()))


def plain_texts(page, data):
    """The texts of a page with a word that was not translated and is not of the data."""
    reading = Reading()
    reading.feed(page)
    labels = [text for f in FIELDS for text in (f.label, *f.choices, f.unit or "", f.help or "")]
    known = sorted({*data, *labels, *NAMES} - {""}, key=len, reverse=True)
    is_known = re.compile("|".join(rf"(?<!\w){re.escape(text)}(?!\w)" for text in known), re.I)
    return [text for text in reading.texts if is_plain(is_known.sub(" ", text))]


def is_plain(text):
    return any(VOWEL.search(word) and len(word) > 1 for word in WORD.findall(text))
