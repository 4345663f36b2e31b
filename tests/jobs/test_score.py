"""jobs/evaluate.py --samples: any folder against any other, results that say what they are, mistakes in a paragraph."""

import json
import runpy
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh

from hdray.metrics.chamfer import chamfer_matrix
from hdray.metrics.feature_network import MODELNET40, extract_features, network_of
from hdray.metrics.pointnet import PointNet
from hdray.pipeline import score_stage
from tests.jobs.conftest import Mistake
from tests.jobs.tiny import ROOT
from tests.metrics.means import metric_means
from tests.signals.animations import anime, growing_ball

Score = Callable[..., tuple[dict[str, Any], str]]


@pytest.fixture
def score(
    ray_cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Score:
    """Run the job in this process; the result and what it prints."""

    def run(*arguments: object) -> tuple[dict[str, Any], str]:
        program, out = str(ROOT / "jobs" / "evaluate.py"), tmp_path / "out" / "scores.json"
        monkeypatch.setattr(sys, "argv", [program, *(str(part) for part in arguments), "--out", str(out)])
        runpy.run_path(program, run_name="__main__")
        return json.loads(out.read_text()), capfd.readouterr().out

    return run


def clouds(folder: Path, count: int, seed: int, points: int = 40) -> np.ndarray:
    """Clouds on ellipsoids as .npy files; the same as an array (N, P, 3)."""
    folder.mkdir()
    stream = np.random.default_rng(seed)
    directions = stream.normal(size=(count, points, 3))
    directions /= np.linalg.norm(directions, axis=2, keepdims=True)
    made = (directions * stream.uniform(0.2, 0.8, (count, 1, 3))).astype(np.float32)
    for number, cloud in enumerate(made):
        np.save(folder / f"{number:03d}.npy", cloud)
    return made


@pytest.mark.ray
def test_folders_of_clouds(score: Score, tmp_path: Path) -> None:
    made, real = clouds(tmp_path / "made", 9, 0), clouds(tmp_path / "real", 7, 1)
    np.save(tmp_path / "made" / "empty.npy", np.zeros((0, 3)))
    np.save(tmp_path / "real" / "nan.npy", np.full((40, 3), np.nan))
    (tmp_path / "real" / "families.csv").write_text("file,family\n000.npy,x\n001.npy,x\n")
    result, printed = score("--samples", tmp_path / "made", "--reference", tmp_path / "real", "--protocol", "none")
    a, b = torch.from_numpy(made), torch.from_numpy(real)
    expected = metric_means(chamfer_matrix(a, b), chamfer_matrix(a), chamfer_matrix(b), empties=1)
    assert result["metrics"] == pytest.approx({f"{name}_cd": value for name, value in expected.items()}, rel=1e-5)
    assert (result["counts"]["generated"], result["counts"]["misses"], result["counts"]["references"]) == (10, 1, 7)
    assert result["exclusions"] == {
        "samples": {"empty.npy": "it holds no points"},
        "reference": {"nan.npy": "some of its coordinates are not finite numbers"},
    }
    assert result["intervals"]["mmd_cd"]["families"] == 6
    assert result["protocol"]["name"] == "none"
    assert "no --weights" in result["features"]["not_computed"]
    assert "protocol none: 10 generated (1 of them misses) against 7 reference shapes" in printed
    assert "frechet" not in printed


@pytest.mark.ray
def test_folders_of_meshes_with_every_measure(score: Score, tmp_path: Path) -> None:
    stream = np.random.default_rng(0)
    for name, count in (("made", 6), ("real", 5)):
        (tmp_path / name / "sub").mkdir(parents=True)
        for number in range(count):
            box = trimesh.creation.box(stream.uniform(0.2, 1, 3))
            box.export(tmp_path / name / "sub" / f"{number}.obj")
    torch.manual_seed(0)
    torch.save(PointNet().state_dict(), tmp_path / "weights.pth")
    arguments = (
        "--samples", tmp_path / "made", "--reference", tmp_path / "real", "--protocol", "none", "--points", 128,
        "--emd-points", 16, "--weights", tmp_path / "weights.pth", "--label", "chair", "--yaw", 180,
    )  # fmt: skip
    result, printed = score(*arguments)
    assert result["protocol"]["name"] == "none, changed to 128 points, with EMD of 16 points"
    assert set(result["metrics"]) == {f"{metric}_{kind}" for metric in ("mmd", "cov", "nna") for kind in ("cd", "emd")}
    features = result["features"]
    assert features["real_against_real"]["frechet"] > 0
    assert 0 <= features["network_accuracy_on_reference"] <= 1
    assert len(features["weights_sha256"]) == 64
    assert "real against real is 2 and the other 3 of the references" in printed
    assert "% of the references rightly" in printed
    assert "(real against real " in printed.split("frechet: ")[1].splitlines()[0]
    again, _ = score(*arguments)
    assert {**again, "seconds": 0} == {**result, "seconds": 0}


@pytest.mark.ray
def test_animations(score: Score, mistake: Mistake, tmp_path: Path) -> None:
    stream = np.random.default_rng(0)
    for name, count in (("made", 3), ("real", 3)):
        (tmp_path / name).mkdir()
        for number in range(count - 1):
            np.save(tmp_path / name / f"{number}.npy", stream.random((4, 24, 3)))
        step = 0.05 if name == "made" else 0.1
        (tmp_path / name / "ball.anime").write_bytes(anime(growing_ball(frames=9, step=step)))
    places = ("--samples", tmp_path / "made", "--reference", tmp_path / "real")
    result, printed = score(*places, "--protocol", "hyperdiffusion-4d", "--frames", 4, "--points", 24)
    assert result["protocol"]["name"] == "hyperdiffusion-4d, changed to 4 frames, changed to 24 points"
    assert result["counts"]["frames"] == 4
    assert (result["counts"]["generated"], result["counts"]["misses"]) == (3, 0)
    assert "from 0.5, which is best" in printed
    assert "animations" in result["features"]["not_computed"]
    # By hand, of the two of random points: each frame minus its mean, the largest coordinate 0.95, means over frames.
    clouds = {name: [np.load(tmp_path / name / f"{n}.npy") for n in range(2)] for name in ("made", "real")}
    scaled = {}
    for name, animations in clouds.items():
        centred = [cloud - cloud.mean(axis=1, keepdims=True) for cloud in animations]
        scaled[name] = [cloud * 0.95 / np.abs(cloud).max() for cloud in centred]
        shutil.rmtree(tmp_path / name)
        (tmp_path / name).mkdir()
        for number, cloud in enumerate(animations):
            np.save(tmp_path / name / f"{number}.npy", cloud)
    expected = 0.0
    for real in scaled["real"]:
        squares = [((real[:, :, None] - made[:, None]) ** 2).sum(axis=-1) for made in scaled["made"]]  # (T, P, Q)
        expected += min(d2.min(axis=2).mean() + d2.min(axis=1).mean() for d2 in squares) / 2
    result, _ = score(*places, "--protocol", "hyperdiffusion-4d", "--frames", 4, "--points", 24)
    assert result["metrics"]["mmd_cd"] == pytest.approx(expected, rel=1e-4)
    as_given, _ = score(*places, "--protocol", "none")
    assert as_given["counts"]["frames"] == 4

    out = (*places, "--out", tmp_path / "o.json", "--protocol")
    np.save(tmp_path / "made" / "2.npy", stream.random((24, 3)))
    message = mistake("evaluate", *out, "none")
    assert "2.npy of --samples is a still shape, while 1.npy of --samples is an animation of 4 frames" in message
    (tmp_path / "made" / "2.npy").unlink()
    message = mistake("evaluate", *out, "hyperdiffusion-4d", "--points", 24)
    assert "an animation of 4 frames, and the protocol hyperdiffusion-4d, changed to 24 points compares" in message
    assert "are animations" in mistake("evaluate", *out, "none", "--emd-points", 8)
    assert not (tmp_path / "o.json").exists()


@pytest.mark.ray
def test_labels_by_file(score: Score, mistake: Mistake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clouds(tmp_path / "made", 6, 0, points=64)
    real = torch.from_numpy(clouds(tmp_path / "real", 6, 1, points=64))
    torch.manual_seed(0)
    torch.save(PointNet().state_dict(), tmp_path / "weights.pth")
    network = network_of("pointnet", (tmp_path / "weights.pth").read_bytes(), "given")
    seen = extract_features(network, real, ("logits",), "sphere")["logits"].argmax(dim=1).tolist()
    # Four labels are what the network sees, the first two something else.
    labels = [MODELNET40[(kind + (number < 2)) % len(MODELNET40)] for number, kind in enumerate(seen)]
    rows = [f"{number:03d}.npy,{label}" for number, label in enumerate(labels)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label", *rows]))
    places = ("--samples", tmp_path / "made", "--reference", tmp_path / "real", "--points", 64, "--protocol", "none")
    asked = (*places, "--weights", tmp_path / "weights.pth", "--labels", tmp_path / "labels.csv")
    result, _ = score(*asked)
    assert result["features"]["labels"] == dict(Counter(labels))
    assert result["features"]["network_accuracy_on_reference"] == pytest.approx(4 / 6)
    # The same, up to the rounding of batches of another size, from tasks of two clouds each.
    monkeypatch.setattr(score_stage, "CLOUDS_A_TASK", 2)
    in_parts, _ = score(*asked)
    for name in ("frechet", "kid", "density", "coverage", "network_accuracy_on_reference"):
        assert in_parts["features"][name] == pytest.approx(result["features"][name], rel=1e-4)
    without, printed = score(*asked[:-2])
    assert "--label for all or --labels for each" in without["features"]["not_computed"]
    assert "frechet" not in printed
    (tmp_path / "labels.csv").write_text("\n".join(["file,label", *rows[1:]]))
    message = mistake("evaluate", *asked, "--out", tmp_path / "o.json")
    assert "gives no label for 1 of 6 reference shapes, the first is 000.npy" in message


@pytest.mark.ray
def test_a_published_protocol_keeps_its_numbers_of_points_and_shapes(
    score: Score, mistake: Mistake, tmp_path: Path
) -> None:
    clouds(tmp_path / "made", 11, 0, points=2048)
    clouds(tmp_path / "real", 10, 1, points=2100)
    places = ("--samples", tmp_path / "made", "--reference", tmp_path / "real")
    result, _ = score(*places, "--protocol", "hyperdiffusion-code")
    assert (result["counts"]["generated"], result["counts"]["misses"]) == (10, 0)
    assert result["counts"]["unused"]["generated"] == 1
    assert result["counts"]["thinned"] == {"samples": 0, "reference": 10}
    (tmp_path / "made" / "010.npy").unlink()
    (tmp_path / "made" / "009.npy").unlink()
    message = mistake("evaluate", *places, "--protocol", "hyperdiffusion-code", "--out", tmp_path / "o.json")
    assert "compares 10 generated shapes with 10 references" in message
    message = mistake("evaluate", *places, "--protocol", "mlora", "--out", tmp_path / "o.json")
    assert "the protocol mlora compares with 2048 reference shapes, and there are 10" in message
    message = mistake("evaluate", *places, "--protocol", "nef-gpt", "--out", tmp_path / "o.json")
    assert "the protocol nef-gpt draws 32 shapes of either set, and there are 9 generated ones" in message
    assert not (tmp_path / "o.json").exists()


@pytest.mark.ray
def test_shapes_that_cannot_be_compared(mistake: Mistake, ray_cluster: None, tmp_path: Path, mesh_folder: Path) -> None:
    clouds(tmp_path / "made", 3, 0)
    (tmp_path / "nothing").mkdir()
    out = ("--protocol", "none", "--out", tmp_path / "o.json")
    message = mistake("evaluate", "--samples", tmp_path / "made", "--reference", mesh_folder, *out)
    assert "there is no reference shape to compare, the first of 6 exclusions being box.obj: it is a mesh" in message
    message = mistake("evaluate", "--samples", tmp_path / "nothing", "--reference", tmp_path / "made", *out)
    assert f"--samples {tmp_path / 'nothing'} holds no shapes (there are no files there)" in message
    message = mistake("evaluate", "--samples", "s3://no-such-bucket-of-mine", "--reference", tmp_path / "made", *out)
    assert "--samples s3://no-such-bucket-of-mine cannot be read" in message
    wanted = ("--samples", tmp_path / "made", "--reference", tmp_path / "made", *out, "--emd-points", 41)
    assert "has 40 points, fewer than 41" in mistake("evaluate", *wanted)
    assert not (tmp_path / "o.json").exists()


def test_both_forms_of_the_job_know_of_each_other(
    mistake: Mistake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    message = mistake("evaluate", "--run", run, "--protocol", "hyper")
    assert "protocol = 'hyper' is not accepted; it must be one of none, hyperdiffusion-code" in message
    for asked in (("--protocol", "mlora"), ("--protocol=mlora",)):  # the right words, and no run
        assert f"{run} lacks 24 of the 24 shapes to generate" in mistake("evaluate", "--run", run, *asked)
    message = mistake("evaluate", "--run", run, "--samples", tmp_path, "--protocol", "mlora")
    assert "give --run with neither of --samples, --reference and --out" in message
    assert not run.exists()

    def said(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["evaluate.py", *arguments])
        with pytest.raises(SystemExit, match="0"):
            runpy.run_path(str(ROOT / "jobs" / "evaluate.py"), run_name="__main__")
        return " ".join(capfd.readouterr().out.replace("│", " ").split())

    assert "--protocol is short for --evaluate.protocol; of two folders see --samples made/ --help" in said("--help")
    assert "by --run DIRECTORY [--protocol NAME] alone: see --help" in said("--samples", "made/", "--help")


def test_wrong_words(mistake: Mistake, tmp_path: Path) -> None:
    places = ("--samples", tmp_path, "--reference", tmp_path, "--out", tmp_path / "o.json")
    assert "the protocols are none, hyperdiffusion-code" in mistake("evaluate", *places, "--protocol", "hyper")
    assert "required: --reference, --protocol, --out" in mistake("evaluate", "--samples", tmp_path)
    right = (*places, "--protocol", "none")
    assert "--points 1 is not accepted" in mistake("evaluate", *right, "--points", 1)
    assert "give its --weights too" in mistake("evaluate", *right, "--label", "chair")
    assert "give its --weights too" in mistake("evaluate", *right, "--labels", "labels.csv")
    assert "give one of them" in mistake("evaluate", *right, "--label", "chair", "--labels", "labels.csv")
    assert "--frames 1 is not accepted" in mistake("evaluate", *right, "--frames", 1)
    assert "--time-limit-s 0 is not accepted" in mistake("evaluate", *right, "--time-limit-s", 0)
    assert "--memory-limit-gb -1 is not accepted" in mistake("evaluate", *right, "--memory-limit-gb", -1)
    assert "none.pth cannot be read" in mistake("evaluate", *right, "--weights", tmp_path / "none.pth")
    (tmp_path / "weights.pth").write_bytes(b"something else")
    assert "are not those of pointnet" in mistake("evaluate", *right, "--weights", tmp_path / "weights.pth")
    labels = tmp_path / "labels.csv"
    asked = (*right, "--weights", tmp_path / "weights.pth", "--labels", labels)
    assert f"{labels} cannot be read as a CSV file with the columns file,label" in mistake("evaluate", *asked)
    labels.write_text("file,label\na.obj,plane\n")
    assert "has 'plane' for a.obj, which is not a class of ModelNet40" in mistake("evaluate", *asked)
    message = mistake("evaluate", *right, "--weights", tmp_path / "weights.pth", "--label", "plane")
    assert "--label plane is not a class of ModelNet40" in message
    assert "o.txt must be a .json file" in mistake("evaluate", *right, "--out", tmp_path / "o.txt")
    (tmp_path / "file").write_text("in the way")
    message = mistake("evaluate", *right, "--out", tmp_path / "file" / "o.json")
    assert f"--out {tmp_path / 'file'} cannot be used" in message
    assert "has the scheme gs://" in mistake("evaluate", *right, "--out", "gs://somewhere/o.json")
