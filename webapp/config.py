"""Settings: read from `LEADLOOP_*` variables and `.env`, typed, all mistakes named at once."""

import difflib
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, cast
from urllib.parse import urlsplit

from dotenv.parser import Binding, parse_stream
from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "LEADLOOP_"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# What the examples call a program's own variables: they may be set where the product starts.
CLIENT_VARIABLES = ("KEY",)
ROOT = Path(__file__).resolve().parent.parent
# What pydantic finds -> the rule in words, with what it says of the bound.
RULES = {
    "bool_parsing": "must be 0 or 1",
    "finite_number": "must be a number",
    "float_parsing": "must be a number",
    "greater_than": "must be above {gt:,g}",
    "greater_than_equal": "must be {ge:,g} or more",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "less_than": "must be below {lt:,g}",
    "less_than_equal": "must be {le:,g} or less",
    "literal_error": "must be {expected}",
    "string_pattern_mismatch": "must look like {example}",
    "too_short": "must have {min_length} characters or more",
    "value_error": "{error}",
}

# It warns of each line that it cannot read, and each time: `load` says so once, in its own words.
logging.getLogger("dotenv.main").setLevel(logging.ERROR)


class ConfigurationError(ValueError):
    """The settings cannot be used; the message lists every mistake, one a line."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("The settings have mistakes:\n" + "\n".join(f"  - {m}" for m in mistakes))
        self.mistakes = mistakes


def _driver_named(url: str) -> str:
    """Name psycopg in PostgreSQL addresses, which hosting services write without a driver."""
    for short in ("postgres://", "postgresql://"):
        if url.startswith(short):
            return "postgresql+psycopg://" + url.removeprefix(short)
    if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ValueError("must start with sqlite:/// or postgresql://")
    return url


def _zero_or_from_half(confidence: float) -> float:
    if 0 < confidence < 0.5:
        raise ValueError("must be 0 (off) or from 0.5 to below 1")
    return confidence


def _zero_or_from_90(days: int) -> int:
    if 0 < days < 90:
        raise ValueError("must be 0 (for ever) or from 90")
    return days


def _existing(file: Path) -> Path:
    if not file.is_file():
        raise ValueError("must name a file that is there")
    return file


Share = Annotated[float, Field(ge=0, le=1)]
# Longer ones than a week, a year or ten, each far beyond use, would not fit into dates.
Seconds = Annotated[float, Field(gt=0, le=604_800)]
Minutes = Annotated[float, Field(gt=0, le=525_600)]
Hours = Annotated[float, Field(ge=0, le=87_600)]
DatabaseUrl = Annotated[
    SecretStr, AfterValidator(lambda u: SecretStr(_driver_named(u.get_secret_value())))
]


class Settings(BaseSettings):
    """Every setting of the product; the comment of each stands in `.env.example`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ROOT / ".env",
        env_ignore_empty=True,
        extra="ignore",
        allow_inf_nan=False,
    )

    data_dir: Path = ROOT / "data"
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    database_url: DatabaseUrl | None = None
    fields_file: Annotated[Path, AfterValidator(_existing)] | None = None
    secret_key: SecretStr | None = Field(None, min_length=16)
    demo: bool = True
    assets: Literal["cdn", "local"] = "cdn"
    secure_cookies: bool | None = None
    trusted_proxies: int = Field(0, ge=0, le=5)
    web_threads: int = Field(16, ge=1, le=128)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    form_posts_per_minute: int = Field(60, ge=1, le=10_000)
    audit_kept_days: Annotated[int, AfterValidator(_zero_or_from_90)] = Field(0, ge=0, le=36_500)
    import_max_megabytes: int = Field(200, ge=1, le=4096)

    risk_high: Share = 0.7
    risk_medium: Share = 0.4
    expected_conversion_percent: float | None = Field(None, gt=0, lt=100)

    reps_see: Literal["all", "own"] = "all"
    explore_percent: int = Field(0, ge=0, le=50)
    waiting_outcome_days: int = Field(30, ge=1, le=3650)

    retrain_threshold: int = Field(50, ge=10)
    retrain_every_hours: Hours = 0
    promote_min_gain: float = Field(0.02, ge=0, lt=1)
    promote_confidence: Annotated[float, AfterValidator(_zero_or_from_half)] = Field(
        0.99, ge=0, lt=1
    )
    promote_min_each_class: int = Field(20, ge=0)
    promote_log_loss_check: bool = True
    promote_sure_gain: bool = True
    auto_recalibrate: bool = True
    training_limit_seconds: Seconds = 1800
    worker_poll_seconds: Seconds = 2

    public_url: str | None = Field(
        None, pattern=r"^https?://[\w.:\[\]-]+/?$", examples=["https://leads.example.com"]
    )
    allowed_hosts: str | None = Field(
        None,
        pattern=r"^(\[[\da-fA-F:]+\]|[\w.-]+)(, *(\[[\da-fA-F:]+\]|[\w.-]+))*$",
        examples=["leads.example.com,10.0.0.5"],
    )
    smtp_host: str | None = None
    smtp_port: int = Field(587, ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    smtp_from: str | None = Field(
        None, pattern=r"^[^\s@<>]+@[^\s@<>]+$", examples=["leadloop@example.com"]
    )
    webhook_hosts: str | None = Field(
        None,
        pattern=r"^[\w.\[\]:-]+(, *[\w.\[\]:-]+)*$",
        examples=["hooks.internal,10.0.0.5:8080"],
    )

    sync_every_minutes: Minutes = 15
    sync_max_lost_percent: float = Field(5, ge=0, le=100)
    salesforce_method: Literal["client_credentials", "jwt", "session", "password"] = (
        "client_credentials"
    )
    salesforce_domain: str | None = None
    salesforce_username: str | None = None
    salesforce_consumer_key: SecretStr | None = None
    salesforce_consumer_secret: SecretStr | None = None
    salesforce_private_key: SecretStr | None = None
    salesforce_password: SecretStr | None = None
    salesforce_security_token: SecretStr | None = None
    salesforce_session_id: SecretStr | None = None
    salesforce_api_version: str = Field("66.0", pattern=r"^[4-9]\d\.0$", examples=["66.0"])
    salesforce_daily_calls: int | None = Field(None, ge=1)
    salesforce_extra_host: str | None = Field(
        None, pattern=r"^https?://[\w.-]+(:\d+)?$", examples=["https://login.example.com"]
    )
    salesforce_hook_secret: SecretStr | None = Field(None, min_length=16)
    crm_secret_key: SecretStr | None = Field(None, min_length=16)

    @field_validator("risk_medium")
    @classmethod
    def _not_above_high(cls, medium: float, others: ValidationInfo) -> float:
        if medium > others.data.get("risk_high", 1):
            raise ValueError(f"must not be above {PREFIX}RISK_HIGH")
        return medium

    @property
    def database(self) -> str:
        """The address of the database, password included: never to be shown or logged."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.data_dir.absolute() / 'leadloop.sqlite3'}"

    @property
    def database_file(self) -> Path | None:
        """The file of a SQLite database; None where it is another database's."""
        name = self.database.partition("sqlite:///")[2]
        return Path(name.partition("?")[0]) if name else None

    @property
    def address(self) -> str:
        """Where the web server of these settings is reached on its own machine."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def hosts(self) -> set[str] | None:
        """The hosts by which requests may name this product, in small letters; None: any may."""
        if self.public_url is None and self.allowed_hosts is None:
            return None
        named = [each.strip() for each in (self.allowed_hosts or "").split(",")]
        found = {urlsplit(f"//{each}").hostname for each in named}
        found |= {urlsplit(self.public_url or "").hostname, self.host.lower(), *LOOPBACK}
        return {host for host in found if host}

    @property
    def has_secure_cookies(self) -> bool:
        """Whether browsers send our cookies over HTTPS only: by default where a proxy speaks it."""
        if self.secure_cookies is not None:
            return self.secure_cookies
        return self.trusted_proxies > 0 or (self.public_url or "").startswith("https://")

    @property
    def mail_from(self) -> str:
        """Who mails are from."""
        return self.smtp_from or f"leadloop@{self.smtp_host}"

    @property
    def import_max_bytes(self) -> int:
        return self.import_max_megabytes * 2**20

    def shown(self) -> list["Shown"]:
        """Every setting for people to read; of a secret only whether it is there."""
        return [
            Shown(
                variable=PREFIX + name.upper(),
                value=_without_secrets(name, getattr(self, name)),
                is_set=name in self.model_fields_set,
            )
            for name in type(self).model_fields
        ]


class Shown(NamedTuple):
    """A setting as people may see it."""

    variable: str
    value: str
    is_set: bool


def _without_secrets(name: str, value: object) -> str:
    if name == "database_url" and isinstance(value, SecretStr):
        parts = urlsplit(value.get_secret_value())
        return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
    if isinstance(value, SecretStr):
        return "set, not shown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return "not set" if value is None else str(value)


def load() -> Settings:
    """Read the settings, or raise `ConfigurationError` with every mistake in them."""
    lines = _lines(cast("Path | None", Settings.model_config.get("env_file")))
    mistakes = [f".env, line {b.original.line}: must be NAME=value" for b in lines if b.error]
    mistakes += _unknown({*os.environ, *(b.key for b in lines if b.key)})
    try:
        settings = Settings()
    except ValidationError as error:
        raise ConfigurationError(mistakes + [_sentence(e) for e in error.errors()]) from None
    if mistakes:
        raise ConfigurationError(mistakes)
    return settings


def environment(settings: Settings) -> dict[str, str]:
    """The variables from which a child process reads these very settings, secrets included."""
    values = {name: getattr(settings, name) for name in Settings.model_fields}
    return {
        PREFIX + name.upper(): str(v.get_secret_value() if isinstance(v, SecretStr) else v)
        for name, v in values.items()
        if v is not None
    }


def _lines(file: Path | None) -> list[Binding]:
    if file is None or not file.is_file():
        return []
    try:
        with file.open(encoding="utf-8") as stream:
            return list(parse_stream(stream))
    except UnicodeDecodeError:
        raise ConfigurationError([".env: must be text in UTF-8"]) from None


def _unknown(variables: set[str]) -> list[str]:
    known = [*(name.upper() for name in Settings.model_fields), *CLIENT_VARIABLES]
    given = [n.removeprefix(PREFIX) for n in variables if n.startswith(PREFIX)]
    return [
        f"{PREFIX}{n} is not a setting{_hint(n, known)}" for n in sorted(given) if n not in known
    ]


def _hint(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {PREFIX}{near[0]}?)" if near else ""


def _sentence(error: Mapping[str, Any]) -> str:
    """Say which setting is wrong and its rule, without the value, which may be a secret."""
    name = str(error["loc"][0])
    example = (Settings.model_fields[name].examples or [""])[0]
    rule = RULES.get(error["type"], str(error["msg"]))
    said = rule.format(**error.get("ctx", {}), example=example)
    return f"{PREFIX}{name.upper()}: {said}"
