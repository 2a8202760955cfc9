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


# What serves any CRM: all of it but what belongs to one, and the settings that are its own.
ANY_CRM = ("sync/crm", "webapp/services/crm", "webapp/pages/crm", "webapp/templates/crm")
ONE_CRM = (
    "webapp/services/crm/kinds",
    "webapp/services/crm/credentials.py",
    "webapp/pages/crm/connection.py",
    "webapp/templates/crm/connection",
)
ITS_SETTINGS = re.compile(r"salesforce_[\w{]+|LEADLOOP_SALESFORCE_\w+")


def test_what_serves_any_crm_names_none():
    paths = [path for folder in ANY_CRM for path in (ROOT / folder).rglob("*.*")]
    texts = {path.relative_to(ROOT).as_posix(): path for path in paths if path.suffix != ".pyc"}
    neutral = {
        name: path.read_text() for name, path in texts.items() if not name.startswith(ONE_CRM)
    }
    assert len(neutral) > 50
    naming = {n for n, t in neutral.items() if "salesforce" in ITS_SETTINGS.sub("", t).casefold()}
    assert naming == set()


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
