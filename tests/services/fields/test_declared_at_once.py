"""Several people and processes change fields at the same moment: nothing is lost or overwritten."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.factories import FIELDS, NOW
from webapp import field_lists
from webapp.services.fields import declaring
from webapp.services.fields.declaring import Author

ADA = Author("ada@example.com", NOW, fields_file=None)
N_PEOPLE = 6


def at_once(act):
    """Let several threads act at the same moment and give what each got, or its refusal."""
    together = threading.Barrier(N_PEOPLE)

    def one(number):
        together.wait()
        try:
            return act(number)
        except (declaring.ChangedMeanwhile, declaring.InvalidField) as refusal:
            return refusal

    with ThreadPoolExecutor(N_PEOPLE) as threads:
        return list(threads.map(one, range(N_PEOPLE)))


def test_fields_declared_at_once_are_all_there(write, read):
    def declare(number):
        entry = {"name": f"own_{number}", "type": "count", "label": f"Own {number}"}
        return write(lambda s: declaring.declare_field(s, entry, ADA))

    at_once(declare)
    declared = read(field_lists.current)
    assert {f"own_{n}" for n in range(N_PEOPLE)} == {f.name for f in declared.fields.own}
    assert declared.version == 1 + N_PEOPLE


def test_one_field_declared_at_once_is_declared_once(write, read):
    entry = {"name": "seats", "type": "count", "label": "Seats"}
    got = at_once(lambda n: write(lambda s: declaring.declare_field(s, entry, ADA)))
    refused = [one for one in got if isinstance(one, declaring.InvalidField)]
    assert len(refused) == N_PEOPLE - 1
    assert read(field_lists.current).version == 2


@pytest.mark.parametrize("n_before", [0, 3])
def test_of_those_who_change_one_field_at_once_the_first_wins(n_before, write, read):
    for number in range(n_before):
        write(lambda s, n=number: declaring.add_choice(s, "lead_source", f"New {n}", ADA))
    seen = read(field_lists.current)
    entry = {"type": "count", "max": 120}

    def change(number):
        mine = entry | {"label": f"Age {number}"}

        def work(session):
            return declaring.change_field(session, "age", mine, ADA, seen_version=seen.version)

        return write(work)

    got = at_once(change)
    refused = [one for one in got if isinstance(one, declaring.ChangedMeanwhile)]
    (winner,) = [one for one in got if not isinstance(one, Exception)]
    assert len(refused) == N_PEOPLE - 1
    assert read(field_lists.current).fields["age"] == winner


def test_values_added_at_once_are_all_in_the_list(write, read):
    at_once(lambda n: write(lambda s: declaring.add_choice(s, "lead_source", f"Partner {n}", ADA)))
    choices = read(field_lists.current).fields["lead_source"].choices
    assert set(choices) == {
        *FIELDS["lead_source"].choices,
        *(f"Partner {n}" for n in range(N_PEOPLE)),
    }
