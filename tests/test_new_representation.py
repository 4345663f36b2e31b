"""The page that shows how to add a representation: its files are taken from it, and its own test is run."""

import importlib
import re
from pathlib import Path

import pytest

from hdray.config.load import from_yaml
from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.fields.kinds import kind_of

PAGE = Path(__file__).parents[1] / "docs" / "new-representation.md"


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of the page, in a folder that Python looks into."""
    folder = tmp_path_factory.mktemp("page")
    blocks = re.findall(r"`(mine/[\w.]+)`:\n\n((?:(?:    .*)?\n)+)", PAGE.read_text())
    assert [name for name, _ in blocks] == ["mine/radial.py", "mine/radial.yaml", "mine/test_radial.py"]
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


def test_a_path_names_a_kind_that_decides_what_goes_together() -> None:
    assert kind_of("mine.radial:RADIAL").name == "radial"
    config = settings("mine.radial:RADIAL")
    assert config.field.kind == "mine.radial:RADIAL"
    wrong = b"{field: {kind: 'mine.radial:RADIAL'}, generator: {kind: latent-diffusion}}"
    with pytest.raises(UserError, match=r"must be hyperdiffusion with field\.kind = mine\.radial:RADIAL"):
        from_yaml(wrong, "a file")


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
