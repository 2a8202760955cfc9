"""Pages and static files travel compressed; files stay with browsers until they change."""

import gzip
import re

import pytest

from webapp import delivery


@pytest.fixture(scope="session")
def dialect():
    """How answers travel does not depend on the database."""
    return "sqlite"


@pytest.fixture
def address(client):
    """The style sheet's address, as a page has it."""
    [found] = re.findall(r'rel="stylesheet" href="(\S+)"', client.get("/sign-in").text)
    return found


def test_a_page_travels_compressed_to_whoever_can_read_that(client):
    plain = client.get("/sign-in")
    packed = client.get("/sign-in", headers={"Accept-Encoding": "gzip"})
    assert plain.headers.get("Content-Encoding") is None
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Sign in to Leadloop" in gzip.decompress(packed.data).decode()
    assert "Accept-Encoding" in packed.headers["Vary"]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_visit_that_another_site_began_is_not_compressed(site, client):
    headers = {"Accept-Encoding": "br, gzip", "Sec-Fetch-Site": site}
    assert "Content-Encoding" not in client.get("/sign-in", headers=headers).headers


def test_what_programs_read_is_not_compressed(client, headers):
    answer = client.get("/openapi.json", headers={**headers, "Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers


def test_a_file_is_kept_for_good_under_the_address_that_pages_name(client, address):
    answer = client.get(address, headers={"Accept-Encoding": "br"})
    assert (answer.status_code, answer.headers["Content-Encoding"]) == (200, "br")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_a_file_of_another_release_is_asked_for_again(client, address):
    for other in (address.partition("?")[0], re.sub(r"v=\w+", "v=0123456789abcdef", address)):
        assert "immutable" not in client.get(other).headers["Cache-Control"]


def test_a_file_that_changes_has_another_address(tmp_path):
    (tmp_path / "app.css").write_text("a")
    one = delivery.digest(tmp_path, "app.css")
    delivery.digest.cache_clear()
    (tmp_path / "app.css").write_text("b")
    assert one != delivery.digest(tmp_path, "app.css")


def test_a_style_sheet_names_vendored_files_by_the_address_that_pages_preload(client, address):
    [preloaded] = re.findall(r'rel="preload" href="(\S+)"', client.get("/sign-in").text)
    [imported] = re.findall(r'@import (?:url\()?"([^"]+)"', client.get(address).text)
    assert preloaded == f"/static/{imported}"
    assert "immutable" in client.get(preloaded).headers["Cache-Control"]
