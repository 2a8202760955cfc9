"""Settings: typed, all mistakes named at once, no value repeated."""

import re
from pathlib import Path

import pytest

from webapp import config
from webapp.config import CLIENT_VARIABLES, PREFIX, ROOT, ConfigurationError, Settings


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
    text = mistakes(monkeypatch, risk_medium="0.9", risk_high="0.5", port="http")
    assert "LEADLOOP_RISK_MEDIUM: must not be above LEADLOOP_RISK_HIGH" in text
    assert "LEADLOOP_PORT" in text


def test_a_fields_file_that_is_not_there_is_named_with_the_rest(monkeypatch):
    text = mistakes(monkeypatch, fields_file="nowhere.toml", port="http")
    assert "LEADLOOP_FIELDS_FILE: must name a file that is there" in text
    assert "LEADLOOP_PORT" in text


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("port", "http", "must be a whole number"),
        ("web_threads", "2.5", "must be a whole number"),
        ("risk_high", "much", "must be a number"),
        ("promote_min_gain", "nan", "must be a number"),
        ("worker_poll_seconds", "inf", "must be a number"),
        ("retrain_every_hours", "1e400", "must be a number"),
        ("retrain_every_hours", "1e300", "must be 87,600 or less"),
        ("retrain_threshold", "5", "must be 10 or more"),
        ("sync_every_minutes", "0", "must be above 0"),
        ("expected_conversion_percent", "100", "must be below 100"),
        ("promote_confidence", "0.2", "must be 0 (off) or from 0.5 to below 1"),
        ("demo", "maybe", "must be 0 or 1"),
        ("assets", "web", "must be 'cdn' or 'local'"),
        ("secret_key", "short", "must have 16 characters or more"),
        ("salesforce_api_version", "3", "must look like 66.0"),
    ],
)
def test_a_mistake_is_told_by_the_rule_in_plain_words(monkeypatch, name, value, rule):
    told = f"  - {PREFIX}{name.upper()}: {rule}"
    assert mistakes(monkeypatch, **{name: value}).splitlines()[1:] == [told]


def test_a_line_of_the_file_that_cannot_be_read_is_named_once(monkeypatch, tmp_path, caplog):
    (tmp_path / ".env").write_text("LEADLOOP_PORT=8000\nno setting at all\n'half = 1\n")
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    lines = mistakes(monkeypatch, risk_high="7").splitlines()
    assert "  - .env, line 2: must be NAME=value" in lines
    assert "  - LEADLOOP_RISK_HIGH: must be 1 or less" in lines
    assert caplog.text == ""


def test_a_file_of_settings_in_another_encoding_is_refused(monkeypatch, tmp_path):
    (tmp_path / ".env").write_bytes("LEADLOOP_HOST=ä".encode("latin-1"))
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    assert ".env: must be text in UTF-8" in mistakes(monkeypatch)


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
    settings = {PREFIX + name.upper() for name in Settings.model_fields}
    assert named - {PREFIX + name for name in CLIENT_VARIABLES} == settings


def test_a_variable_that_the_product_names_never_stops_a_start(monkeypatch):
    printed = [ROOT / "Makefile", *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    printed += (ROOT / "webapp").rglob("*.html")
    named = {n for p in printed for n in re.findall(rf"{PREFIX}[A-Z_]*[A-Z]\b", p.read_text())}
    assert "LEADLOOP_KEY" in named
    for name in named - {PREFIX + name.upper() for name in Settings.model_fields}:
        monkeypatch.setenv(name, "any value")
    assert config.load().port == 8000


def test_a_mistyped_client_variable_is_still_a_mistake(monkeypatch):
    text = mistakes(monkeypatch, kye="ll_1")
    assert "LEADLOOP_KYE is not a setting (did you mean LEADLOOP_KEY?)" in text
