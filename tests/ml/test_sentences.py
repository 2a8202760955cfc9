"""Sentences that are kept, and given to whoever reads them later."""

import json

import pytest

from ml.sentences import ENGLISH, gettext, in_words, pack, unpack


@pytest.mark.parametrize(
    "error", [ValueError(gettext("%(n)s leads are too many", n=1200)), LookupError("no such lead")]
)
def test_a_sentence_that_holds_an_error_is_kept_as_json(error):
    sentence = gettext("Refused: %(error)s.", error=error)
    kept = unpack(json.loads(json.dumps(pack(sentence))))
    assert kept == sentence
    assert in_words(kept, ENGLISH) == sentence
