"""Where things stand: short ways from one module to another, few files in a folder."""

import ast
import re
from collections import Counter
from graphlib import TopologicalSorter

from tests.architecture.source import PRODUCT, ROOT, Source, imported, sources

CHAIN_MODULES = 14
FOLDER_MODULES = 15
LAYERS = ("ml", "webapp", "sync", "demo")
NEITHER_MAX_NOR_MIN = re.compile("_?(MOST|LEAST|FEWEST|LONGEST|SHORTEST|LARGEST|SMALLEST)(_|$)")


def test_no_chain_of_imports_is_too_long():
    chain = longest_chain({module_name(source): source for source in sources(*LAYERS)})
    assert len(chain) <= CHAIN_MODULES, " -> ".join(chain)


def test_no_folder_has_more_than_15_modules():
    modules = (s for s in sources(*PRODUCT, "tests") if s.path.name != "__init__.py")
    folders = Counter(source.path.parent.relative_to(ROOT).as_posix() for source in modules)
    assert {folder: n for folder, n in folders.items() if n > FOLDER_MODULES} == {}


def test_limits_are_named_max_and_min():
    named = {
        f"{source.name}:{node.lineno} {node.id}"
        for source in sources(*PRODUCT, "tests")
        for node in source.nodes(ast.Name)
        if isinstance(node.ctx, ast.Store) and NEITHER_MAX_NOR_MIN.match(node.id)
    }
    assert named == set()


def test_only_tests_import_from_tests():
    at_the_top = [Source(path) for path in ROOT.glob("*.py")]
    borrowed = {
        f"{source.name}:{node.lineno}"
        for source in [*sources(*PRODUCT, "migrations"), *at_the_top]
        for node in source.nodes(ast.Import, ast.ImportFrom)
        for name in imported(node)
        if name.split(".")[0] == "tests"
    }
    assert borrowed == set()


A_CRM = re.compile("salesforce|hubspot", re.IGNORECASE)
# What is one CRM's alone: its adapter, its kind, and the guide of its set-up.
ONE_CRM = (
    "sync/salesforce/",
    "webapp/services/crm/kinds/",
    "webapp/templates/crm/connection/salesforce_guide.html",
)
# Who else may name one, and why.
NAMES_A_CRM = {
    "sync/scheduler.py": "the table of adapters",
    "webapp/config.py": "each CRM has settings of its own, which begin with its key",
    "ml/fields/types.py": "the fields file says where each CRM has a field, by its key",
    "ml/fields/checks.py": "the same entry",
    "webapp/pages/fields/field_form.py": "the same entry",
    "webapp/templates/fields/_form.html": "the same entry",
    "webapp/services/imports/matching/synonyms.py": "columns as exports of each CRM name them",
    "webapp/services/accounts/passwords.py": "a password made of its name is easy to guess",
    "webapp/services/leads/records.py": "every way in reads the two forms of Salesforce's ids",
    "webapp/services/leads/removal.py": "so do files in which a lead is looked for",
}


def test_what_serves_any_crm_names_none():
    paths = [path for folder in LAYERS[:3] for path in (ROOT / folder).rglob("*.*")]
    texts = {
        path.relative_to(ROOT).as_posix(): path.read_text()
        for path in paths
        if path.suffix in {".py", ".html", ".js", ".css", ".md", ".toml"}
    }
    assert len(texts) > 300
    naming = {name for name, text in texts.items() if A_CRM.search(text)}
    assert {name for name in naming if not name.startswith(ONE_CRM)} == set(NAMES_A_CRM)


def longest_chain(modules: dict[str, Source]) -> list[str]:
    """The names from one module to the last that it reaches; a cycle is an error."""
    neighbours = {name: imported_modules(source, modules) for name, source in modules.items()}
    chains: dict[str, list[str]] = {}
    for name in TopologicalSorter(neighbours).static_order():
        onward = (chains[neighbour] for neighbour in neighbours[name])
        chains[name] = [name, *max(onward, key=len, default=[])]
    return max(chains.values(), key=len)


def imported_modules(source: Source, modules: dict[str, Source]) -> set[str]:
    names = (name for node in source.nodes(ast.Import, ast.ImportFrom) for name in imported(node))
    return {name if name in modules else name.rpartition(".")[0] for name in names} & set(modules)


def module_name(source: Source) -> str:
    return source.name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
