"""What operators see, without personal data: request ids, JSON lines, figures for Prometheus."""

import logging
import re
import sys
import time
import traceback
import uuid
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, request
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
DURATION_BUCKETS_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30)

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

log = structlog.stdlib.get_logger("leadloop")


@dataclass(frozen=True)
class Figures:
    """What this process counts."""

    registry: CollectorRegistry
    requests: Counter
    duration_seconds: Histogram
    rows: Counter
    surprises: Counter


class StandardError(logging.Handler):
    """Writes to the present standard error, which test runners and supervisors replace."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; a log that cannot be written stops no request."""
        try:
            sys.stderr.write(self.format(record) + "\n")
        except OSError:
            self.handleError(record)


def init_app(app: Flask, log_level: str) -> None:
    """Number, time, count and log the requests of the application."""
    configure_logging(log_level)
    app.extensions["leadloop_figures"] = new_figures()
    app.before_request(begin)
    app.after_request(end)


def configure_logging(level: str) -> None:
    """Write our own lines from this level on, and warnings of libraries, as JSON."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = StandardError()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                error_without_message,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    others = [h for h in root.handlers if not isinstance(h, StandardError)]
    root.handlers = [*others, handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("leadloop").setLevel(level.upper())


def error_without_message(
    logger: object, name: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Name an exception by kind and place: its message can hold what a person sent."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()
    if isinstance(error, BaseException):
        error = (type(error), error, error.__traceback__)
    if error and error[0] is not None:
        frames = traceback.extract_tb(error[2])
        event["error"] = error[0].__name__
        event["frames"] = [f"{f.filename}:{f.lineno} {f.name}" for f in frames]
    return event


def log_failure(exc_info: ExcInfo) -> None:
    """Log an error that nobody expected."""
    log.error("failed", exc_info=exc_info)


def begin() -> None:
    """Give the request its number; a caller's own is taken over where it is a plain one."""
    g.began_at_seconds = time.perf_counter()
    sent = request.headers.get("X-Request-ID", "")
    g.request_id = sent if REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def end(response: Response) -> Response:
    """Count and log the request, and give its number back."""
    seconds = time.perf_counter() - g.began_at_seconds
    route = request.url_rule.rule if request.url_rule else "none"
    method = request.method if request.method in METHODS else "other"
    counted = figures()
    counted.requests.labels(method, route, response.status_code).inc()
    counted.duration_seconds.labels(route).observe(seconds)
    response.headers["X-Request-ID"] = g.request_id
    log.info(
        "request",
        method=method,
        route=route,
        status=response.status_code,
        milliseconds=round(seconds * 1000, 1),
        **({"key": g.api_key_number} if "api_key_number" in g else {}),
    )
    return response


def new_figures() -> Figures:
    """Counters that start at zero, apart from those of any other application."""
    registry = CollectorRegistry()
    surprises = "Values of leads that the API took with a warning"
    disable_created_metrics()  # type: ignore[no-untyped-call]
    labels, seconds = ["method", "route", "status"], DURATION_BUCKETS_SECONDS
    timed = "leadloop_http_request_duration_seconds"
    rows = "Leads and outcomes taken in by the API, alone or in batches"
    return Figures(
        registry,
        Counter("leadloop_http_requests", "Requests answered", labels, registry=registry),
        Histogram(timed, "Time to the answer", ["route"], registry=registry, buckets=seconds),
        Counter("leadloop_rows", rows, ["kind", "result"], registry=registry),
        Counter("leadloop_surprises", surprises, ["field", "rule"], registry=registry),
    )


def figures() -> Figures:
    """The counters of the current application."""
    found: Figures = current_app.extensions["leadloop_figures"]
    return found


def gauges(prefix: str, values: Mapping[str, tuple[str, float]]) -> bytes:
    """Present figures in the text format of Prometheus: by name, their help and value."""
    registry = CollectorRegistry()
    for name, (about, value) in values.items():
        Gauge(f"{prefix}_{name}", about, registry=registry).set(value)
    return generate_latest(registry)


def exposition() -> bytes:
    """All figures in the text format of Prometheus."""
    return generate_latest(figures().registry)
