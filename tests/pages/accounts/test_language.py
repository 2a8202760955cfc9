"""In which language, number and date format and time zone pages are written for a person."""

import pytest

from tests.factories import NOW
from tests.words import catalogues
from webapp.pages import formats, language
from webapp.tables import User

GERMAN = {"language": "", "formats": "de", "time_zone": "Europe/Berlin"}


@pytest.fixture
def made_up(app, tmp_path, monkeypatch):
    """The product with a second language."""
    catalogues.compile_into(tmp_path)
    monkeypatch.setattr(app.extensions["babel"], "translation_directories", [str(tmp_path)])
    with app.app_context():
        monkeypatch.setattr(language.babel.domain_instance, "cache", {})


def test_without_a_choice_pages_are_english_in_utc(app):
    with app.test_request_context(headers={"Accept-Language": "de-CH, fr;q=0.5"}):
        assert formats.exact(NOW) == f"{NOW:%Y-%m-%d %H:%M:%S} UTC"
        assert (formats.number(1234567), formats.percent(0.256)) == ("1,234,567", "26 %")
        assert language.language() == "en"


def test_a_person_reads_dates_numbers_and_times_in_their_own_way(rita, sign_in, app, read):
    client = sign_in(rita)
    assert client.post("/settings/language", data=GERMAN).location == "/settings"
    page = client.get("/settings").text
    assert "Language and region saved." in page
    assert '<option value="de" selected>Deutsch</option>' in page
    user = read(lambda session: session.get(User, rita.key))
    assert (user.language, user.formats, user.time_zone) == (None, "de", "Europe/Berlin")
    with client:
        client.get("/settings")
        assert formats.number(1234567.5) == "1.234.567,5"
        local = NOW.astimezone(language.flask_babel.get_timezone())
        assert formats.exact(NOW) == f"{local.day}.{local.month}.{local.year} {local:%H:%M:%S %Z}"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"formats": "xx"}, "Choose a format from the list."),
        ({"time_zone": "Europe/Atlantis"}, "No time zone has this name."),
        ({"time_zone": "../../etc/passwd"}, "No time zone has this name."),
    ],
)
def test_what_cannot_be_chosen_is_said_beside_its_field(wrong, sentence, rita, sign_in, read):
    answer = sign_in(rita).post("/settings/language", data=GERMAN | wrong)
    assert answer.status_code == 422
    assert sentence in answer.text
    user = read(lambda session: session.get(User, rita.key))
    assert (user.language, user.formats, user.time_zone) == (None, None, None)


def test_a_language_that_the_browser_asks_for_is_used_where_there_is_one(made_up, rita, sign_in):
    client = sign_in(rita)
    page = client.get("/settings", headers={"Accept-Language": "eo, en;q=0.5"}).text
    assert '<html lang="eo">' in page
    assert catalogues.accented("Language and region") in page
    assert "Language and region" in client.get("/settings").text


def test_a_chosen_language_beats_the_one_of_the_browser(made_up, rita, sign_in):
    client = sign_in(rita)
    client.post("/settings/language", data={"language": "eo"})
    page = client.get("/settings", headers={"Accept-Language": "en"}).text
    assert catalogues.accented("Language and region") in page
    answer = client.post("/settings/language", data={"language": "tlh"})
    assert catalogues.accented("Choose a language from the list.") in answer.text
