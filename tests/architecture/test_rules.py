"""Rules of the house that a reader forgets first."""

import ast
import os
import subprocess
import sys

from tests.architecture.source import PRODUCT, ROOT, imported, sources

# Where an import may stand inside a function, and why.
INNER_IMPORTS: dict[str, str] = {}

UNSAFE_TO_LOAD = {
    "pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "joblib",
    "skops",
    "shelve",
    "marshal",
}
TRAINING_LIBRARIES = {"sklearn", "pandas", "numpy", "scipy", "apscheduler"}


def test_imports_go_one_way():
    program = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"
    run = python(program)
    assert run.returncode == 0, run.stdout


def test_imports_stand_at_the_top():
    inner = {
        f"{source.name}:{function.name} {name}"
        for source in sources(*PRODUCT, "tests")
        for function in source.nodes(ast.FunctionDef, ast.AsyncFunctionDef)
        for node in ast.walk(function)
        for name in imported(node)
    }
    assert inner == set(INNER_IMPORTS)


def test_imports_are_absolute():
    relative = {
        f"{source.name}:{node.lineno}"
        for source in sources(*PRODUCT, "tests")
        for node in source.nodes(ast.ImportFrom)
        if node.level
    }
    assert relative == set()


def test_only_write_commits():
    assert calls("commit", "ml", "webapp", "sync") == set()


def test_nothing_is_unpickled():
    unsafe = {
        f"{source.name}:{node.lineno}"
        for source in sources(*PRODUCT)
        for node in source.nodes(ast.Import, ast.ImportFrom)
        for name in imported(node)
        if name.split(".")[0] in UNSAFE_TO_LOAD
    }
    assert unsafe | calls("read_pickle", *PRODUCT) == set()


def test_the_web_process_loads_no_training_library(tmp_path):
    program = "import sys, wsgi; print(*{name.split('.')[0] for name in sys.modules})"
    run = python(program, LEADLOOP_DATA_DIR=str(tmp_path))
    assert run.returncode == 0, run.stderr
    assert TRAINING_LIBRARIES & set(run.stdout.split()) == set()


def test_no_test_is_skipped():
    skipped = {
        f"{source.name}:{node.lineno}"
        for source in sources("tests")
        for node in source.nodes(ast.Attribute)
        if node.attr in {"skip", "skipif", "xfail", "importorskip"}
    }
    assert skipped == set()


def test_a_module_with_tests_on_both_databases_lets_them_choose():
    """A `dialect` of its own that asks for no parameter would run them on one of them twice."""
    deaf = {
        source.name
        for source in sources("tests")
        if any(name.id == "ON_BOTH" for name in source.nodes(ast.Name))
        for function in source.nodes(ast.FunctionDef)
        if function.name == "dialect" and not function.args.args
    }
    assert deaf == set()


def calls(method, *folders):
    return {
        f"{source.name}:{node.lineno}"
        for source in sources(*folders)
        for node in source.nodes(ast.Call)
        if isinstance(node.func, ast.Attribute) and node.func.attr == method
    }


def python(program, **environment):
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
