"""Official calendars of working days that an operator loaded."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, new_id, now_utc


class LoadedCalendar(Base):
    """One official file: the years that it publishes, and day → is it a working day.

    A file that is loaded later wins over an earlier one, day by day.
    """

    __tablename__ = "loaded_calendars"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    source: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64))
    years: Mapped[list[Any]]
    days: Mapped[dict[str, Any]]
    loaded_at: Mapped[datetime] = mapped_column(default=now_utc)
