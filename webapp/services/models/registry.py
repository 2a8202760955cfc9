"""Model versions and their aliases: the champion, and a staged one being backfilled."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.scorecard.scorecard import Scorecard
from webapp import field_lists
from webapp.database import BACKFILL, hold, look_up_again, once
from webapp.services.runs.runs import Explained
from webapp.stored import Decision
from webapp.tables import ModelAlias, ModelVersion

CHAMPION = "champion"
STAGED = "incoming"  # as stored
ALIASES = "aliases"
SINCE = "when the champion was promoted"
LIVE = "the live version"

MAX_KEPT = 16  # scorecards a process, of up to 3 MB each
_by_digest: dict[str, Scorecard] = {}
REF = (ModelVersion.key, ModelVersion.name, ModelVersion.digest, ModelVersion.field_list)
