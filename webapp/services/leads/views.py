"""Saved views of the lead table, private or shared, and the columns of each person."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from ml.fields.fields_file import clean_text
from ml.sentences import gettext
from webapp.database import insert, once
from webapp.tables.views import SavedView, TableSettings

MAX_NAME = 60
MAX_VIEWS = 30
MAX_COLUMNS = 8


class ViewNotFound(LookupError):
    """No such view, or it is somebody else's."""

    def __init__(self) -> None:
        super().__init__(gettext("This view does not exist any more, or is not yours to change"))


class InvalidView(ValueError):
    """A view that cannot be saved."""


class Settings(NamedTuple):
    """The columns that a person chose, None where they did not, and the view to begin with."""

    columns: list[str] | None
    start_view: int | None


def visible(session: Session, email: str) -> list[SavedView]:
    """The person's own views, then those that others share, each by name."""
    return _set_by(session, email)[0]


def shared(session: Session) -> list[SavedView]:
    """The views that people share, by name."""
    query = sa.select(SavedView).where(SavedView.is_shared)
    return list(session.scalars(query.order_by(SavedView.name, SavedView.key)))


def save(
    session: Session,
    name: str | None,
    asked: Mapping[str, str],
    *,
    is_shared: bool,
    by: str,
    now: datetime,
) -> SavedView:
    """Save filters and sort under a name; the person's own view of that name is replaced."""
    name = _cleaned(name)
    own = session.scalars(sa.select(SavedView).where(SavedView.author == by)).all()
    view = next((view for view in own if view.name == name), None)
    if view is None and len(own) >= MAX_VIEWS:
        raise InvalidView(
            gettext(
                "There are %(MAX_VIEWS)s views of yours already; delete one first",
                MAX_VIEWS=MAX_VIEWS,
            )
        )
    view = view or SavedView(author=by, name=name)
    view.asked, view.is_shared, view.saved_at = dict(asked), is_shared, now
    session.add(view)
    session.flush()
    return view


def change(session: Session, key: int, name: str | None, *, is_shared: bool, by: str) -> SavedView:
    """Rename or share an own view; else `ViewNotFound`."""
    view, name = _own(session, key, by), _cleaned(name)
    same = sa.select(SavedView.key).where(SavedView.author == by, SavedView.name == name)
    if session.scalar(same.where(SavedView.key != key)) is not None:
        raise InvalidView(gettext("Another view of yours is called %(name)s", name=name))
    view.name, view.is_shared = name, is_shared
    return view


def delete(session: Session, key: int, *, by: str) -> None:
    """Delete an own view; else `ViewNotFound`."""
    session.execute(
        sa.update(TableSettings).where(TableSettings.start_view == key).values(start_view=None)
    )
    session.delete(_own(session, key, by))


def settings(session: Session, email: str) -> Settings:
    """What the person has set."""
    return _set_by(session, email)[1]


def _set_by(session: Session, email: str) -> tuple[list[SavedView], Settings]:
    """The views that a person sees, and what they have set: asked once a `read`."""
    is_own = SavedView.author == email
    views = sa.select(SavedView).where(sa.or_(is_own, SavedView.is_shared))
    views = views.order_by(is_own.desc(), SavedView.name).limit(MAX_VIEWS)
    view = aliased(SavedView, views.subquery())
    # A row even where there is neither.
    person = sa.select(sa.literal(email).label("email")).subquery()
    query = (
        sa.select(view, TableSettings)
        .select_from(person)
        .outerjoin(TableSettings, TableSettings.email == person.c.email)
        .outerjoin(view, sa.true())
        .order_by((view.author == email).desc(), view.name)
    )

    def look_up(session: Session) -> tuple[list[SavedView], Settings]:
        rows = session.execute(query).all()
        said = rows[0][1]
        nothing = Settings(None, None)
        settings = nothing if said is None else Settings(said.columns, said.start_view)
        return [found for found, _ in rows if found is not None], settings

    return once(session, f"views and settings of {email}", look_up)


def choose_columns(session: Session, email: str, columns: Sequence[str] | None) -> None:
    """Keep the columns that a person wants to see; None: those that hold something."""
    _set(session, email, columns=None if columns is None else list(columns)[:MAX_COLUMNS])


def start_with(session: Session, email: str, key: int | None) -> None:
    """Let a view open after sign-in; None: My day."""
    if key is not None and key not in {view.key for view in visible(session, email)}:
        raise ViewNotFound
    _set(session, email, start_view=key)


def start(session: Session, email: str) -> SavedView | None:
    """The view that opens after the person has signed in, if they chose one that they see."""
    key = settings(session, email).start_view
    return next((view for view in visible(session, email) if view.key == key), None)


def _own(session: Session, key: int, email: str) -> SavedView:
    view = session.get(SavedView, key)
    if view is None or view.author != email:
        raise ViewNotFound
    return view


def _set(session: Session, email: str, **values: object) -> None:
    statement = insert(session, TableSettings).values(email=email, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["email"], set_=values))


def _cleaned(name: str | None) -> str:
    try:
        found = clean_text(name, maximum=MAX_NAME)
    except ValueError as error:
        raise InvalidView(gettext("A name %(error)s", error=error)) from None
    if found is None:
        raise InvalidView(gettext("A view needs a name"))
    return found
