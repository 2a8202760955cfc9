"""Propose what each column of a file means, from name, values, and what was decided once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from ml.fields.fields_file import Field, Fields, Value, category_key
from ml.fields.lenient import YES_OR_NO, choice_of, word_key
from webapp.services.imports.cells.numbers import DecimalMark, number_form
from webapp.services.imports.matching.mapping import (
    DATED,
    FIRST_NAME,
    LAST_NAME,
    LEAVE_OUT,
    MULTIPLE_TARGETS,
    OUTCOME,
    OUTCOME_AT,
    REASON,
    SCORED_AT,
    SINGLE_TARGETS,
    TARGETS_BESIDE_FIELDS,
    ColumnMapping,
    Mapping,
    header_key,
)
from webapp.services.imports.matching.outcome_words import read_cell, words_of, words_of_times
from webapp.services.imports.matching.profile import ColumnProfile, Profile
from webapp.services.imports.matching.synonyms import (
    MIN_LIKENESS,
    Candidate,
    Confidence,
    Synonyms,
    layout_of,
)
from webapp.stored import OutcomeWords

MAX_VALUES_PROPOSED = 200
LEFT_OUT = Candidate(99, 0, LEAVE_OUT, "sure", "no field has this name")
# A title such as "Lead #101" is often called so, beside the names of the person.
RECORD_NAMES = {"leadname", "dealname", "opportunityname"}
MIN_SHARE_OF_TIMES = 0.9
# Behind all that are sure by their names.
ALSO_OUTCOME_AT = Candidate(7, -1, OUTCOME_AT, "likely", "by its dates and a word in its name")
ALSO_OUTCOME = Candidate(6, -1, OUTCOME, "ask", "its values look like outcomes")


@dataclass(frozen=True)
class ValueProposal:
    """What a value of a column may mean: an outcome or a choice of the field, None for neither."""

    value: str
    n: int
    meaning: Value
    confidence: Confidence


@dataclass(frozen=True)
class ColumnProposal:
    """What a column may mean, how sure that is, and why.

    `day_first` and `decimal` are None where the cells do not decide them; `needs_day_order` and
    `needs_decimal` say whether they must be known. `rival` names another column with this target,
    where this one `fills` what is empty; an unsure one contradicts it.
    """

    column: ColumnProfile
    target: str
    confidence: Confidence
    why: str
    words: OutcomeWords = "status"
    is_decided: bool = False
    values: tuple[ValueProposal, ...] = ()
    day_first: bool | None = None
    needs_day_order: bool = False
    decimal: DecimalMark | None = None
    needs_decimal: bool = False
    rival: str = ""
    fills: bool = False

    @property
    def open_values(self) -> list[ValueProposal]:
        return [value for value in self.values if value.confidence != "sure"]

    @property
    def lacks_offset(self) -> bool:
        """Whether it holds times that mean a moment only in a time zone."""
        return self.target in (OUTCOME_AT, SCORED_AT) and self.column.n_without_offset > 0


@dataclass(frozen=True)
class Proposal:
    """What a whole file may mean; `known` is what was decided before, by past mappings or now.

    `notes` are sentences on how the file was read.
    """

    columns: tuple[ColumnProposal, ...]
    known: Mapping | None = None
    notes: Sequence[str] = ()

    def of(self, target: str) -> list[ColumnProposal]:
        return [column for column in self.columns if column.target == target]


def propose(profile: Profile, fields: Fields, known: Mapping | None = None) -> Proposal:
    """Propose a target for each column and a meaning for its values, or what `known` says."""
    chosen = _assign(profile, fields, known)
    columns = [
        _Proposer(column, candidate, fields, _decided(column, candidate, known)).proposal(profile)
        for column, candidate in zip(profile.columns, chosen, strict=True)
    ]
    return Proposal(tuple(_without_silent_outcomes(columns)), known, profile.notes)


def new_field(column: ColumnProfile) -> dict[str, object]:
    """Propose how to declare a field for a column, as an entry of the fields file."""
    key = "".join(c if c.isascii() and c.isalnum() else " " for c in column.name.casefold())
    name = "_".join(key.split())[:50] or "field"
    name = name if name[0].isalpha() else f"field_{name}"
    entry: dict[str, object] = {"name": name, "label": column.name[:100] or name}
    words = {category_key(value) for value in column.values}
    if words and words <= YES_OR_NO.keys() and column.is_complete:
        return entry | {"type": "boolean"}
    if column.share_of_numbers > 0.9 and column.numbers.total():
        is_count = column.numbers.keys() <= {"whole", None} and not any("-" in w for w in words)
        return entry | {"type": "count" if is_count else "number"}
    few = column.is_complete and 2 <= len(column.values) <= 20 and column.n_filled >= 40
    choices = list({category_key(v): v.strip() for v in column.values}.values())
    return entry | {"type": "category"} | ({"choices": choices} if few else {})


def _assign(profile: Profile, fields: Fields, known: Mapping | None) -> list[Candidate]:
    names = Synonyms(fields, layout_of(profile.header))
    options = sorted(
        (
            (column.n_filled == 0, candidate.tier, candidate.order, column.place, candidate)
            for column in profile.columns
            for candidate in _candidates(column, names, fields, known)
        ),
        key=lambda option: option[:4],
    )
    chosen: dict[int, Candidate] = {}
    taken: dict[str, list[int]] = {}
    blocked: dict[int, Candidate] = {}
    for _, _, _, place, candidate in options:
        first = taken.get(candidate.target)
        if place in chosen:
            continue
        if not first or candidate.target == LEAVE_OUT or _may_join(candidate, chosen[first[0]]):
            chosen[place] = candidate
            taken.setdefault(candidate.target, []).append(place)
        else:
            blocked.setdefault(place, candidate)
    for place in sorted(blocked.keys() - chosen.keys(), key=lambda p: (blocked[p].tier, p)):
        places = [*taken[blocked[place].target], place]
        chosen[place] = _beside(blocked[place], chosen[places[0]], places, profile)
        if chosen[place].target != LEAVE_OUT:
            taken[blocked[place].target] = places
    _without_name_twice(chosen, profile)
    _without_lone_details(chosen)
    return [chosen.get(place, LEFT_OUT) for place in range(len(profile.columns))]


def _candidates(
    column: ColumnProfile, names: Synonyms, fields: Fields, known: Mapping | None
) -> list[Candidate]:
    before = known.column_at(column.place, column.name) if known else None
    targets = (LEAVE_OUT, *TARGETS_BESIDE_FIELDS, *fields.names)
    if before and before.target in targets:
        order, fills = int(before.fills), before.fills
        made = Candidate(0, order, before.target, "sure", "as decided", before.words, fills=fills)
        return [made]
    by_name = names.candidates(column.name) if column.name else []
    if any(candidate.confidence == "sure" for candidate in by_name):
        return by_name
    if column.n_filled and column.share_of_times > MIN_SHARE_OF_TIMES:
        dated = words_of_times(column.name)
        return [replace(ALSO_OUTCOME_AT, words=dated), *by_name] if dated else by_name
    words = words_of(column.name, column.values) if column.is_complete else None
    return [replace(ALSO_OUTCOME, words=words), *by_name] if words else by_name


def _may_join(candidate: Candidate, first: Candidate) -> bool:
    """Whether a further column may say the same: only where the first is no better known."""
    return candidate.target in MULTIPLE_TARGETS and candidate.tier == first.tier


def _beside(
    candidate: Candidate, best: Candidate, places: Sequence[int], profile: Profile
) -> Candidate:
    """What becomes of the last of these columns, whose target the others have, the best one first.

    What several may say is left to that one.
    """
    *others, place = places
    other = profile.columns[others[0]].name
    left_out = replace(LEFT_OUT, why=f"“{other}” is taken instead")
    is_known = candidate.confidence == best.confidence == "sure"
    is_as_well_decided = (candidate.tier == 0) == (best.tier == 0)
    is_told = is_known and is_as_well_decided and profile.columns[place].n_filled
    if not is_told or candidate.target in MULTIPLE_TARGETS:
        return left_out
    fills = replace(candidate, why=f"fills in where “{other}” is empty", rival=other, fills=True)
    if all((min(p, place), max(p, place)) in profile.agreeing for p in others):
        return left_out if candidate.target in SINGLE_TARGETS else fills
    is_as_good = (candidate.tier, candidate.order) == (best.tier, best.order)
    if is_as_good or candidate.target not in TARGETS_BESIDE_FIELDS:
        why = f"“{other}” says this too, but something else in some rows"
        return replace(candidate, confidence="ask", why=why, rival=other)
    return left_out if candidate.target in SINGLE_TARGETS else fills


def _without_name_twice(chosen: dict[int, Candidate], profile: Profile) -> None:
    """Leave out first and last names where one column surely has both, else that column."""
    parts = [p for p, c in chosen.items() if c.target in (FIRST_NAME, LAST_NAME)]
    wholes = [p for p, c in chosen.items() if c.target == "name"]
    if not parts or not wholes:
        return
    sure = [place for place in wholes if chosen[place].confidence == "sure"]
    is_sure = any(
        chosen[place].tier == 0 or header_key(profile.columns[place].name) not in RECORD_NAMES
        for place in sure
    )
    for place in parts if is_sure else wholes:
        chosen[place] = replace(LEFT_OUT, why="another column has the name")


def _without_lone_details(chosen: dict[int, Candidate]) -> None:
    tells = {(OUTCOME_AT, words) for words in DATED}
    if any(c.target == OUTCOME or (c.target, c.words) in tells for c in chosen.values()):
        return
    for place, candidate in chosen.items():
        if candidate.target in (OUTCOME_AT, REASON):
            chosen[place] = replace(LEFT_OUT, why="no column says what became of leads")


def _decided(
    column: ColumnProfile, candidate: Candidate, known: Mapping | None
) -> ColumnMapping | None:
    before = known.column_at(column.place, column.name) if known else None
    return before if before and before.target == candidate.target else None


@dataclass(frozen=True)
class _Proposer:
    column: ColumnProfile
    candidate: Candidate
    fields: Fields
    decided: ColumnMapping | None

    def proposal(self, profile: Profile) -> ColumnProposal:
        target, column, decided = self.candidate.target, self.column, self.decided
        made = ColumnProposal(
            column,
            target,
            self.candidate.confidence,
            self.candidate.why,
            self.candidate.words,
            is_decided=decided is not None,
            rival=self.candidate.rival,
            fills=self.candidate.fills,
        )
        if target == OUTCOME:
            return replace(made, values=self._values(self._outcome))
        if target in (OUTCOME_AT, SCORED_AT):
            day_first = column.day_first
            if day_first is None and decided:
                day_first = decided.day_first
            return replace(made, day_first=day_first, needs_day_order=column.needs_day_order)
        if target not in self.fields:
            return made
        field = self.fields[target]
        if field.type in ("count", "number"):
            mark, matters = _decimal(column, field, profile)
            if decided and decided.decimal and not (mark and column.shows_decimal_mark):
                mark = decided.decimal
            return replace(made, decimal=mark, needs_decimal=matters)
        if field.choices or field.type == "boolean":
            return replace(made, values=self._values(lambda value: _field_value(value, field)))
        return made

    def _outcome(self, value: str) -> tuple[Value, Confidence]:
        reading = read_cell(value, self.candidate.words)
        return reading.meaning, "sure" if reading.is_sure else "likely"

    def _values(self, read: Callable[[str], tuple[Value, Confidence]]) -> tuple[ValueProposal, ...]:
        proposals = []
        for value, n in self.column.values.most_common():
            meaning, confidence = read(value)
            if self.decided and self.decided.decided(value):
                meaning, confidence = self.decided.values[category_key(value)], "sure"
            proposals.append(ValueProposal(value, n, meaning, confidence))
        return _open_first(proposals)


def _decimal(
    column: ColumnProfile, field: Field, profile: Profile
) -> tuple[DecimalMark | None, bool]:
    if field.type == "count":
        for value in column.values:
            form = number_form(value)
            # 1.234 is no whole number, so that its point parts thousands.
            if form in (".?", ",?") and not value.strip().endswith("000"):
                return ("," if form == ".?" else "."), True
        if column.numbers["."] and column.numbers[","]:
            # Neither is a whole number, whichever way it is read.
            return ("." if column.numbers["."] >= column.numbers[","] else ","), True
    return column.decimal(point_is_usual=profile.point_is_usual)


def _field_value(value: str, field: Field) -> tuple[Value, Confidence]:
    if field.type == "boolean":
        key = category_key(value)
        return YES_OR_NO.get(key), ("sure" if key in YES_OR_NO else "ask")
    if choice := choice_of(value, field):
        return choice, "sure"
    words = set(word_key(value).split())
    holding = [choice for choice in field.choices if set(word_key(choice).split()) <= words]
    keys = {category_key(choice): choice for choice in field.choices}
    near = get_close_matches(category_key(value), keys, 1, MIN_LIKENESS)
    meant = holding[0] if len(holding) == 1 else keys[near[0]] if near else None
    return meant, ("likely" if meant else "ask")


def _open_first(proposals: Iterable[ValueProposal]) -> tuple[ValueProposal, ...]:
    return tuple(sorted(proposals, key=lambda p: p.confidence == "sure")[:MAX_VALUES_PROPOSED])


def _without_silent_outcomes(columns: list[ColumnProposal]) -> Iterator[ColumnProposal]:
    """Leave out outcome columns beside others where "no" may only mean "not yet"."""
    several = [c for c in columns if c.target == OUTCOME]
    telling = [c for c in several if c.is_decided or _tells(c)]
    for column in columns:
        if column.target != OUTCOME or column in telling:
            is_alone = column.target == OUTCOME and len(telling) == 1
            yield _with_no_in_doubt(column) if is_alone else column
        elif telling or column is not several[0]:
            why = "its values do not say what became of leads"
            yield replace(column, target=LEAVE_OUT, why=why, values=())
        else:
            yield column


def _tells(column: ColumnProposal) -> bool:
    return any(v.confidence == "sure" and v.meaning is not None for v in column.values)


def _with_no_in_doubt(column: ColumnProposal) -> ColumnProposal:
    if column.words not in ("converted", "lost") or column.is_decided:
        return column
    values = [replace(v, confidence="likely") if v.meaning is None else v for v in column.values]
    return replace(column, values=_open_first(values))
