"""What the benches of speed count on: right ratios, and wrong answers that are noticed."""

import threading

import pytest
import waitress.server

from bench.speed import floors, load, results
from bench.speed.load import Sent
from bench.speed.results import Target
from webapp.server import WAITRESS


@pytest.fixture
def port(tmp_path):
    app = floors.app("group", tmp_path)
    server = waitress.server.create_server(app, host="127.0.0.1", port=0, threads=4, **WAITRESS)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield server.effective_port
    server.close()
    thread.join(5)


def test_answers_that_do_not_hold_what_they_must_are_counted_as_wrong(port):
    request = load.request("POST", "/score", "none", '{"lead_id": "L-1"}')
    right, wrong = Sent(request, b'"lead_id":"L-1"'), Sent(request, b'"lead_id":"L-2"')

    def requests(number):
        return wrong if number == 1 else right

    found = load.run(port, load.cycle(requests), 0.2, n_connections=2)
    assert (found.n_wrong, len(found.taken_seconds) > 1) == (1, True)


def test_a_row_has_the_median_ratio_with_its_range_and_whether_it_is_met():
    row = results.row("score", [0.5, 0.9, 0.8], Target(">=", 0.8))
    assert row == {
        "name": "score",
        "ratio": 0.8,
        "min": 0.5,
        "max": 0.9,
        "rounds": 3,
        "target": ">= 0.8",
        "met": True,
    }
