import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from hdray.config.load import from_yaml, result_keys
from hdray.config.tree import Config, InputSettings
from hdray.errors import UserError
from hdray.generators.settings import GenerateSettings
from hdray.pipeline.inputs import instance_id, list_inputs, read_content
from hdray.signals.mesh_file import read_mesh
from hdray.signals.rejection import Rejected
from hdray.signals.settings import OccupancySettings


def config(data: Path | str, **inputs: object) -> Config:
    return Config(data=str(data), inputs=InputSettings(**inputs))


def test_a_folder_is_listed_with_what_is_not_a_shape(mesh_folder: Path) -> None:
    (mesh_folder / "notes.txt").write_text("not a shape")
    (mesh_folder / "BOX.OBJ").write_bytes((mesh_folder / "box.obj").read_bytes())
    inputs, others = list_inputs(config(mesh_folder))
    assert {item.source for item in inputs} == {
        "box.obj", "BOX.OBJ", "cylinder.off", "cone.ply", "capsule.stl", "round/ball.glb", "round/torus.gltf",
    }  # fmt: skip
    assert others == ["notes.txt"]
    assert [item.id for item in inputs] == sorted(instance_id(item.source) for item in inputs)
    assert {item.source: item.category for item in inputs}["round/ball.glb"] == "round"


def test_the_same_files_in_a_bucket_have_the_same_ids_and_splits(mesh_folder: Path, s3: str) -> None:
    import s3fs

    s3fs.S3FileSystem().put(str(mesh_folder), f"{s3}/meshes", recursive=True)
    here, _ = list_inputs(config(mesh_folder))
    there, _ = list_inputs(config(f"{s3}/meshes"))
    assert [(item.id, item.split) for item in here] == [(item.id, item.split) for item in there]
    content, extension = read_content(config(f"{s3}/meshes"), "box.obj")
    assert (content, extension) == ((mesh_folder / "box.obj").read_bytes(), ".obj")


def test_a_family_shares_a_split(mesh_folder: Path) -> None:
    names = [f"part{number}.obj" for number in range(40)]
    for name in names:
        (mesh_folder / name).write_bytes((mesh_folder / "box.obj").read_bytes())
    rows = [f"{name},{'left' if number % 2 else 'right'}" for number, name in enumerate(names)]
    (mesh_folder / "families.csv").write_text("\n".join(["file,family", *rows]))
    inputs, others = list_inputs(config(mesh_folder, validation_share=0.3, test_share=0.3))
    for family in ("left", "right"):
        assert len({item.split for item in inputs if item.family == family}) == 1
    assert others == ["families.csv"]


def test_families_by_a_pattern_and_one_left_out(tmp_path: Path) -> None:
    for name in ("Horse_Walk", "Horse_White_Walk", "Horse_Eating", "Deer_Walk", "Fox_Eating"):
        (tmp_path / f"{name}.obj").write_text("")
    by_animal = config(tmp_path, family_pattern="([A-Za-z]+)_", test_families="Horse, Deer")
    inputs, _ = list_inputs(by_animal)
    assert {item.source: (item.family, item.split) for item in inputs} == {
        "Horse_Walk.obj": ("Horse", "test"),
        "Horse_White_Walk.obj": ("Horse", "test"),
        "Horse_Eating.obj": ("Horse", "test"),
        "Deer_Walk.obj": ("Deer", "test"),
        "Fox_Eating.obj": ("Fox", "train"),
    }
    by_action, _ = list_inputs(config(tmp_path, family_pattern=r"_([A-Za-z]+)\.", test_families="Eating"))
    assert {item.source for item in by_action if item.split == "test"} == {"Horse_Eating.obj", "Fox_Eating.obj"}
    with pytest.raises(UserError, match=r"'Cat', which is no family of the data \(Deer, Fox, Horse\)"):
        list_inputs(config(tmp_path, family_pattern="([A-Za-z]+)_", test_families="Cat"))
    with pytest.raises(UserError, match="found in none of the paths"):
        list_inputs(config(tmp_path, family_pattern="(x)y"))
    for wrong in ("(", "a", "(a)(b)"):
        with pytest.raises(ValueError, match="a regular expression with one group"):
            config(tmp_path, family_pattern=wrong)


def test_categories_by_folder_by_a_pattern_or_by_a_file(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for name in ("seats/a_chair.obj", "seats/old/b_stool.obj", "c_lamp.obj"):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text("")

    def categories(**inputs: object) -> dict[str, str]:
        return {item.source[-9:-4]: item.category for item in list_inputs(config(data, **inputs))[0]}

    assert categories() == {"chair": "seats", "stool": "seats", "_lamp": ""}
    assert categories(category_pattern="_([a-m]+)") == {"chair": "chai", "stool": "", "_lamp": "lam"}
    listed = tmp_path / "listed.csv"
    listed.write_text("file,category\nc_lamp.obj,light\n")
    assert categories(category_file=str(listed)) == {"chair": "", "stool": "", "_lamp": "light"}
    (data / "categories.csv").write_text("file,category\nseats/a_chair.obj,mine\n")
    assert categories() == {"chair": "mine", "stool": "", "_lamp": ""}
    assert list_inputs(config(data))[1] == ["categories.csv"]
    assert categories(category_file=str(listed))["_lamp"] == "light"
    listed.write_text("file,category\nd.obj,light\n")
    with pytest.raises(
        UserError, match=r"listed.csv names none of the shapes in the data; its column 'file' holds paths"
    ):
        categories(category_file=str(listed))
    with pytest.raises(UserError, match=r"inputs.category_pattern '\(x\)y' is found in none of the paths"):
        categories(category_pattern="(x)y")
    with pytest.raises(ValueError, match=r"category_pattern = .* must be empty where category_file is given"):
        config(data, category_pattern="(a)", category_file="a.csv")


def test_animations_are_other_files(tmp_path: Path) -> None:
    for name in ("a.anime", "b.glb", "c.obj"):
        (tmp_path / name).write_text("")
    moving = Config(
        data=str(tmp_path), signal=OccupancySettings(frames=4), generate=GenerateSettings(mesh_format="glb")
    )
    inputs, others = list_inputs(moving)
    assert ({item.source for item in inputs}, others) == ({"a.anime", "b.glb"}, ["c.obj"])
    with pytest.raises(UserError, match="the embedded shapes stand still"):
        list_inputs(replace(moving, data=""))
    with pytest.raises(ValueError, match="glb for animations"):
        replace(moving, generate=GenerateSettings(mesh_format="ply"))


def test_a_split_file_decides(mesh_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "split.csv"
    sources = [item.source for item in list_inputs(config(mesh_folder))[0]]
    lines = [f"{source},{'test' if source == 'box.obj' else 'train'}" for source in sources]
    file.write_text("\n".join(["file,split", *lines]))
    inputs, _ = list_inputs(config(mesh_folder, split_file=str(file)))
    assert {item.source for item in inputs if item.split == "test"} == {"box.obj"}
    file.write_text("file,split\nbox.obj,trian\n")
    with pytest.raises(UserError, match=r"'trian'.*train, validation, test"):
        list_inputs(config(mesh_folder, split_file=str(file)))
    file.write_text("file,split\nbox.obj,train\n")
    with pytest.raises(UserError, match=f"no split for {len(sources) - 1} of"):
        list_inputs(config(mesh_folder, split_file=str(file)))


def test_what_cannot_be_listed_is_explained(tmp_path: Path, s3: str) -> None:
    (tmp_path / "notes.txt").write_text("not a shape")
    for data, words in (
        (tmp_path, "of the 1 files there none is a shape"),
        (tmp_path / "nowhere", "there are no files there"),
        ("s3://no-such-bucket-anywhere/x", "no-such-bucket-anywhere"),
    ):
        with pytest.raises(UserError, match=words):
            list_inputs(config(data))
    with pytest.raises(UserError, match="train split"):
        list_inputs(config("", chairs=3, validation_share=0.0, test_share=0.999999))


def test_an_unreadable_or_enormous_file_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="cannot be read"):
        read_content(config(tmp_path), "gone.obj")
    with open(tmp_path / "huge.stl", "wb") as file:
        os.truncate(file.fileno(), 40 * 2**20)
    limited = replace(config(tmp_path), signal=OccupancySettings(memory_limit_gb=0.25))
    with pytest.raises(Rejected, match="40 MiB"):
        read_content(limited, "huge.stl")
    assert len(read_content(config(tmp_path), "huge.stl")[0]) == 40 * 2**20


@pytest.mark.parametrize("source", ["chair:00003", "table:00003", "lamp:00003", "airplane:00003", "mug:00003"])
def test_a_procedural_shape_is_a_file_like_any_other(source: str) -> None:
    content, extension = read_content(Config(), source)
    assert read_content(Config(), source)[0] == content
    assert read_content(Config(seed=1), source)[0] != content
    assert len(read_mesh(content, extension).faces) > 12


def test_a_file_may_be_called_like_a_procedural_shape(tmp_path: Path) -> None:
    (tmp_path / "chair:00003").write_bytes(b"mine")
    assert read_content(config(tmp_path), "chair:00003")[0] == b"mine"


def test_procedural_shapes_of_several_categories() -> None:
    alone, _ = list_inputs(config("", chairs=20))
    together, _ = list_inputs(config("", chairs=20, tables=7, lamps=3, airplanes=2, mugs=1))
    counts = Counter(item.category for item in together)
    assert counts == {"chair": 20, "table": 7, "lamp": 3, "airplane": 2, "mug": 1}
    assert all(item.source.startswith(f"{item.category}:") for item in together)
    assert set(alone) < set(together)  # others move no chair
    without, _ = list_inputs(config("", chairs=0, mugs=9, category_pattern="(0000[1-4])"))
    assert {item.source: item.category for item in without}["mug:00004"] == "00004"
    with pytest.raises(ValueError, match="chairs = 0 is not accepted; it must be 1 or more where there are no tables"):
        config("", chairs=0)
    with pytest.raises(ValueError, match="lamps = -1 is not accepted; it must be 0 or more"):
        config("", lamps=-1)


def test_a_run_from_before_there_were_other_categories_goes_on() -> None:
    recorded = {"inputs.chairs": 12, "inputs.limit": 0}
    keys = result_keys(from_yaml(b"inputs: {chairs: 12}", "config.yaml"), "inputs")
    assert keys.items() >= recorded.items()
    new = ("tables", "lamps", "airplanes", "mugs", "category_file", "category_pattern")
    assert not {f"inputs.{name}" for name in new} & keys.keys()
    assert result_keys(Config(inputs=InputSettings(mugs=1)), "inputs")["inputs.mugs"] == 1
