"""The form of the step *Match*: what was answered, and the rows and questions that ask for it.

Of each column, by its place, the form sends `target.0`; where it matters `day_first.0`,
`decimal.0` and `value.0:key` for each value; and `new.0.label`, `new.0.type` and `new.0.choices` of
a field to declare for it. Of the whole file it sends `id`, `time_zone` and `empty_clears`.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from werkzeug.datastructures import MultiDict

from ml.fields.fields_file import Fields, Value, category_key
from ml.sentences import gettext
from webapp.pages.fields import field_form
from webapp.services.imports.cells.numbers import DecimalMark
from webapp.services.imports.matching.mapping import (
    LEAD_ID,
    LEAVE_OUT,
    OUTCOME,
    TARGETS_BESIDE_FIELDS,
    ColumnMapping,
    Mapping,
)
from webapp.services.imports.matching.proposal import ColumnProposal, ValueProposal, new_field
from webapp.services.imports.matching.questions import Matching
from webapp.tables import NEVER_WORKED, Meaning

Form = MultiDict[str, str]
Options = list[tuple[str, str]]

NEW_FIELD = "+new"
ADD_TO_LIST = "+add"
UNDECIDED = ""
EMAIL = "email"
OUTCOMES: dict[str, Meaning] = {
    "converted": True,
    "lost": False,
    NEVER_WORKED: NEVER_WORKED,
    "open": None,
}
OUTCOME_OPTIONS = [
    ("converted", "Converted"),
    ("lost", "Lost"),
    (NEVER_WORKED, gettext("Not worked")),
    ("open", gettext("No outcome yet")),
]
BOOLEANS: dict[str, Value] = {"yes": True, "no": False}
STAYS_UNKNOWN = (UNDECIDED, gettext("Stays unknown"))
# A choice of a field, behind a mark that no other answer begins with.
CHOICE = "="
USUAL_ZONE = "UTC"


@dataclass(frozen=True)
class ValueChoice:
    """A value of a column, how many rows have it, and what it may mean."""

    name: str
    value: str
    n: int
    chosen: str
    options: Options


@dataclass(frozen=True)
class MatchRow:
    """One column in the form; `values` fold out, `asked` stand on top, `new` is a field's texts."""

    place: int
    column: ColumnProposal
    chosen: str
    values: list[ValueChoice]
    asked: list[ValueChoice]
    asks_day_order: bool
    asks_decimal: bool
    new: dict[str, str] | None
    errors: dict[str, str]

    @property
    def needs_a_look(self) -> bool:
        """Whether the proposal is unsure, so that a person should look at it."""
        return self.column.confidence != "sure" and self.chosen == self.column.target


@dataclass(frozen=True)
class Answers:
    """The mapping answered, and by place fields and values of lists to declare for it first."""

    mapping: Mapping
    new_fields: dict[int, dict[str, Any]]
    new_choices: list[tuple[str, str]]

    def with_fields(self, names: dict[int, str]) -> Mapping:
        """The mapping once the new fields are declared, by their names."""
        columns = list(self.mapping.columns)
        for place, name in names.items():
            columns[place] = columns[place].model_copy(update={"target": name})
        return self.mapping.model_copy(update={"columns": tuple(columns)})


def drafted(form: Form, header: Sequence[str]) -> Mapping:
    """The targets that were chosen; a field still to be declared leaves its column out."""
    chosen = (form.get(f"target.{place}", LEAVE_OUT) for place in range(len(header)))
    targets = [LEAVE_OUT if target == NEW_FIELD else target for target in chosen]
    identified = form.get("id", "")
    if identified:
        targets = [LEAVE_OUT if target == LEAD_ID else target for target in targets]
    places = [str(place) for place in range(len(targets))]
    if identified in places:
        targets[places.index(identified)] = LEAD_ID
    columns = (ColumnMapping(name=n, target=t) for n, t in zip(header, targets, strict=True))
    return Mapping(columns=tuple(columns))


def answers(form: Form, shown: Matching, fields: Fields) -> Answers:
    """Read the form; `shown` is what is asked with the targets that it names."""
    draft = drafted(form, [column.column.name for column in shown.columns])
    parts = [_Part(form, shown, fields, place) for place in range(len(shown.columns))]
    columns = tuple(map(_Part.answered, parts, draft.columns))
    mapping = Mapping(
        columns=columns,
        time_zone=form.get("time_zone", "").strip() or shown.mapping.time_zone,
        empty_clears="empty_clears" in form,
        id_from_email=form.get("id") == EMAIL and all(c.target != LEAD_ID for c in columns),
    )
    return Answers(
        mapping,
        new_fields={
            part.place: field_form.entry_from(MultiDict(part.new_texts()), fields)
            for part in parts
            if part.is_new_field
        },
        new_choices=[choice for part in parts for choice in part.new_choices()],
    )


def rows(
    form: Form, shown: Matching, fields: Fields, errors: dict[int, dict[str, str]]
) -> list[MatchRow]:
    """A row for each column, as chosen or proposed; `errors` of new fields come by place."""
    return [
        _Part(form, shown, fields, place).row(errors.get(place, {}))
        for place in range(len(shown.columns))
    ]


def target_groups(fields: Fields, meant: Collection[str]) -> list[tuple[str, Options]]:
    """All that a column may mean, in groups; of fields that forms do not show those `meant`."""
    beside = list(TARGETS_BESIDE_FIELDS.items())
    of_outcomes = [option for option in beside if option[0].startswith(("outcome", OUTCOME))]
    people = [option for option in beside if option not in of_outcomes]
    own = [
        (
            field.name,
            gettext("%(label)s (retired)", label=field.label) if field.retired else field.label,
        )
        for field in fields
        if field.declared or field.name in meant
    ]
    return [
        (gettext("The lead"), people),
        (gettext("Its outcome"), of_outcomes),
        (gettext("Fields"), own),
    ]


def id_options(shown: Matching) -> Options:
    """What may identify leads where no column surely does: columns by place, or the e-mail."""
    kinds = {question.kind for question in shown.questions}
    if not kinds & {"lead_id", "id_from_email"}:
        return []
    likely = [
        (str(place), gettext("The column “%(name)s”", name=column.column.name))
        for place, column in enumerate(shown.columns)
        if column.target == LEAD_ID
    ]
    emails = [c.column.name for c in shown.columns if c.target == "email"]
    return likely + [(EMAIL, f"The e-mail address in “{name}”") for name in emails[:1]]


class _Part:
    """One column in the form."""

    def __init__(self, form: Form, shown: Matching, fields: Fields, place: int) -> None:
        self.form, self.shown, self.place = form, shown, place
        self.column = shown.columns[place]
        is_of_field = self.column.target in fields
        self.field = fields[self.column.target] if is_of_field else None
        self.is_new_field = form.get(f"target.{place}") == NEW_FIELD

    def answered(self, chosen: ColumnMapping) -> ColumnMapping:
        """What was said of the column; answers to other targets than its own do not count."""
        if chosen.target != self.column.target:
            return chosen
        before = self.shown.proposed.columns[self.place]
        order = self.form.get(f"day_first.{self.place}")
        decimal = self.form.get(f"decimal.{self.place}")
        return chosen.model_copy(
            update={
                "words": self.column.words,
                "fills": self.column.fills,
                "values": dict(self._decided_values()),
                "day_first": order == "day" if order in ("day", "month") else before.day_first,
                "decimal": decimal if decimal in get_args(DecimalMark) else before.decimal,
            }
        )

    def new_choices(self) -> Iterator[tuple[str, str]]:
        for value in self.column.values:
            if self.form.get(self._name(value)) == ADD_TO_LIST:
                yield self.column.target, value.value.strip()

    def new_texts(self) -> dict[str, str]:
        """What the controls of a new field show: as they were filled in, or as proposed."""
        prefix = f"new.{self.place}."
        if f"{prefix}label" in self.form:
            keys = ("label", "type", "choices")
            return {"use": "1"} | {key: self.form.get(f"{prefix}{key}", "") for key in keys}
        entry: dict[str, Any] = new_field(self.column.column)
        choices = "\n".join(entry.get("choices", ()))
        return {"label": entry["label"], "type": entry["type"], "choices": choices, "use": "1"}

    def row(self, errors: dict[str, str]) -> MatchRow:
        name, choices = self.column.column.name, self._value_choices()
        questions = [q for q in self.shown.questions if q.column == name]
        asked_keys = {category_key(q.value or "") for q in questions if q.kind == "outcome"}
        asked = [choice for key, choice in choices.items() if key in asked_keys]
        kinds = {question.kind for question in questions}
        return MatchRow(
            place=self.place,
            column=self.column,
            chosen=NEW_FIELD if self.is_new_field else self.column.target,
            values=[choice for choice in choices.values() if choice not in asked],
            asked=asked,
            asks_day_order="day_first" in kinds,
            asks_decimal="decimal" in kinds or self._is_new_and_ambiguous(),
            new=self.new_texts() if self.is_new_field else None,
            errors=errors,
        )

    def _is_new_and_ambiguous(self) -> bool:
        """Whether a field of numbers is declared whose cells do not tell their decimal mark."""
        is_of_numbers = self.is_new_field and self.new_texts()["type"] == "number"
        return is_of_numbers and self.column.column.decimal(point_is_usual=False)[0] is None

    def _decided_values(self) -> Iterator[tuple[str, Value]]:
        """The values that somebody has decided, now or earlier, by their keys."""
        known = self.shown.mapping.column_at(self.place, self.column.column.name)
        if known is not None and known.target == self.column.target:
            yield from known.values.items()
        for value in self.column.values:
            answer = self.form.get(self._name(value))
            if answer is None or answer == ADD_TO_LIST:
                continue
            meaning = self._meaning(answer)
            is_answer = answer != UNDECIDED and value.confidence != "sure"
            # An outcome without an answer stays a question.
            is_no_answer = answer == UNDECIDED and self.column.target == OUTCOME
            if (is_answer or meaning != value.meaning) and not is_no_answer:
                yield category_key(value.value), meaning

    def _meaning(self, answer: str) -> Value:
        if self.column.target == OUTCOME:
            return OUTCOMES.get(answer)
        is_choice = answer.startswith(CHOICE)
        return answer.removeprefix(CHOICE) if is_choice else BOOLEANS.get(answer)

    def _value_choices(self) -> dict[str, ValueChoice]:
        """The values of the column by key, each once however it is written."""
        found: dict[str, ValueChoice] = {}
        for value in self.column.values:
            key, name, options = category_key(value.value), self._name(value), self._options(value)
            if key in found:
                found[key] = replace(found[key], n=found[key].n + value.n)
                continue
            answer = self.form.get(name)
            is_possible = answer in {option for option, _ in options}
            chosen = answer if answer is not None and is_possible else self._proposed(value)
            found[key] = ValueChoice(name, value.value, value.n, chosen, options)
        return found

    def _options(self, value: ValueProposal) -> Options:
        is_open = value.confidence != "sure"
        if self.column.target == OUTCOME:
            return [(UNDECIDED, "Choose …"), *OUTCOME_OPTIONS] if is_open else OUTCOME_OPTIONS
        if self.field is None or not self.field.choices:
            return [("yes", gettext("Yes")), ("no", gettext("No")), STAYS_UNKNOWN]
        choices = [(f"{CHOICE}{choice}", choice) for choice in self.field.choices]
        adding = (
            [(ADD_TO_LIST, gettext("Add “%(value)s” to the list", value=value.value[:40]))]
            if is_open
            else []
        )
        return [STAYS_UNKNOWN, *choices, *adding]

    def _proposed(self, value: ValueProposal) -> str:
        """The answer that is proposed; none for an outcome that nothing in its words tells."""
        meaning = value.meaning
        if self.column.target == OUTCOME:
            if value.confidence != "sure" and meaning is None:
                return UNDECIDED
            return next(word for word, known in OUTCOMES.items() if known == meaning)
        if isinstance(meaning, bool):
            return "yes" if meaning else "no"
        return UNDECIDED if meaning is None else f"{CHOICE}{meaning}"

    def _name(self, value: ValueProposal) -> str:
        return f"value.{self.place}:{category_key(value.value)}"
