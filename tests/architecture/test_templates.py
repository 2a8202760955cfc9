"""A page's templates fit in a head, and so does a folder of them."""

import re

from tests.architecture.source import ROOT, sources

TEMPLATES = ROOT / "webapp/templates"
FILES_PER_FOLDER = 15
FILES_PER_PAGE = 12
REFERENCE = re.compile(r'\{%-?\s*(?:extends|include|from|import)\s+"([^"]+)"')
ANY_REFERENCE = re.compile(r"\{%-?\s*(?:extends|include|from|import)\s")


def test_no_folder_holds_more_than_15_templates():
    folders = [TEMPLATES, *(path for path in TEMPLATES.rglob("*") if path.is_dir())]
    counts = {f.name: sum(path.is_file() for path in f.iterdir()) for f in folders}
    assert counts
    assert {name: n for name, n in counts.items() if n > FILES_PER_FOLDER} == {}


def test_no_page_reaches_more_than_12_templates():
    pages = {name: len(reached(name)) for name in rendered()}
    assert len(pages) > 20
    assert {name: n for name, n in pages.items() if n > FILES_PER_PAGE} == {}


def test_every_template_is_reached_by_a_page():
    names = {path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.*")}
    assert names - set().union(*map(reached, rendered())) == set()


def test_every_reference_between_templates_is_a_plain_name():
    texts = [path.read_text() for path in TEMPLATES.rglob("*.*")]
    assert sum(len(ANY_REFERENCE.findall(t)) for t in texts) == sum(
        len(REFERENCE.findall(t)) for t in texts
    )


def rendered():
    """The templates that the Python code names."""
    texts = [source.text for source in sources("webapp")]
    return {name for t in texts for name in re.findall(r'"([\w/]+\.(?:html|md))"', t)}


def reached(name, seen=()):
    """The template and all that it extends, includes or imports, at any distance."""
    if name in seen:
        return set(seen)
    found = {*seen, name}
    for part in REFERENCE.findall((TEMPLATES / name).read_text()):
        found |= reached(part, tuple(found))
    return found
