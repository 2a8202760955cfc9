"""Run a query on the rows that the integration user may see, and hand out its pages."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NoReturn

from demo.salesforce.org import ids
from demo.salesforce.org.org import Org
from demo.salesforce.org.schema import SField, SObject
from demo.salesforce.org.table import Row
from demo.salesforce.soql.filter import Filter, Getter, folded, looked_up, stamp_bounds
from demo.salesforce.soql.parse import Order, Path, Query, SoqlError, parse

LOCATOR_DAYS = 2
MAX_PAGE, MIN_PAGE = 2000, 200
HELP = "Please reference your WSDL or the describe call for the appropriate names."
Render = Callable[[Row], dict[str, Any]]


@dataclass
class Result:
    """What a query found; `render` makes a record of the answer from a row."""

    total: int
    rows: list[Row] = field(default_factory=list)
    render: Render = dict


class Reader:
    """The object of one query, as the integration user sees it."""

    def __init__(self, org: Org, sobject: SObject, root: str, *, deleted: bool) -> None:
        self.org, self.sobject, self.root, self.deleted = org, sobject, root, deleted

    def sees(self, row: Row) -> bool:
        hidden = self.org.hidden
        if row["Id"] in hidden or row.get("OpportunityId") in hidden:
            return False
        return self.deleted or not row.get("IsDeleted")

    def resolve(self, path: Path) -> tuple[SField, Getter]:
        """The field that a path names, and how a row gives its value."""
        *parents, name = path.parts
        sobject, steps = self.sobject, []
        for parent in parents:
            link = sobject.relationship(parent) or no_relationship(parent, sobject, path)
            sobject = self._parent(link)
            steps.append(link.name)
        found = sobject.find(name) or no_column(name, sobject, path)
        get = self._converted(found, path) if path.is_converted else plain_getter(found)
        return found, self._through(steps, get) if steps else get

    def _converted(self, found: SField, path: Path) -> Getter:
        """An amount in the currency of whoever asks."""
        rates, own = self.org.rates, self.org.own_currency
        if not rates or found.type != "currency":
            reason = f"convertCurrency({path.name}): no field of an org with several currencies"
            raise SoqlError("MALFORMED_QUERY", reason, path.position)

        def converted(row: Row) -> Any:
            amount, rate = row.get(found.name), rates[row.get("CurrencyIsoCode") or own]
            return None if amount is None else amount * rates[own] / rate

        return converted

    def _parent(self, link: SField) -> SObject:
        target = "User" if len(link.refers_to) > 1 else link.refers_to[0]
        found = self.org.sobject(target)
        if found is None:
            raise SoqlError("INVALID_TYPE", f"sObject type '{target}' is not supported.")
        return found

    def _through(self, steps: list[str], get: Getter) -> Getter:
        def through(row: Row) -> Any:
            for step in steps:
                parent = self.linked(row, step)
                if parent is None:
                    return None
                row = parent
            return get(row)

        return through

    def linked(self, row: Row, link: str) -> Row | None:
        target = row.get(link)
        if target is None:
            return None
        found = self.org.table_of(target).rows.get(target)
        return found if found is not None and self.sees(found) else None

    def renderer(self, fields: Iterable[Path]) -> Render:
        getters = [(path.parts, *self.resolve(path)) for path in fields]
        plain = [(found.name, get) for parts, found, get in getters if len(parts) == 1]
        nested = [parts for parts, _, _ in getters if len(parts) > 1]

        def render(row: Row) -> dict[str, Any]:
            record = {key: get(row) for key, get in plain}
            return {"attributes": self.attributes(row)} | record

        return self._with_parents(render, nested) if nested else render

    def attributes(self, row: Row) -> dict[str, str]:
        """By the id and not by the query: an owner is a User or a Group."""
        record_id = row["Id"]
        name = self.sobject.name
        if name == "User":
            name = self.org.objects[self.org.name_of(record_id) or ""].name
        return {"type": name, "url": f"{self.root}/sobjects/{name}/{record_id}"}

    def _with_parents(self, render: Render, nested: list[list[str]]) -> Render:
        found = {parts[0].lower(): self.sobject.relationship(parts[0]) for parts in nested}
        links = {name: link for name, link in found.items() if link}
        inner = {
            name: Reader(self.org, self._parent(link), self.root, deleted=self.deleted).renderer(
                Path(".".join(p[1:]), 0) for p in nested if p[0].lower() == name
            )
            for name, link in links.items()
        }

        # Many rows have few parents: each is shown once.
        shown: dict[tuple[str, str | None], dict[str, Any] | None] = {}

        def with_parents(row: Row) -> dict[str, Any]:
            record = render(row)
            for name, link in links.items():
                place = (name, row.get(link.name))
                if place not in shown:
                    parent = self.linked(row, link.name)
                    shown[place] = None if parent is None else inner[name](parent)
                record[str(link.relationship)] = shown[place]
            return record

        return with_parents

    # Running

    def run(self, query: Query) -> Result:
        test = Filter(self.resolve).compile(query.where) if query.where else None
        orders = [(order, self._sort_getter(order)) for order in query.order]
        render = self.renderer(query.fields) if query.fields is not None else dict
        rows = (row for row in self._candidates(query) if self.sees(row))
        matches = (row for row in rows if test is None or test(row))
        if is_keyset_order(query.order):
            found = list(first(matches, query.limit))
        else:
            found = in_order(list(matches), orders)[: query.limit]
        return Result(len(found), found if query.fields is not None else [], render)

    def _candidates(self, query: Query) -> Iterator[Row]:
        table = self.org.tables[self.sobject.name.lower()]
        wanted = None if is_keyset_order(query.order) else looked_up(query.where)
        if wanted is not None:
            link = self.sobject.find(wanted[0])
            full = sorted({ids.normal(value) or "" for value in wanted[1]})
            found = [table.with_value(link.name, each) for each in full] if link else [None]
            if None not in found:
                return (table.rows[each] for some in found for each in some or ())
        return table.between(*stamp_bounds(query.where))

    def _sort_getter(self, order: Order) -> Getter:
        found, get = self.resolve(order.path)
        if not found.sortable:
            reason = f"field '{order.path.name}' can not be sorted in a query call"
            raise SoqlError("INVALID_FIELD", reason, order.path.position)
        is_text = found.type in {"string", "picklist", "email", "phone", "url", "textarea"}
        return (lambda row: folded(get(row))) if is_text else get


def plain_getter(found: SField) -> Getter:
    name = found.name
    if found.type == "boolean":
        return lambda row: row.get(name, False)
    if found.type == "address":
        return address
    return lambda row: row.get(name)


def address(row: Row) -> dict[str, Any] | None:
    parts = ("City", "Country", "GeocodeAccuracy", "Latitude", "Longitude", "PostalCode")
    whole = {name[0].lower() + name[1:]: row.get(name) for name in (*parts, "State", "Street")}
    return whole if any(value is not None for value in whole.values()) else None


def is_keyset_order(order: tuple[Order, ...]) -> bool:
    names = [each.path.name.lower() for each in order]
    return names == ["systemmodstamp", "id"] and not any(each.is_descending for each in order)


def first(rows: Iterator[Row], limit: int | None) -> Iterator[Row]:
    if limit == 0:
        return
    for n, row in enumerate(rows, 1):
        yield row
        if n == limit:
            return


def in_order(rows: list[Row], orders: list[tuple[Order, Getter]]) -> list[Row]:
    """Sorted as asked; what that leaves open comes newest id first, so that nobody relies on it."""
    rows.sort(key=lambda row: row["Id"], reverse=True)
    for order, get in reversed(orders):
        with_value = [row for row in rows if get(row) is not None]
        without = [row for row in rows if get(row) is None]
        with_value.sort(key=get, reverse=order.is_descending)
        rows = with_value + without if order.nulls_last else without + with_value
    return rows


def no_column(name: str, sobject: SObject, path: Path) -> NoReturn:
    reason = (
        f"No such column '{name}' on entity '{sobject.name}'. If you are attempting to use a "
        f"custom field, be sure to append the '__c' after the custom field name. {HELP}"
    )
    raise SoqlError("INVALID_FIELD", reason, path.position)


def no_relationship(name: str, sobject: SObject, path: Path) -> NoReturn:
    reason = (
        f"Didn't understand relationship '{name}' in field path. If you are attempting to use a "
        f"custom relationship, be sure to append the '__r' after the custom relationship name. "
        f"{HELP}"
    )
    raise SoqlError("INVALID_FIELD", reason, path.position)


class Queries:
    """Runs queries by their text and keeps the rest of long answers behind locators."""

    def __init__(self, org: Org) -> None:
        self.org = org
        # The most rows of a page, whatever the query allows.
        self.page_cap: int | None = None
        self._locators: dict[str, tuple[datetime, Result]] = {}
        self._n_locators = 0

    def start(self, text: str, root: str, batch: int, *, deleted: bool) -> dict[str, Any]:
        self.org.settle()
        query = parse(text)
        sobject = self.org.sobject(query.object_name) or no_object(query)
        check_no_duplicates(query)
        result = Reader(self.org, sobject, root, deleted=deleted).run(query)
        if query.fields is None:
            return {"totalSize": result.total, "done": True, "records": []}
        return self._page(result, root, batch, start=0)

    def more(self, locator: str, root: str, batch: int) -> dict[str, Any]:
        """The next page, or SoqlError where the locator is unknown or too old."""
        name, _, start = locator.partition("-")
        kept = self._locators.get(name)
        if (
            kept is None
            or not start.isdigit()
            or self.org.clock.now - kept[0] > timedelta(days=LOCATOR_DAYS)
        ):
            raise SoqlError("INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(kept[1], root, batch, start=int(start), name=name)

    def expire_locators(self) -> None:
        self._locators.clear()

    def _page(
        self, result: Result, root: str, batch: int, *, start: int, name: str = ""
    ) -> dict[str, Any]:
        size = min(max(batch, MIN_PAGE), MAX_PAGE, self.page_cap or MAX_PAGE)
        records = [result.render(row) for row in result.rows[start : start + size]]
        end = start + len(records)
        page = {"totalSize": result.total, "done": end >= result.total, "records": records}
        if end < result.total:
            name = name or self._keep(result)
            page["nextRecordsUrl"] = f"{root}/query/{name}-{end}"
        return page

    def _keep(self, result: Result) -> str:
        self._n_locators += 1
        name = ids.make("0r8", self._n_locators)
        self._locators[name] = (self.org.clock.now, result)
        return name


def no_object(query: Query) -> NoReturn:
    reason = (
        f"sObject type '{query.object_name}' is not supported. If you are attempting to use a "
        f"custom object, be sure to append the '__c' after the entity name. {HELP}"
    )
    raise SoqlError("INVALID_TYPE", reason, query.object_position)


def check_no_duplicates(query: Query) -> None:
    seen: set[str] = set()
    for path in query.fields or ():
        if path.name.lower() in seen:
            reason = f"duplicate field selected: {path.name}"
            raise SoqlError("INVALID_FIELD", reason, path.position)
        seen.add(path.name.lower())
