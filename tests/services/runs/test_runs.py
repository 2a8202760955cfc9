"""Runs: one open run of a kind, claimed by one worker, freed when it is lost."""

from datetime import timedelta

import pytest

from tests.factories import NOW
from webapp.services.runs import runs

LATE = NOW + runs.LEASE + timedelta(seconds=1)


def request(write, kind="training"):
    return write(lambda s: runs.request(s, kind, trigger="t", requested_by="ada", now=NOW))


def claim(write, kind="training", worker="worker-1", now=NOW):
    return write(lambda s: runs.claim(s, kind, worker, now))


def test_a_second_run_of_a_kind_is_refused_and_of_another_is_not(write):
    request(write)
    with pytest.raises(runs.AlreadyRunning):
        request(write)
    request(write, "import")


def test_a_finished_run_makes_room_for_the_next(write):
    request(write)
    run = claim(write)
    write(lambda s: runs.finish(s, run, NOW, {"n": 1}))
    assert request(write).key != run.key


def test_a_write_knows_of_the_runs_that_it_began_and_ended_itself(write):
    def work(session):
        said = [runs.unfinished(session, "import")]
        run = runs.request(session, "import", trigger="t", requested_by="ada", now=NOW)
        said.append(runs.unfinished(session, "import"))
        claimed = runs.claim(session, "import", "worker-1", NOW)
        assert claimed is not None
        runs.finish(session, claimed, NOW)
        return run, [*said, runs.unfinished(session, "import")]

    run, said = write(work)
    assert said == [None, run, None]


def test_only_one_worker_gets_the_claim(write):
    request(write)
    assert claim(write, worker="worker-1") is not None
    assert claim(write, worker="worker-2") is None


def test_a_renewed_claim_is_not_overdue(write, read):
    request(write)
    run = claim(write)
    write(lambda s: runs.renew(s, run, LATE, progress=0.4, stage="Half way"))
    assert read(lambda s: list(runs.overdue(s, LATE))) == []
    shown = read(lambda s: runs.by_key(s, run.key))
    assert (shown.progress, shown.stage) == (0.4, "Half way")


def test_a_lost_training_is_closed_as_failed_with_a_sentence(write, read):
    request(write)
    run = claim(write)
    [overdue] = read(lambda s: list(runs.overdue(s, LATE)))
    assert write(lambda s: runs.give_up(s, overdue, LATE)) is True
    closed = read(lambda s: runs.by_key(s, run.key))
    assert closed.state == "failed"
    assert "It starts by itself when it is due." in closed.error
    request(write)


@pytest.mark.parametrize("kind", runs.RESUMABLE)
def test_a_lost_run_that_can_resume_is_taken_up_again_but_not_for_ever(kind, write, read):
    request(write, kind)
    for attempt in range(1, runs.MAX_ATTEMPTS + 1):
        run = claim(write, kind)
        assert run.n_attempts == attempt
        is_closed = write(lambda s, run=run: runs.give_up(s, run, LATE))
        assert is_closed is (attempt == runs.MAX_ATTEMPTS)
    assert claim(write, kind) is None


def test_a_worker_that_lost_its_claim_can_write_no_more(write):
    request(write, "import")
    lost = claim(write, "import", "worker-1")
    write(lambda s: runs.give_up(s, lost, LATE))
    claim(write, "import", "worker-2", LATE)
    with pytest.raises(runs.LostClaim):
        write(lambda s: runs.renew(s, lost, LATE))
    with pytest.raises(runs.LostClaim):
        write(lambda s: runs.finish(s, lost, LATE, {}))


def test_giving_up_a_run_that_was_renewed_meanwhile_changes_nothing(write, read):
    request(write)
    run = claim(write)
    write(lambda s: runs.renew(s, run, LATE))
    assert write(lambda s: runs.give_up(s, run, LATE)) is False
    assert read(lambda s: runs.by_key(s, run.key)).state == "running"
