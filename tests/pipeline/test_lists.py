from pathlib import Path

import pytest

from hdray.errors import UserError
from hdray.pipeline.lists import named, read_names, read_table

SOURCES = ["planes/a.obj", "planes/b.ply", "b.obj", "cars/a1.obj"]


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("planes/a.obj\n\n b \n", ["planes/a.obj", "b"]),
        ("file,why\nplanes/a.obj,it is bad\nb,\n", ["planes/a.obj", "b"]),
        ("1a04e3\n", ["1a04e3"]),
    ],
)
def test_names_are_lines_or_a_first_column(tmp_path: Path, content: str, names: list[str]) -> None:
    (tmp_path / "list").write_text(content)
    assert read_names(str(tmp_path / "list")) == names


def test_a_shape_is_named_by_path_file_or_stem() -> None:
    assert named(SOURCES, ["planes/a.obj"]) == {"planes/a.obj"}
    assert named(SOURCES, ["b.obj"]) == {"b.obj"}
    assert named(SOURCES, ["b", "a1"]) == {"planes/b.ply", "b.obj", "cars/a1.obj"}
    assert named(SOURCES, ["planes", "obj", ""]) == set()


def test_what_is_no_list_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="gone cannot be read as a list of files"):
        read_names(str(tmp_path / "gone"))
    (tmp_path / "empty").write_text("file\n\n")
    with pytest.raises(UserError, match="holds no names; give a file a line"):
        read_names(str(tmp_path / "empty"))
    (tmp_path / "other").write_text("name,split\na,b\n")
    with pytest.raises(UserError, match="must be a CSV file with the columns file,split"):
        read_table(str(tmp_path / "other"), "split")
