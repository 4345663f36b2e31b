"""The page holds what it was given, escapes it, and reaches for nothing outside itself."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import trimesh

from hdray.report.charts import loss_chart
from hdray.report.data import (
    ClosestPair,
    DenoisingStep,
    GeneratedShape,
    InstanceRow,
    LossCurve,
    NearestDistances,
    Neighbour,
    ReportData,
    TrainingShape,
)
from hdray.report.gallery import MOST_SHOWN
from hdray.report.page import Report, write_report
from hdray.signals.mesh import Mesh
from tests.report.parsed import Page, check_self_contained

HOSTILE = "a\"><img src=x onerror=alert(1)></script><script>alert('2')</script>{{ 7 * 7 }}.obj"


def ball(radius: float = 0.4) -> Mesh:
    solid = trimesh.creation.icosphere(subdivisions=2, radius=radius)
    return Mesh(np.asarray(solid.vertices, np.float64), np.asarray(solid.faces, np.int64))


def full_data() -> ReportData:
    rows = [
        InstanceRow(id=f"id{n}", source=f"set/{n}.obj", status="accepted", split="train", iou=0.97, near_iou=0.9)
        for n in range(6)
    ]
    rows[1] = replace(rows[1], near_iou=0.41, repairs=("flipped components",))
    rows += [
        InstanceRow(id="bad1", source=HOSTILE, status="rejected", reason="broken " + HOSTILE),
        InstanceRow(id="bad2", source="set/points.ply", status="rejected", reason="no faces: a point cloud"),
    ]
    near = Neighbour(id="id0", weights=3.25, chamfer=0.00125, weights_rank=2, chamfer_rank=1)
    return ReportData(
        run="runs/a & b",
        preset="demo",
        date="1 May 2026",
        counts={
            "inputs": 8_111,
            "accepted": 8_109,
            "rejected": 8_002,
            "fitted": 8_106,
            "passed": 8_105,
            "generated": 703,
            "empty": 701,
            "of another kind": 977,
        },
        instances=rows,
        gate=0.5,
        loss_curve=LossCurve(steps=np.arange(0, 500, 10), loss=np.geomspace(1, 0.01, 50)),
        generated=[
            GeneratedShape(id=HOSTILE, mesh=ball(), neighbours=(near,)),
            GeneratedShape(id="s1", mesh=None, neighbours=(replace(near, id="void", chamfer=None, chamfer_rank=None),)),
        ],
        training_shapes={
            "id0": TrainingShape(name=HOSTILE, mesh=ball(0.3)),
            "void": TrainingShape(name="nothing.obj", mesh=None),
        },
        denoising=[DenoisingStep(label="t = 500", mesh=None), DenoisingStep(label="t = 0", mesh=ball())],
        metrics={"mmd_cd": 0.00213, "cov_cd": 0.5312, "nna_cd": 0.6172},
        protocol={"points": 2048, "squared": True, "a note": "<b>kept</b>"},
        audit=[
            NearestDistances(
                space="weights",
                generated=np.array([3.0, 4.0]),
                held_out=np.array([3.0, 5.0]),
                noise=np.array([0.1, 0.2]),
            )
        ],
        configuration="seed: 7\nnote: </code><script>alert(3)</script>\n",
        versions={"torch": "2.13.0"},
        hardware={"CPU": "two cores"},
        seconds={"fit": 312.0, "train": 8_000.0},
    )


@pytest.fixture(scope="module")
def report() -> Report:
    return write_report(full_data())


@pytest.fixture(scope="module")
def page(report: Report) -> Page:
    return Page(report.html)


def test_every_count_is_on_the_page(page: Page) -> None:
    for count in full_data().counts.values():
        assert re.search(rf"\b{count}\b", page.text.replace(",", "")), count


def test_everything_left_out_is_there_with_its_reason(page: Page) -> None:
    for text in (HOSTILE, "broken " + HOSTILE, "set/points.ply", "no faces: a point cloud", "near-surface IoU 0.410"):
        assert text in page.text
    assert "flipped components" in page.text
    assert "Left out of training, and why (3)" in page.text


def test_distances_metrics_and_the_run_are_there(page: Page) -> None:
    titles = " ".join(attributes.get("title") or "" for _, attributes in page.elements)
    assert "Chamfer 0.00125 (nearest), weights 3.25 (2nd nearest)" in titles
    for text in (
        "0.00213",
        "0.5312",
        "0.6172",
        "seed: 7",
        "2.13.0",
        "two cores",
        "5 min 12 s",
        "2 h 13 min",
        "t = 500",
    ):
        assert text in page.text


def test_hostile_names_stay_text(page: Page) -> None:
    executable = [a for tag, a in page.elements if tag == "script" and a.get("type") != "application/json"]
    assert len(executable) == 2  # Plotly, and the page's own
    assert not [a for _, a in page.elements if any(name.startswith("on") for name in a)]
    assert not [a for tag, a in page.elements if tag == "b"]
    assert "49.obj" not in page.text


def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    check_self_contained(page)


def test_the_script_finds_what_it_needs(page: Page) -> None:
    data = json.loads(page.scripts[0])
    charts = {a["data-chart"] for _, a in page.elements if "data-chart" in a}
    assert charts == set(data["charts"]) == {"audit-0", "loss", "fits"}
    assert [[shape["mesh"] for shape in sample["shapes"]] for sample in data["samples"]] == [["g1", "t0"], [None, None]]
    assert set(data["meshes"]) == {"g1", "t0"}
    ids = {a["id"] for _, a in page.elements if a.get("id")}
    own = page.scripts[-1]
    assert set(re.findall(r'byId\("([^"]+)"\)', own)) <= ids
    assert {a["href"] for _, a in page.elements if a.get("href", "").startswith("#sample-")} == {
        "#sample-1",
        "#sample-2",
    }


def test_sections_linked_to_exist(page: Page) -> None:
    ids = [a["id"] for _, a in page.elements if a.get("id")]
    assert len(ids) == len(set(ids))
    links = {str(a["href"])[1:] for tag, a in page.elements if tag == "a" and not str(a["href"]).startswith("#sample-")}
    assert links
    assert links <= set(ids)


def test_pictures_have_words(page: Page) -> None:
    images = [a for tag, a in page.elements if tag == "img"]
    assert len(images) == 6  # two cards with a neighbour each, two denoising steps
    assert all(a.get("alt") for a in images)


def test_the_same_data_gives_the_same_files(report: Report) -> None:
    assert write_report(full_data()) == report


def test_an_empty_run_says_what_to_do() -> None:
    report = write_report(ReportData(run="runs/new run", preset="demo", date="today"))
    page = Page(report.html)
    assert report.samples_png is None
    assert len(report.html) < 100_000  # no Plotly without anything to plot
    for job in ("fit", "train", "generate", "evaluate"):
        assert f"python jobs/{job}.py --run 'runs/new run'" in page.text


def test_the_closest_pairs_the_copying_z_and_the_cost_are_shown() -> None:
    pair = ClosestPair(generated=GeneratedShape(id=HOSTILE, mesh=ball()), training="id0", chamfer=0.00107)
    data = replace(
        full_data(),
        closest=[pair],
        metrics={"nearest_chamfer_copying_z": -3.21, "nna_cd": 0.4},
        cost={"parameters": 1_234_567},
    )
    page = Page(write_report(data).html)
    images = [a for tag, a in page.elements if tag == "img"]
    assert len(images) == 8
    assert all(a.get("alt") for a in images)
    for text in ("The closest pairs", "Chamfer 0.00107", "-3.21", "the model copies", "1,234,567 parameters"):
        assert text in page.text
    assert "0.100 below 0.5, the best: copies?" in page.text
    assert not [a for _, a in page.elements if any(name.startswith("on") for name in a)]


@pytest.mark.parametrize(
    ("without", "job"),
    [
        ({"loss_curve": None}, "train"),
        ({"generated": ()}, "generate"),
        ({"denoising": ()}, "generate"),
        ({"metrics": {}}, "evaluate"),
        ({"audit": ()}, "evaluate"),
        ({"instances": ()}, "fit"),
    ],
)
def test_each_missing_part_names_its_stage(without: dict[str, object], job: str) -> None:
    page = Page(write_report(replace(full_data(), **without)).html)
    jobs = set(re.findall(r"python jobs/(\w+)\.py", page.text))
    assert jobs == {job, "report"}


def test_many_samples_are_shown_in_part_and_said_so() -> None:
    shapes = [GeneratedShape(id=str(n), mesh=None) for n in range(MOST_SHOWN + 5)]
    page = Page(write_report(ReportData(run="r", preset="demo", date="today", generated=shapes)).html)
    assert f"The first {MOST_SHOWN} of {MOST_SHOWN + 5}" in page.text


def test_a_loss_that_no_logarithm_can_show_is_left_out() -> None:
    curve = LossCurve(steps=np.arange(4), loss=np.array([1.0, np.nan, 0.0, 0.1]))
    assert loss_chart(curve)["data"][0]["x"] == [0.0, 3.0]
    page = Page(write_report(ReportData(run="r", preset="demo", date="today", loss_curve=curve)).html)
    assert "2 logged values are not positive" in page.text


def test_a_neighbour_must_be_given() -> None:
    shape = GeneratedShape(id="s", mesh=None, neighbours=(Neighbour(id="unknown"),))
    with pytest.raises(KeyError, match="unknown"):
        write_report(ReportData(run="r", preset="demo", date="today", generated=[shape]))
