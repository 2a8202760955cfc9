"""The same contract as most would build it: a fitted pipeline, a frame of one row, the ORM.

`naive` is a logistic regression on one-hot columns, `original` the recipe of the original
implementation. Neither checks what is sent, nor asks who calls.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from flask import Flask, Response, jsonify, request
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from bench import original
from bench.speed.made_up import COUNTS, LEVELS, lead
from webapp.database import safe_sqlite
from webapp.field_lists import shipped

N_TRAINED_ON = 2_000


class Base(DeclarativeBase):
    """Parent of its tables."""


class Lead(Base):
    """A lead with all that was sent."""

    __tablename__ = "leads"

    lead_id: Mapped[str] = mapped_column(primary_key=True)
    values: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    score: Mapped[float]
    outcome: Mapped[bool | None]


class History(Base):
    """Every score."""

    __tablename__ = "history"

    key: Mapped[int] = mapped_column(primary_key=True)
    lead_id: Mapped[str] = mapped_column(sa.ForeignKey("leads.lead_id"), index=True)
    score: Mapped[float]
    at: Mapped[datetime]


def app(kind: str, folder: Path) -> Flask:
    """The build with this model."""
    flask = Flask(__name__)
    predict = _original() if kind == "original" else _naive()
    engine = sa.create_engine(f"sqlite:///{folder / 'naive.db'}", module=safe_sqlite())
    sa.event.listen(engine, "connect", _prepare)
    Base.metadata.create_all(engine)

    @flask.post("/score")
    def score() -> Response:
        sent = request.get_json()
        lead_id = sent.pop("lead_id")
        probability = predict(sent)
        with Session(engine) as session:
            found = session.get(Lead, lead_id) or Lead(lead_id=lead_id)
            found.values, found.score = sent, probability
            session.add(found)
            session.add(History(lead_id=lead_id, score=probability, at=datetime.now(UTC)))
            session.commit()
        return jsonify(lead_id=lead_id, conversion_score=round(probability, 4))

    return flask


def _prepare(connection: Any, record: object) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA busy_timeout=30000")


def _leads() -> tuple[list[dict[str, Any]], Any]:
    records = [lead(number)[1] for number in range(N_TRAINED_ON)]
    opens = np.array([record["email_opens"] for record in records])
    return records, opens + np.random.default_rng(0).normal(0, 20, N_TRAINED_ON) > 20


def _naive() -> Callable[[dict[str, Any]], float]:
    records, converted = _leads()
    columns = make_column_transformer(
        (StandardScaler(), [*COUNTS]), (OneHotEncoder(handle_unknown="ignore"), [*LEVELS])
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=1000))
    model.fit(pd.DataFrame(records), converted)
    return lambda sent: float(model.predict_proba(pd.DataFrame([sent]))[0, 1])


def _original() -> Callable[[dict[str, Any]], float]:
    records, converted = _leads()
    predict = original.fit(records, converted, shipped())
    return lambda sent: float(predict([sent])[0])
