"""What the examples in docstrings say is what happens."""

import doctest
import importlib
import pkgutil

import pytest

import ml


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(ml.__path__)])
def test_the_examples_of_a_module_say_what_happens(name):
    assert doctest.testmod(importlib.import_module(f"ml.{name}")).failed == 0
