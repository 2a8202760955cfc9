"""Why leads are lost: the list that people choose from."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.types import category_key
from webapp.tables.reasons import FormerReason, LostReason


def everything(session: Session) -> list[LostReason]:
    """All reasons by name, the retired ones last."""
    order = (LostReason.retired_at.is_not(None), LostReason.name)
    return list(session.scalars(sa.select(LostReason).order_by(*order)))


def offered(session: Session) -> list[str]:
    """The reasons that people choose from, in the order in which they were added."""
    query = sa.select(LostReason.name).where(LostReason.retired_at.is_(None))
    return list(session.scalars(query.order_by(LostReason.key)))


def in_words_of_the_list(session: Session, texts: Iterable[str]) -> dict[str, str]:
    """Those texts that mean a reason of the list, each with how the list writes it."""
    asked = list(texts)
    known = by_word(session) if asked else {}
    return {text: known[key].name for text in asked if (key := category_key(text)) in known}


def by_word(session: Session) -> dict[str, LostReason]:
    """Each reason by its words and by its former ones, without regard to case and white space."""
    former = sa.select(FormerReason.name, LostReason).join(
        LostReason, LostReason.key == FormerReason.reason_key
    )
    found = {category_key(name): each for name, each in session.execute(former)}
    return found | {category_key(each.name): each for each in everything(session)}
