"""The page that shows how to add a representation: its files are taken from it, and its own test is run."""

import importlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from hdray.config.load import from_yaml
from hdray.config.sweep_file import read_sweep
from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.fields.kind import Network
from hdray.fields.kinds import kind_of
from hdray.fields.sharing import network_keys
from hdray.pipeline.fit_stage import fit_keys
from hdray.pipeline.run_directory import RunDirectory

FILES = ("radial.py", "radial.yaml", "test_radial.py", "compare.yaml")
PAGE = Path(__file__).parents[1] / "docs" / "new-representation.md"


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of the page, in a folder that Python looks into."""
    return write_package(tmp_path_factory.mktemp("page"))


def write_package(folder: Path) -> Path:
    """Write what the page shows below the folder, which is returned."""
    blocks = re.findall(r"`(mine/[\w.]+)`:\n\n((?:(?:    .*)?\n)+)", PAGE.read_text())
    assert [name for name, _ in blocks] == [f"mine/{name}" for name in FILES]
    (folder / "mine").mkdir()
    for name, block in blocks:
        (folder / name).write_text(re.sub("^    ", "", block, flags=re.MULTILINE))
    return folder


@pytest.fixture(autouse=True)
def importable(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(mine)


def settings(kind: str) -> Config:
    return from_yaml(f"field: {{kind: '{kind}'}}".encode(), "a file")


def test_the_test_of_the_page_passes() -> None:
    module = importlib.import_module("mine.test_radial")
    tests = [getattr(module, name) for name in dir(module) if name.startswith("test_")]
    assert len(tests) == 1
    tests[0]()


def test_the_space_of_the_page_is_a_sweep(mine: Path) -> None:
    sweep = read_sweep(str(mine / "mine" / "compare.yaml"))
    kinds = [sweep.config(value, 0, "").field.kind for value in sweep.values]
    assert kinds == ["fourier-mlp", "mine.radial:RADIAL"]


def test_a_path_names_a_kind_that_decides_what_goes_together() -> None:
    assert kind_of("mine.radial:RADIAL").name == "radial"
    config = settings("mine.radial:RADIAL")
    assert config.field.kind == "mine.radial:RADIAL"
    wrong = b"{field: {kind: 'mine.radial:RADIAL'}, generator: {kind: latent-diffusion}}"
    with pytest.raises(UserError, match=r"must be hyperdiffusion with field\.kind = mine\.radial:RADIAL"):
        from_yaml(wrong, "a file")


def test_a_run_refuses_the_kind_once_it_has_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, config = importlib.import_module("mine.radial"), settings("mine.radial:RADIAL")
    run = RunDirectory(str(tmp_path))
    run.begin("fit", fit_keys(config), {}, "commits")
    run.finish("fit", 1.0)
    run.check("fit", fit_keys(config), {})
    monkeypatch.setattr(module, "RADIAL", replace(module.RADIAL, name="sharper"))
    with pytest.raises(UserError, match=r"field\.kind\.name was 'radial' and is now 'sharper'\. Give the former"):
        run.check("fit", fit_keys(config), {})


def test_networks_of_a_trainee_of_ones_own_belong_to_the_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    module, field = importlib.import_module("mine.radial"), settings("mine.radial:RADIAL").field
    theirs = Network(
        name="base", keys=lambda settings: ("width",)
    )  # trained as those of lora are, whoever asks for them
    keys = []
    for network in (theirs, replace(theirs, trainee=lambda *arguments: None)):
        for name in ("radial", "sharper"):
            monkeypatch.setattr(module, "RADIAL", replace(module.RADIAL, name=name, network=network))
            keys.append(network_keys(field))
    shared = {"network": "base", "field.width": field.width}
    assert keys[:2] == [shared, shared]
    own = {**shared, "field.kind": "mine.radial:RADIAL"}
    assert keys[2:] == [{**own, "field.kind.name": "radial"}, {**own, "field.kind.name": "sharper"}]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("mine.radial:RADIALL", "RADIALL in mine.radial must be a hdray.fields.kind.Kind, and is not there"),
        ("mine.radial:RadialField", "and is a type"),
        ("mine.radial:", "the name in mine.radial must be"),
        (
            "yours.radial:RADIAL",
            "(ModuleNotFoundError: No module named 'yours'); the folder that holds yours must be on",
        ),
        ("mine.broken:KIND", "(ZeroDivisionError: division by zero)"),
        (":RADIAL", "cannot be imported (ValueError"),
        ("mine.radial", "or package.module:NAME of a Kind of your own"),
    ],
)
def test_a_path_that_leads_to_no_kind_is_explained(mine: Path, kind: str, words: str) -> None:
    (mine / "mine" / "broken.py").write_text("1 / 0\n")
    with pytest.raises(UserError) as error:
        settings(kind)
    assert words in str(error.value) and f"{kind!r}" in str(error.value)
    assert "\n" not in str(error.value)
