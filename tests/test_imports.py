"""The rules of the pure world: it never reaches Ray or DeepSpeed, its core is imported with torch and numpy alone.

`make test` also runs the pure packages' own tests where neither engine can be imported (tests/without_engine).
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENGINES = {"ray", "deepspeed"}
PURE = ("signals", "fields", "fitting", "generators", "surfaces", "metrics", "report")
TORCH_ALONE = ("fields", "fitting", "generators", "metrics", "seeds", "settings", "errors")

# Imports every module named on standard input; a third-party package outside `allowed` cannot be found meanwhile.
IMPORT_ALONE = """
import importlib, importlib.abc, sys

allowed = set(sys.argv[1].split(",")) | set(sys.stdlib_module_names) | {"hdray"}
hidden = set(sys.argv[2].split(",")) - {""}

class Hide(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        top = name.partition(".")[0]
        if top in hidden or ("*" not in allowed and top not in allowed):
            raise ModuleNotFoundError(f"No module named {name!r} (hidden by this test)", name=name)

sys.meta_path.insert(0, Hide())
for name in sys.stdin.read().split():
    importlib.import_module(name)
"""


def modules_of(*packages: str) -> list[str]:
    """Dotted names of all modules of these packages (or single modules) of hdray."""
    found = []
    for package in packages:
        path = ROOT / "hdray" / package
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
        found += [".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in files]
    return found


def source_of(module: str) -> Path | None:
    """The file of a dotted module of hdray, or None when there is no such module."""
    path = ROOT.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()), None)


def imported_by(module: str, source: str) -> set[str]:
    """Dotted names that a module's source imports anywhere, functions included; `from a import b` gives a and a.b."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively: {ast.unparse(node)}"
            names |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def engine_imports(start: list[str]) -> list[str]:
    """'module -> engine' for every import of an engine that can be reached from the modules in `start`."""
    reached, waiting, found = set(), list(start), []
    while waiting:
        module = waiting.pop()
        if module in reached:
            continue
        reached.add(module)
        file = source_of(module)
        if file is None:
            continue  # `from hdray.x import name` where name is no module
        for name in imported_by(module, file.read_text()):
            top = name.partition(".")[0]
            if top in ENGINES:
                found.append(f"{module} -> {name}")
            elif top == "hdray":
                parts = name.split(".")
                waiting += [".".join(parts[: length + 1]) for length in range(len(parts))]
    return found


def import_alone(modules: list[str], allowed: set[str], hidden: set[str]) -> subprocess.CompletedProcess[str]:
    """Import `modules` in a new interpreter that finds only `allowed` packages ("*": all), and none of `hidden`."""
    return subprocess.run(
        [sys.executable, "-c", IMPORT_ALONE, ",".join(allowed), ",".join(hidden)],
        input="\n".join(modules),
        text=True,
        capture_output=True,
        cwd=ROOT,
    )


def test_no_engine_is_reachable_from_the_pure_world():
    modules = modules_of(*PURE)
    assert len(modules) > 2 * len(PURE)
    assert engine_imports(modules) == []


def test_reaching_an_engine_is_noticed():
    source = "def late():\n    from ray import data\n    import deepspeed.comm as comm\n"
    assert imported_by("hdray.example", source) == {"ray", "ray.data", "deepspeed.comm"}
    assert engine_imports(modules_of("pipeline"))


def test_pure_world_imports_without_engines():
    result = import_alone(modules_of(*PURE), {"*"}, ENGINES)
    assert result.returncode == 0, result.stderr


def test_core_imports_with_torch_and_numpy_alone():
    result = import_alone(modules_of(*TORCH_ALONE), {"numpy", "torch"} | needs_of_torch(), ENGINES)
    assert result.returncode == 0, result.stderr


def test_actors_that_sample_shapes_do_without_torch():
    """There is one for every CPU, and torch is most of what it would import."""
    result = import_alone(modules_of("pipeline/sampling", "pipeline/duplicates"), {"*"}, {"torch"})
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("package", TORCH_ALONE)
def test_functions_of_the_core_need_what_the_readme_names(package):
    """Which is all that they import when they are called: of `metrics` some packages, of the others none."""
    named = {
        "scipy": "scipy",
        "sklearn": "scikit-learn",
        **{name: name for name in ("pykdtree", "threadpoolctl", "fsspec")},
    }
    modules = {module: source_of(module).read_text() for module in modules_of(package)}
    imported = {name.partition(".")[0] for module, source in modules.items() for name in imported_by(module, source)}
    further = imported - set(sys.stdlib_module_names) - {"hdray", "torch", "numpy"}
    assert further == (set(named) if package == "metrics" else set())
    said = " ".join(
        (ROOT / "README.md").read_text().partition("some functions of `metrics` need ")[2].split()
    ).partition(" when")[0]
    assert set(re.split(", | or ", said)) == set(named.values())


@pytest.mark.parametrize("package", ["ray", "trimesh", "scipy", "pydantic"])
def test_hidden_packages_cannot_be_imported(package):
    result = import_alone([package], {"numpy", "torch"} | needs_of_torch(), ENGINES)
    assert result.returncode == 1
    assert f"No module named '{package}' (hidden by this test)" in result.stderr


def needs_of_torch() -> set[str]:
    """Top-level modules of the packages that torch itself depends on, and of what torch ships beside itself."""
    from importlib.metadata import PackageNotFoundError, distribution, packages_distributions

    needed, waiting = set(), ["torch"]
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in needed:
            continue
        needed.add(name)
        try:
            requirements = distribution(name).requires or []
        except PackageNotFoundError:
            continue  # for another platform
        waiting += [re.match(r"[\w.-]+", text)[0] for text in requirements if "extra ==" not in text]
    normal = {
        module: {re.sub(r"[-_.]+", "-", name).lower() for name in names}
        for module, names in packages_distributions().items()
    }
    return {module for module, names in normal.items() if names & needed}


def test_makefile_runs_the_tests_of_every_pure_package_without_engines():
    line = re.search(r"^PURE := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(line[1].split()) == set(PURE)
