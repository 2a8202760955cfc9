"""`/retrain`, `/api/runs`, `/api/models`: work asked for, refused, followed."""

import threading

import requests

from tests.factories import make_lead, make_version


def learnable(session):
    for n in range(20):
        make_lead(session, f"L-{n}", actual_outcome=n % 2 == 0)


def test_a_training_is_asked_for_and_followed(client, headers, write):
    write(learnable)
    answer = client.post("/retrain", headers=headers)
    run = client.get(answer.headers["Location"], headers=headers).json
    assert answer.status_code == 202
    assert (run["kind"], run["state"], run["requested_by"]) == (
        "training",
        "requested",
        "key:a program",
    )
    assert client.get("/api/runs?kind=training", headers=headers).json == {"runs": [run]}
    assert client.get("/api/runs?kind=import", headers=headers).json == {"runs": []}


def test_a_second_training_is_409(client, headers, write):
    write(learnable)
    client.post("/retrain", headers=headers)
    assert client.post("/retrain", headers=headers).status_code == 409


def test_nothing_to_learn_from_is_400_with_the_reason(client, headers, champion):
    answer = client.post("/retrain", headers=headers)
    assert answer.status_code == 400
    assert answer.json["detail"].endswith("at least 10 of each are needed.")


def test_many_at_once_get_one_training(program, write):
    write(learnable)
    start, statuses = threading.Barrier(8), []

    def ask():
        start.wait()
        url = f"{program.url}/retrain"
        statuses.append(requests.post(url, headers=program.session.headers).status_code)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [202] + [409] * 7


def test_versions_are_listed_with_their_evidence(client, headers, write):
    decision = {"promote": False, "reason": "It gains too little."}

    def refused(session):
        make_version(session).decision = decision

    write(refused)
    found = client.get("/api/models", headers=headers).json["models"]
    assert [(v["version"], v["is_champion"]) for v in found] == [("1.1", False), ("1.0", True)]
    assert [v["decision"] for v in found] == [decision, {}]


def test_versions_are_listed_page_by_page(monkeypatch, client, headers, write):
    monkeypatch.setattr("webapp.api.models.model_versions.PAGE_SIZE", 2)
    for _ in range(3):
        write(make_version)

    def page(after=None):
        answer = client.get("/api/models", query_string={"after": after}, headers=headers).json
        return [version["version"] for version in answer["models"]], answer["next"]

    assert page() == (["1.3", "1.2"], "1.2")
    assert page("1.2") == (["1.1", "1.0"], None)
    assert client.get("/api/models?after=9.9", headers=headers).status_code == 404


def test_a_version_is_promoted_by_the_worker(client, headers, write):
    write(make_version)
    answer = client.post("/api/models/1.1/promote", headers=headers)
    assert (answer.status_code, answer.json["kind"]) == (202, "rescoring")
    again = client.post("/api/models/1.1/promote", headers=headers)
    assert again.status_code == 409


def test_the_version_in_use_and_an_unknown_one_are_refused(client, headers):
    assert client.post("/api/models/1.0/promote", headers=headers).status_code == 409
    assert client.post("/api/models/9.9/promote", headers=headers).status_code == 404
