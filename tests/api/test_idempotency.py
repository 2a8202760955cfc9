"""`Idempotency-Key`: a batch sent again is not carried out again, however it is sent."""

import dataclasses
import threading
from datetime import timedelta

import pytest
import requests
import sqlalchemy as sa

from tests import factories
from webapp.api.leads import scores
from webapp.database import utc_now
from webapp.intake_tables import IdempotentAnswer, IdempotentPart
from webapp.services.runs import idempotency
from webapp.tables import Snapshot

ROWS = [{"lead_id": f"L-{n}", "email_opens": n} for n in range(450)]


@pytest.fixture
def send(client, headers):
    def send(rows, key="first", path="/score/batch", **more):
        body = {"leads": rows} if path == "/score/batch" else {"outcomes": rows}
        sent = {**headers, "Idempotency-Key": key, **more}
        return client.post(path, json=body, headers=sent)

    return send


@pytest.fixture
def n_snapshots(read):
    return lambda: read(lambda s: s.scalar(sa.select(sa.func.count()).select_from(Snapshot)))


def test_the_same_request_gets_the_same_bytes_and_changes_nothing(send, n_snapshots):
    first, second = send(ROWS), send(ROWS)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.data == second.data
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert n_snapshots() == 450


def test_another_body_with_the_same_key_is_422(send, n_snapshots):
    send(ROWS[:1])
    answer = send(ROWS[:2])
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert n_snapshots() == 1


def test_a_key_counts_for_one_path_and_one_program(send, write, n_snapshots):
    other = {"Authorization": f"Bearer {write(factories.make_key)}"}
    assert send(ROWS[:1]).status_code == 200
    assert send(ROWS[:1], **other).status_code == 200
    assert send([{"lead_id": "L-0", "outcome": True}], path="/feedback/batch").status_code == 200
    assert n_snapshots() == 2


def test_a_request_that_is_refused_as_a_whole_may_be_put_right(send):
    assert send({"not": "a list"}).status_code == 422
    assert send(ROWS[:1]).status_code == 200


def test_a_request_whose_twin_is_at_work_is_told_to_come_back(send, write, read):
    send(ROWS[:1])
    write(lambda s: s.execute(sa.update(IdempotentAnswer).values(finished_at=None)))
    answer = send(ROWS[:1])
    assert (answer.status_code, answer.headers["Retry-After"]) == (409, "1")


def test_a_request_that_was_cut_off_goes_on_where_it_stopped(send, monkeypatch, n_snapshots):
    def dies_in_the_middle(session, records):
        results = scores.score_records(session, records)
        if records[0].lead_id == ROWS[200]["lead_id"]:
            raise KeyboardInterrupt
        return results

    dying = dataclasses.replace(scores.SCORES, work=dies_in_the_middle)
    monkeypatch.setattr(scores, "SCORES", dying)
    with pytest.raises(KeyboardInterrupt):
        send(ROWS)
    assert n_snapshots() == 200
    monkeypatch.undo()
    answer = send(ROWS)
    assert [row["lead_id"] for row in answer.json["results"]] == [r["lead_id"] for r in ROWS]
    assert n_snapshots() == 450
    assert "Idempotent-Replayed" not in answer.headers


def test_a_request_that_nobody_works_on_any_more_is_taken_over(send, write, n_snapshots):
    send(ROWS[:1])
    lapsed = {
        "finished_at": None,
        "n_rows_done": 0,
        "lease_until": utc_now() - timedelta(seconds=1),
    }
    write(lambda s: s.execute(sa.delete(IdempotentPart)))
    write(lambda s: s.execute(sa.update(IdempotentAnswer).values(**lapsed)))
    assert send(ROWS[:1]).status_code == 200
    assert n_snapshots() == 2


def test_who_lost_the_request_to_another_changes_nothing_more(app, headers, client, write):
    request = idempotency.Request(1, "/score/batch", "key", "digest")
    now = utc_now()
    mine = write(lambda s: idempotency.claim(s, request, now))
    write(lambda s: idempotency.claim(s, request, now + timedelta(minutes=2)))
    with pytest.raises(idempotency.InFlight):
        write(lambda s: idempotency.keep_part(s, mine, range(1), "[]", now=now))
    with pytest.raises(idempotency.InFlight):
        write(lambda s: idempotency.finish(s, mine, now))


def test_answers_are_forgotten_after_a_day(send, write, read, n_snapshots):
    newer = [f"newer-{n}" for n in range(idempotency.FORGOTTEN_AT_ONCE)]
    old = utc_now() - timedelta(hours=25)
    for key in ["first", *newer]:
        send(ROWS[:1], key)
    write(lambda s: s.execute(sa.update(IdempotentAnswer).values(started_at=old)))
    assert "Idempotent-Replayed" not in send(ROWS[:1], newer[-1]).headers
    assert n_snapshots() == len(newer) + 2
    while write(lambda s: idempotency.forget_old(s, utc_now())):
        pass
    assert read(lambda s: s.scalar(sa.select(sa.func.count()).select_from(IdempotentPart))) == 1


def test_of_many_at_once_one_does_the_work(program, n_snapshots):
    answers, start = [], threading.Barrier(16)

    def ask():
        start.wait()
        sent = {
            "Idempotency-Key": "race",
            "Authorization": program.session.headers["Authorization"],
        }
        body = {"leads": ROWS[:50]}
        answers.append(requests.post(f"{program.url}/score/batch", json=body, headers=sent))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = [answer for answer in answers if answer.status_code == 200]
    firsts = [answer for answer in done if "Idempotent-Replayed" not in answer.headers]
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert (len(answers), len(firsts), len({answer.content for answer in done})) == (16, 1, 1)
    assert n_snapshots() == 50
