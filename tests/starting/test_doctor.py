"""`doctor` looks at the installation too: what is wrong stands there with its mend."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from webapp.database import utc_now
from webapp.private_file import keep_database_private
from webapp.services import installation
from webapp.services.runs import runs, workers


@pytest.fixture(scope="session")
def dialect():
    return "sqlite"


@pytest.fixture
def found(app, read, settings, champion):
    """What `doctor` says of a part of the installation, with other settings if need be."""
    keep_database_private(settings.database_file)

    def find(name, **changed):
        checks = read(
            lambda s: installation.checks(s, settings.model_copy(update=changed)),
        )
        return next(check for check in checks if check.name == name)

    return find


def test_secrets_that_others_may_read_are_named_with_the_mend(found, settings):
    assert found("permissions").is_good
    path = settings.data_dir / "secret_key"
    path.write_text("a secret")
    path.chmod(0o640)
    check = found("permissions")
    assert (check.is_good, check.sentence) == (
        False,
        f"others on this machine may read them: chmod 600 {path}",
    )


def test_a_first_password_that_lies_about_is_told(found, settings):
    (settings.data_dir / "first-access.txt").touch(mode=0o600)
    assert found("first access").is_advice


@pytest.mark.parametrize(
    ("free", "good", "advice"), [(2**20, False, False), (2**30, True, True), (2**33, True, False)]
)
def test_a_disk_that_fills_up_is_told_before_writes_fail(free, good, advice, found, monkeypatch):
    monkeypatch.setattr(installation.shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    check = found("disk")
    assert (check.is_good, check.is_advice) == (good, advice)


def test_a_clock_that_was_put_back_is_told(found, write):
    assert found("clock").is_good
    later = utc_now() + timedelta(hours=2)
    write(
        lambda s: runs.request(s, "monitoring", trigger="request", requested_by="a", now=later),
    )
    assert found("clock").sentence.startswith("120 minutes behind the newest run's")


def test_a_worker_that_is_gone_is_told(found, write):
    assert found("worker").is_advice
    write(lambda s: workers.report(s, "worker-1", utc_now() - timedelta(hours=1)))
    assert not found("worker").is_good
    write(lambda s: workers.report(s, "worker-2", utc_now()))
    assert found("worker").is_good


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({}, "serves this machine alone"),
        ({"host": "0.0.0.0"}, "0.0.0.0 is served without HTTPS"),
        ({"host": "0.0.0.0", "trusted_proxies": 1, "secure_cookies": True}, "behind HTTPS"),
        (
            {"public_url": "https://a.example", "secure_cookies": False},
            "set LEADLOOP_SECURE_COOKIES=1",
        ),
        (
            {"public_url": "https://a.example", "secure_cookies": True},
            "set LEADLOOP_TRUSTED_PROXIES",
        ),
    ],
)
def test_what_a_proxy_needs_is_told(changed, sentence, found):
    assert sentence in found("proxy", **changed).sentence
