"""How long a refusal takes says nothing of whether the account exists."""

import time

import pytest
from scipy import stats

from tests.conftest import csrf_token

N_TRIES = 200


@pytest.fixture(scope="session")
def dialect():
    return "sqlite"


@pytest.mark.slow
def test_known_and_unknown_accounts_take_the_same_processor_time(client, rita):
    # From ever new addresses, so that no pause tells them apart.
    token = csrf_token(client, "/sign-in")
    taken: dict[str, list[float]] = {rita.email: [], "nobody@example.com": []}
    for number in range(N_TRIES):
        for email, times in taken.items():
            form = {"email": email, "password": "wrong", "csrf_token": token}
            caller = {"REMOTE_ADDR": f"10.0.{number}.{len(email)}"}
            begun = time.process_time()
            answer = client.post("/sign-in", data=form, environ_base=caller)
            times.append(time.process_time() - begun)
            assert answer.status_code == 422
    known, unknown = taken.values()
    spread = max(known) - min(known)
    medians = sorted(known)[N_TRIES // 2], sorted(unknown)[N_TRIES // 2]
    assert (
        stats.mannwhitneyu(known, unknown).pvalue > 0.01
        or abs(medians[0] - medians[1]) < 0.05 * spread
    )
