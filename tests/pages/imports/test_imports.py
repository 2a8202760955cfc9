"""The import page: the upload, its progress, and what is wrong by line and column."""

import gzip
import io
import re

import pytest

from webapp.services.leads import leads

RIGHT = b"lead_id,company,email_opens,actual_outcome\nA 1,Acme,4,true\nA 2,Other,,\n"
WRONG = b"lead_id,age,industry\nA 1,44,Finance\nA 2,old,\n,30,\n"


@pytest.fixture
def manager(mona, sign_in):
    return sign_in(mona)


def upload(manager, content, name="leads.csv", **form):
    return manager.post("/imports", data={"file": (io.BytesIO(content), name), **form})


def test_an_upload_waits_for_the_worker_and_asks_how_far_it_is(manager):
    answer = upload(manager, RIGHT)
    page = manager.get(answer.location).text
    assert "Import of leads.csv" in page
    assert "Waiting for the worker" in page
    fragment = manager.get(f"{answer.location}/status").text
    assert 'hx-trigger="every 1s"' in fragment
    assert "<html" not in fragment
    assert fragment.strip() in page


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_finished_import_says_what_it_brought_and_asks_no_more(pack, manager, do_import, read):
    address = upload(manager, pack(RIGHT)).location
    do_import()
    fragment = manager.get(f"{address}/status").text
    assert "2 of 2 rows imported" in fragment
    assert re.search(r"New leads</dt>\s*<dd>2<", fragment)
    assert "hx-trigger" not in fragment
    assert read(lambda s: leads.find(s, "A 1")).outcome is True


def test_a_refused_file_lists_its_mistakes_by_line_and_column(manager, do_import, read):
    address = upload(manager, WRONG).location
    do_import()
    page = manager.get(address).text
    assert "2 of 3 rows have errors, so nothing was imported" in page
    line = r"""data-label="line">3</td>\s*<th[^>]*><code>age</code></th>\s*<td>Must be a whole"""
    assert re.search(line, page)
    with pytest.raises(leads.LeadNotFound):
        read(lambda s: leads.find(s, "A 1"))


def test_wrong_rows_are_left_out_where_that_is_asked_for(manager, do_import, read):
    address = upload(manager, WRONG, skip_wrong_rows="yes").location
    do_import()
    assert "1 of 3 rows imported" in manager.get(address).text
    assert read(lambda s: leads.find(s, "A 1")).industry == "Finance"


def test_a_second_import_waits_for_the_first(manager, do_import):
    addresses = [upload(manager, RIGHT).location, upload(manager, WRONG).location]
    do_import()
    assert "2 of 2 rows imported" in manager.get(addresses[0]).text
    assert "Waiting for the worker" in manager.get(addresses[1]).text


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


def test_the_empty_file_has_a_header_that_is_taken(manager, do_import):
    header = manager.get("/imports/columns.csv").text.strip()
    row = "A 1" + "," * header.count(",")
    address = upload(manager, f"{header}\n{row}\n".encode()).location
    do_import()
    assert "1 of 1 row imported" in manager.get(address).text


def test_an_import_that_there_is_not_is_said_to_be_missing(manager):
    answer = manager.get("/imports/12345")
    assert answer.status_code == 404
    assert "Import 12345 not found" in answer.text


def test_no_page_but_the_upload_takes_large_bodies(manager):
    assert manager.post("/leads/new", data={"name": "x" * 1_100_000}).status_code == 413
