from pathlib import Path

import pytest

from hdray.errors import UserError
from hdray.pipeline.lists import few, named, read_names, read_table

SOURCES = ["planes/a.obj", "planes/b.ply", "b.obj", "cars/a1.obj"]


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("planes/a.obj\n\n b \n", ["planes/a.obj", "b"]),
        ("file,why\nplanes/a.obj,it is bad\nb,\n", ["planes/a.obj", "b"]),
        ("id, file\n1,planes/a.obj\n2\n3, b \n", ["planes/a.obj", "b"]),
        ("\ufefffile\r\nb\r\n", ["b"]),
        ("1a04e3\n", ["1a04e3"]),
        ("a, b.obj\n", ["a, b.obj"]),
    ],
)
def test_names_are_lines_or_the_column_file(tmp_path: Path, content: str, names: list[str]) -> None:
    (tmp_path / "list").write_text(content, newline="")
    assert read_names(str(tmp_path / "list")) == names


def test_a_shape_is_named_by_path_file_or_stem() -> None:
    assert named(SOURCES, ["planes/a.obj", "b.obj", "b.ply", "a1"], "list") == {
        "planes/a.obj": "planes/a.obj", "b.obj": "b.obj", "b.ply": "planes/b.ply", "a1": "cars/a1.obj",
    }  # fmt: skip
    assert named(SOURCES, ["planes", "obj", "a"], "list") == {"planes": None, "obj": None, "a": "planes/a.obj"}
    assert named(["cars/b.obj", *SOURCES], ["b.obj"], "list") == {"b.obj": "b.obj"}, "a path is a path"


@pytest.mark.parametrize("name", ["b", "c.obj"])
def test_a_name_of_several_shapes_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=rf"bad\.txt has {name}, which 2 shapes are called, .* give their paths"):
        named([*SOURCES, "one/c.obj", "two/c.obj"], ["planes/a.obj", name], "bad.txt")


def test_few_names_are_mentioned_of_many() -> None:
    assert few(list("abcde")) == "a, b, c, d, e"
    assert few(list("abcdefg")) == "a, b, c, d, e and 2 more"


def test_what_is_no_list_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="gone cannot be read as a list of files"):
        read_names(str(tmp_path / "gone"))
    (tmp_path / "empty").write_text("file\n\n")
    with pytest.raises(UserError, match="holds no names; give a file a line"):
        read_names(str(tmp_path / "empty"))
    (tmp_path / "other").write_text("name,split\na,b\n")
    with pytest.raises(UserError, match="must be a CSV file with the columns file,split"):
        read_table(str(tmp_path / "other"), "split")
