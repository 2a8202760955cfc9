"""What is sent as a file for an import: missing, too large, unknown."""

import io

import pytest


@pytest.fixture
def manager(mona, sign_in):
    return sign_in(mona)


def upload(manager, content):
    return manager.post("/imports", data={"file": (io.BytesIO(content), "leads.csv")})


def test_without_a_file_nothing_is_asked_for(manager):
    for data in ({}, {"file": (io.BytesIO(b""), "")}):
        answer = manager.post("/imports", data=data, content_type="multipart/form-data")
        assert answer.status_code == 422
        assert "Choose a file first." in answer.text


def test_a_file_that_is_too_large_is_refused_and_not_kept(manager, settings):
    settings.import_max_megabytes = 1
    assert upload(manager, b"x" * 1_500_000).status_code == 422
    assert upload(manager, b"x" * 3_000_000).status_code == 413
    assert list((settings.data_dir / "imports").iterdir()) == []


def test_an_import_that_there_is_not_is_said_to_be_missing(manager):
    answer = manager.get("/imports/12345")
    assert answer.status_code == 404
    assert "Import 12345 not found" in answer.text


def test_an_encoding_in_doubt_is_shown_and_can_be_chosen(manager, do_import):
    text = "lead_id,company\n1,Dvo\u0159\u00e1k\n"
    address = upload(manager, text.encode("cp1250")).location
    do_import()
    assert '<option value="cp1252" selected>Windows-1252<' in manager.get(address).text
    assert manager.post(f"{address}/encoding", data={"encoding": "utf-8"}).status_code == 422
    assert manager.post(f"{address}/encoding", data={"encoding": "cp1250"}).status_code == 303
    do_import()
    page = manager.get(address).text
    assert "Dvo\u0159\u00e1k" in page
    assert '<option value="cp1250" selected>Windows-1250<' in page


def test_a_file_in_utf_8_is_not_in_doubt(manager, do_import):
    address = upload(manager, "lead_id,company\n1,Dvo\u0159\u00e1k\n".encode()).location
    do_import()
    assert "Read it as" not in manager.get(address).text


def test_no_page_but_the_upload_takes_large_bodies(manager):
    assert manager.post("/leads/new", data={"name": "x" * 1_100_000}).status_code == 413
