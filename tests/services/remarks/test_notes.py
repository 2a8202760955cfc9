"""Notes on a lead: its author's to change, and gone with the lead."""

from datetime import timedelta

import pytest

from tests.factories import NOW, make_lead, make_outcome
from webapp.services.exports import remarks
from webapp.services.leads import leads, removal
from webapp.services.models import training_data
from webapp.services.remarks import notes
from webapp.services.runs import runs
from webapp.tables import Lead
from webapp.tables.remarks import Note

DAY = timedelta(days=1)
RITA, BO = "rita@example.com", "bo@example.com"


@pytest.fixture
def lead(write):
    return write(lambda s: make_lead(s, "L-1"))


@pytest.fixture
def note(write, lead):
    return write(lambda s: notes.add(s, lead, " Wants a demo\r\nin May \n", author=RITA, now=NOW))


def test_a_note_keeps_its_lines_and_says_who_wrote_it_and_when(note):
    assert (note.text, note.author, note.written_at) == ("Wants a demo\nin May", RITA, NOW)
    assert note.edited_at is None


def test_only_its_author_changes_or_deletes_a_note(write, read, note):
    write(lambda s: notes.edit(s, note.key, "Wants two demos", author=RITA, now=NOW + DAY))
    for work in (
        lambda s: notes.edit(s, note.key, "Nonsense", author=BO, now=NOW + DAY),
        lambda s: notes.delete(s, note.key, BO),
    ):
        with pytest.raises(notes.NotYourNote):
            write(work)
    kept = read(lambda s: s.get(Note, note.key))
    assert (kept.text, kept.edited_at) == ("Wants two demos", NOW + DAY)
    write(lambda s: notes.delete(s, note.key, RITA))
    with pytest.raises(notes.NoteNotFound):
        write(lambda s: notes.delete(s, note.key, RITA))


@pytest.mark.parametrize("text", ["", " \n ", "x" * 5001, "a\x00b", "a\x1bb"])
def test_a_text_that_cannot_be_kept_is_refused(write, read, lead, text):
    with pytest.raises(notes.InvalidNote):
        write(lambda s: notes.add(s, lead, text, author=RITA, now=NOW))


def test_a_note_is_erased_with_its_lead(write, read, lead, note):
    write(lambda s: removal.erase(s, [lead.key], "ada@example.com", NOW))
    assert read(lambda s: s.get(Note, note.key)) is None


def test_a_note_goes_on_with_the_lead_that_its_own_was_merged_into(write, read, lead, note):
    kept = write(lambda s: make_lead(s, "L-2"))
    write(lambda s: removal.remove(s, s.get(Lead, lead.key), NOW, into=kept))
    assert read(lambda s: s.get(Note, note.key)).lead_key == kept.key


def test_nothing_of_a_note_reaches_what_is_learned_from(write, read, lead):
    write(lambda s: make_outcome(s, "L-1", True))
    run = write(lambda s: runs.request(s, "training", trigger="t", requested_by="t", now=NOW))
    write(lambda s: setattr(leads.find(s, "L-1"), "counted_by_run", run.key))
    before = read(lambda s: training_data.collect(s, run.key, since_run=0))
    write(lambda s: notes.add(s, lead, "Converted because of me", author=RITA, now=NOW))
    assert before.leads
    assert read(lambda s: training_data.collect(s, run.key, since_run=0)) == before


def test_notes_are_exported_a_block_at_a_time(write, read, note, monkeypatch):
    monkeypatch.setattr(remarks, "BLOCK_ROWS", 1)
    export = remarks.notes()
    rows, place = read(lambda s: export.read_block(s, None))
    told = {"text": "Wants a demo\nin May", "author": RITA, "written_at": NOW, "edited_at": None}
    assert rows == [{"lead_id": "L-1", **told}]
    assert read(lambda s: export.read_block(s, place)) == ([], None)
