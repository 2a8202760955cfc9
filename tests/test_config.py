"""Settings: typed, all mistakes named at once, no value repeated."""

import re
from pathlib import Path

import pytest

from webapp import config
from webapp.config import PREFIX, ROOT, ConfigurationError, Settings


def mistakes(monkeypatch, **values):
    for name, value in values.items():
        monkeypatch.setenv(PREFIX + name.upper(), value)
    with pytest.raises(ConfigurationError) as caught:
        config.load()
    return str(caught.value)


def test_all_mistakes_are_named_at_once(monkeypatch):
    text = mistakes(monkeypatch, port="http", promote_min_gain="2", prot="1", retrain_threshold="5")
    assert "LEADLOOP_PORT" in text
    assert "LEADLOOP_PROMOTE_MIN_GAIN" in text
    assert "LEADLOOP_RETRAIN_THRESHOLD" in text
    assert "LEADLOOP_PROT is not a setting (did you mean LEADLOOP_PORT?)" in text


def test_a_wrong_database_address_is_refused_without_showing_its_password(monkeypatch):
    text = mistakes(monkeypatch, database_url="mysql://me:hunter2secret@db/leads")
    assert "LEADLOOP_DATABASE_URL" in text
    assert "hunter2secret" not in text


def test_risk_bands_in_the_wrong_order_are_refused(monkeypatch):
    assert "risk_medium" in mistakes(monkeypatch, risk_medium="0.9", risk_high="0.5")


def test_an_unknown_name_in_the_file_is_named_too(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("LEADLOOP_PROT=1\nOTHER=2\n")
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    text = mistakes(monkeypatch)
    assert "LEADLOOP_PROT is not a setting" in text
    assert "OTHER" not in text


def test_an_empty_variable_means_the_default(monkeypatch):
    monkeypatch.setenv("LEADLOOP_PORT", "")
    assert config.load().port == 8000


@pytest.mark.parametrize("short", ["postgres://u@h/d", "postgresql://u@h/d"])
def test_postgresql_addresses_get_their_driver(short):
    assert Settings(database_url=short).database == "postgresql+psycopg://u@h/d"


def test_the_database_lies_in_the_data_folder_by_default(tmp_path):
    assert Settings(data_dir=tmp_path).database == f"sqlite:///{tmp_path / 'leadloop.sqlite3'}"


@pytest.mark.parametrize("place", [".env.example", "docs/settings.md"])
def test_every_setting_is_documented(place):
    text = (ROOT / Path(place)).read_text()
    named = set(re.findall(rf"{PREFIX}[A-Z_]+", text))
    assert named == {PREFIX + name.upper() for name in Settings.model_fields}
