"""How many files a reader opens to follow one request from its route to the commit and back."""

import sys
from pathlib import Path

from tests.architecture.source import ROOT

FILES = 12
# What runs beneath every request (database, settings, log lines, headers, sentences) is read once.
READ_ONCE = {"ml/sentences.py"}
WALKED = ("ml", "webapp/api", "webapp/services")
RECORD = {
    "lead_id": "L-1",
    "age": 30,
    "lead_source": "Referral",
    "email_opens": 4,
    "name": "Ann Lee",
}


def test_scoring_a_lead_runs_through_at_most_12_files(client, headers, champion, write):
    def score():
        answer = client.post("/score", json=RECORD, headers=headers)
        assert answer.status_code == 200

    score()  # the first request reads the scorecard from the database
    walked = files_run(score, write, *WALKED)
    assert "webapp/services/leads/scoring.py" in walked
    assert len(set(walked) - READ_ONCE) <= FILES, walked


def files_run(work, write, *folders):
    """The files in these folders whose functions run while `work` does, by their paths."""
    seen = set()

    def trace(frame, event, _):
        if event == "call":
            seen.add(frame.f_code.co_filename)

    for each in (sys.setprofile, lambda found: write(lambda session: sys.setprofile(found))):
        each(trace)  # what is written on SQLite runs in a thread of its own
    try:
        work()
    finally:
        write(lambda session: sys.setprofile(None))
        sys.setprofile(None)
    names = {Path(f).relative_to(ROOT).as_posix() for f in seen if f.startswith(str(ROOT))}
    return sorted(name for name in names if name.startswith(folders))
