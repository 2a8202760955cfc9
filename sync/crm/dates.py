"""When an outcome happened: by times of the CRM, of which some are dates only. Pure."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from sync.crm.mapping import parse_time
from sync.crm.outcomes import Derived
from webapp.crm_tables import CrmLead

# How far the days of any place begin before those of UTC, and end after them.
EASTERNMOST, WESTERNMOST = timedelta(hours=14), timedelta(hours=12)
DAY = timedelta(days=1)


def happened_at(derived: Derived, lead: CrmLead, zone: tzinfo | None) -> datetime:
    """When an outcome happened: never before the lead was made, nor before it was converted.

    Without the CRM's time zone its dates may be those of any place.
    """
    at = derived.happened_at
    if lead.is_converted and derived.rule[:1] in {"1", "2"}:
        earliest, latest = converted_within(lead, zone)
        is_conversion_itself = derived.rule == "1m" and derived.source_id == lead.id
        # A deal may be older than the lead that was added to it.
        at = latest if is_conversion_itself or at < earliest else at
    return max(at, parse_time(lead.created_at))


def converted_within(lead: CrmLead, zone: tzinfo | None) -> tuple[datetime, datetime]:
    """Between which times a lead was converted: on its date, and before what shows it was written.

    The later one is its date: all that was known of the lead that day comes before it.
    """
    made, shown = parse_time(lead.created_at), parse_time(lead.stamp)
    if lead.converted_on is None:
        return made, shown
    start, end = _bounds(date.fromisoformat(lead.converted_on), zone)
    earliest = max(start, made)
    return earliest, max(min(end, shown), earliest)


def is_same_day(one: datetime, other: datetime, zone: tzinfo | None) -> bool:
    """Whether two times lie on one day where the CRM is; in UTC where that is not known."""
    there = zone or UTC
    return one.astimezone(there).date() == other.astimezone(there).date()


def _bounds(day: date, zone: tzinfo | None) -> tuple[datetime, datetime]:
    if zone is not None:
        return datetime.combine(day, time.min, zone), datetime.combine(day + DAY, time.min, zone)
    midnight = parse_time(day.isoformat())
    return midnight - EASTERNMOST, midnight + DAY + WESTERNMOST
