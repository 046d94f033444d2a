"""The public surface: names that resolve, words for each of them, examples that run."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import skerry

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
MODULES = {
    name: getattr(skerry, name)
    for name in skerry.__all__
    if inspect.ismodule(getattr(skerry, name))
}


def public(module):
    names = getattr(module, "__all__", None)
    if names is None:  # a module of its own: what it defines
        names = [
            n
            for n, v in vars(module).items()
            if getattr(v, "__module__", "") == module.__name__ and not n.startswith("_")
        ]
    return {name: getattr(module, name) for name in names}


def documented():
    """Every public class and function, by its dotted name, methods included."""
    found = {}
    for prefix, module in {
        "skerry": skerry,
        **{f"skerry.{k}": m for k, m in MODULES.items()},
    }.items():
        for name, thing in public(module).items():
            if inspect.isclass(thing) or inspect.isroutine(thing):
                found[f"{prefix}.{name}"] = thing
            if inspect.isclass(thing) and thing.__module__.startswith("skerry"):
                members = {k: v for k, v in vars(thing).items() if not k.startswith("_")}
                found |= {
                    f"{prefix}.{name}.{k}": v
                    for k, v in members.items()
                    if inspect.isroutine(v) or isinstance(v, property)
                }
    return found


DOCUMENTED = documented()


def test_public_names_are_sorted_unique_and_resolve():
    assert skerry.__all__ == sorted(set(skerry.__all__), key=str)
    for name in skerry.__all__:
        assert getattr(skerry, name) is not None
    assert dir(skerry) == sorted(skerry.__all__)


def test_every_name_that_is_loaded_late_is_public():
    late = {*skerry._HOMES, *skerry._MODULES, "__version__"}
    assert late == set(skerry.__all__)


def test_type_checkers_see_the_same_names():
    """The imports under TYPE_CHECKING are those that are loaded late."""
    tree = ast.parse(Path(skerry.__file__).read_text())
    block = next(
        node
        for node in tree.body
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
    )
    seen = {alias.name for node in block.body for alias in node.names}
    assert seen == {*skerry._HOMES, *skerry._MODULES}
    for node in block.body:
        if node.module != "skerry":
            homes = {skerry._HOMES[alias.name] for alias in node.names}
            assert homes == {node.module.removeprefix("skerry.")}


def test_a_star_import_brings_exactly_the_public_names():
    script = "from skerry import *; import skerry\nassert set(skerry.__all__) <= set(dir())"
    subprocess.run([sys.executable, "-c", script], check=True, env=os.environ)


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'skerry' has no attribute 'inffer'"):
        _ = skerry.inffer
    assert not hasattr(skerry, "numpy")


@pytest.mark.parametrize("first", ["skerry.fit", "skerry.inference", "skerry.training"])
def test_functions_are_not_shadowed_by_modules_whatever_is_imported_first(first):
    script = (
        f"import skerry\nmodule = {first!r}.split('.')[1]\n"
        "import importlib\n"
        "importlib.import_module(f'skerry.{module}') if module != 'fit' else skerry.fit\n"
        "assert callable(skerry.fit) and callable(skerry.infer) and callable(skerry.load)\n"
        "import skerry.inference, skerry.training\n"
        "assert callable(skerry.fit) and isinstance(skerry.Training, type)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env=os.environ)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_everything_public_has_a_docstring(name):
    thing = DOCUMENTED[name]
    own = thing.fget if isinstance(thing, property) else thing
    text = own.__doc__ or ""
    assert text.strip(), f"{name} has no docstring"
    generated = inspect.isclass(own) and text.startswith(f"{own.__name__}(")
    assert not generated, f"{name} has only the docstring that dataclass writes"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "src" / "skerry").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT))
)
def test_every_file_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize(
    "name",
    sorted(n for n, thing in DOCUMENTED.items() if inspect.isfunction(thing) and n.count(".") == 1),
)
def test_every_argument_of_a_main_function_is_described(name):
    function = DOCUMENTED[name]
    section = (function.__doc__ or "").split("Args:")[-1].split("Raises:")[0]
    for argument in inspect.signature(function).parameters:
        assert re.search(rf"^\s+{argument}: ", section, re.MULTILINE), f"{name}: {argument}"


def test_the_version_is_that_of_the_package():
    import tomllib

    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == (
        skerry.__version__
    )


def blocks(path):
    """The ```python blocks of a file, each with its first line's number."""
    text = path.read_text()
    found = re.finditer(r"^```python[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, m.start(1)) + 1, m.group(1)) for m in found]


def run_block(line, code, path):
    namespace = {"__name__": "__main__"}
    exec(compile("\n" * (line - 1) + code, str(path), "exec"), namespace)
    return namespace


def test_every_example_of_the_readme_runs(tmp_path, monkeypatch):
    """In one namespace a block, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    for line, code in blocks(README):
        run_block(line, code, README)


def test_an_example_that_fails_would_be_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A\n\n```python\na = 1\n```\n\n```\nnot code\n```\n\n```python\nb = a\n```\n")
    first, second = blocks(page)
    assert run_block(*first, page)["a"] == 1
    assert second == (12, "b = a\n")
    with pytest.raises(NameError):
        run_block(*second, page)
