"""Vectors and generators of another shared file are refused, wherever they are read."""

from pathlib import Path

import pyarrow as pa
import pytest
import torch
from safetensors.torch import save

from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.pipeline.belonging import check_generator, check_vectors
from hdray.pipeline.generate_stage import MODEL, check_generate, load_generator
from hdray.pipeline.instances import instances_schema, instances_table, read_fitted
from hdray.pipeline.run_directory import RunDirectory, content_hash
from hdray.pipeline.storage import write_bytes
from hdray.pipeline.training_rows import read_training
from tests.pipeline.tables import write_rows

SHARED = save({"theta": torch.zeros(1), "shared.base": torch.ones(2)})
OWN, OTHER = content_hash(SHARED), content_hash(b"another file")


def table_of(run: RunDirectory, hashes: dict[str, str | None]) -> RunDirectory:
    """Fitted shapes of the train split by these names, with these hashes."""
    rows = [
        {"id": name, "source": f"{name}.obj", "split": "train", "status": "accepted", "theta": [1.0],
         "surface": [0, 0, 0], "shared_hash": found}
        for name, found in hashes.items()
    ]  # fmt: skip
    write_rows(instances_table(run), "new", pa.Table.from_pylist(rows, schema=instances_schema()))
    return run


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    made = RunDirectory(str(tmp_path / "run"))
    write_bytes(made.path("shared", "initialisation.safetensors"), SHARED)
    return made


def test_vectors_of_the_run_are_read(run: RunDirectory) -> None:
    assert read_fitted(table_of(run, {"a": OWN, "b": OWN}), ["train"]).ids == ["a", "b"]


def test_one_row_of_another_hash_is_counted_and_refused(run: RunDirectory) -> None:
    table_of(run, {"a": OWN, "b": OTHER, "c": OWN, "d": None})
    message = f"1 of 3 vectors in {run.url} were fitted with another shared file: they name the hash {OTHER}, where {OWN} lies"
    for read in (lambda: read_fitted(run, ["train"]), lambda: read_training(run, Config(data="data"))):
        with pytest.raises(UserError, match=message) as refused:
            read()
        assert "put back the shared/ folder" in str(refused.value) and "another --run" in str(refused.value)


def test_rows_from_before_there_were_hashes_have_nothing_to_compare(run: RunDirectory) -> None:
    schema = pa.schema([field for field in instances_schema() if field.name != "shared_hash"])
    row = {"id": "0", "source": "0.obj", "split": "train", "status": "accepted", "theta": [1.0], "surface": [0, 0, 0]}
    write_rows(instances_table(run), "older", pa.Table.from_pylist([row], schema=schema))
    assert read_fitted(run, ["train"]).ids == ["0"]
    check_vectors(RunDirectory(run.url + " of nothing"), [None, None])


def test_a_shared_file_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"2 of 2 vectors .* name the hash {OWN}, where no file lies now"):
        check_vectors(RunDirectory(str(tmp_path)), [OWN, OWN])


def test_generators_of_other_vectors_are_refused(run: RunDirectory) -> None:
    tensors = {"weight": torch.ones(3)}
    for belonging in ({"shared": OWN}, {"settings": "{}"}, None):
        write_bytes(run.path(*MODEL), save(tensors, belonging))
        check_generator(run, run.path(*MODEL))
    write_bytes(run.path(*MODEL), save(tensors, {"shared": OTHER}))
    for read in (
        lambda: load_generator(run, Config(data="data")),
        lambda: check_generate(run, Config(data="data"), alone=True),
    ):
        with pytest.raises(UserError, match=f"trained on vectors of the shared file {OTHER}, but the run holds {OWN}"):
            read()
