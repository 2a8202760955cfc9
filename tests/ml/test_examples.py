"""What the examples in docstrings say is what happens."""

import doctest
import importlib
import pkgutil

import pytest

import ml

MODULES = [module.name for module in pkgutil.walk_packages(ml.__path__, "ml.")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_say_what_happens(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_examples_are_found_in_the_packages_too():
    finder = doctest.DocTestFinder()
    found = [test for name in MODULES for test in finder.find(importlib.import_module(name))]
    assert sum(bool(test.examples) for test in found) >= 30
