"""How many files a reader opens to follow a page from the job to its commit with the cursor."""

from functools import partial

import pytest

from sync.crm.reading import Reading
from tests.architecture.test_walks import files_run

# The job and its modes; all other files are seen to run.
WALKED = {"sync/crm/phases.py"}
FILES = 10
# What runs beneath every call and every job is read once.
BENEATH = ("sync/crm/http/", "sync/worker.py")


@pytest.fixture(scope="session")
def dialect():
    """What is counted here are files."""
    return "sqlite"


def test_a_page_runs_through_at_most_10_files_of_the_sync(fake, salesforce, write, monkeypatch):
    walked = set(WALKED)
    to_the_end = Reading.to_the_end

    def follow(reading):
        walked.update(files_run(partial(to_the_end, reading), write, "sync"))

    fake.lead(LeadSource="Webinar")
    salesforce.later()
    fake.close(fake.convert(fake.lead()), won=True)
    monkeypatch.setattr(Reading, "to_the_end", follow)
    salesforce.later()
    walked = {name for name in walked if not name.startswith(BENEATH)}
    assert {"sync/salesforce/adapter.py", "sync/crm/outcomes.py"} <= walked
    assert len(walked) <= FILES, sorted(walked)
