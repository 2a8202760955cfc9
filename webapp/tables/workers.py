"""The worker processes: when each was last at work."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base


class WorkerProcess(Base):
    """A worker that runs, or did until lately."""

    __tablename__ = "worker_processes"

    # Host, process and a part of its own, as in the claims of runs.
    name: Mapped[str] = mapped_column(sa.String(100), primary_key=True)
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
