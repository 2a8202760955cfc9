"""Who is erased is erased from kept files, too."""

import pytest

from tests.factories import NOW, make_import, make_lead
from webapp.services.imports import erasure, imports
from webapp.services.leads import removal


@pytest.fixture(scope="session")
def dialect():
    """The SQL is the plainest there is."""
    return "sqlite"


@pytest.fixture
def keep(write, tmp_path):
    """An import that waits with a file, and perhaps wrong rows."""

    def keep(text, wrong=None):
        found = write(make_import)
        write(lambda s: setattr(imports.by_key(s, found.key), "state", "matching"))
        (tmp_path / imports.FOLDER).mkdir(exist_ok=True)
        imports.file_path(tmp_path, found.path).write_text(text)
        if wrong is not None:
            imports.file_path(tmp_path, imports.rejected_name(found.path)).write_text(wrong)
        return found.key

    return keep


def test_files_that_name_an_erased_lead_are_deleted_and_their_imports_given_up(
    write, read, keep, tmp_path
):
    lead = write(lambda s: make_lead(s, "L-1", email="ada@example.com"))
    header, nobody = "id,email\n", "L-2,bob@example.com\n"
    named = [
        keep(header + "l-1 ,\n"),
        keep(header + nobody, wrong=header + "L-9,ADA@example.com\n"),
    ]
    other = keep(header + nobody, wrong=header + nobody)
    people = read(lambda s: removal.named_by(s, [lead.key]))
    assert read(lambda s: erasure.naming(s, tmp_path, people, NOW)) == named
    for key in named:
        write(lambda s, key=key: erasure.delete(s, tmp_path, key, NOW))
    kept = read(lambda s: imports.by_key(s, other))
    assert {path.name for path in (tmp_path / imports.FOLDER).iterdir()} == {
        kept.path,
        imports.rejected_name(kept.path),
    }
    states = [read(lambda s, key=key: imports.by_key(s, key).state) for key in (*named, other)]
    assert states == ["failed", "failed", "matching"]
