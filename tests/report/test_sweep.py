"""The page of a sweep holds every trial and its error, says what is missing, and reaches for nothing."""

import json
from dataclasses import replace

import pytest

from hdray.report.leaderboard import Status, Trial, columns
from hdray.report.sheet import contact_sheet, empty_tile
from hdray.report.sweep import SweepData, sweep_page
from tests.report.parsed import Page, check_self_contained

HOSTILE = "a\"><img src=x onerror=alert(1)></script><script>alert('2')</script>{{ 7 * 7 }}"
TRIALS = (
    Trial(
        name="first",
        values={"field.kind": "mlp", "fit.learning_rate": 0.1 + 0.2},
        parameters=1_234_567,
        metrics={"iou": 0.9123, "nna_cd": 0.6172},
        own={("fit", "fits"): 3600, ("train", "first"): 3600},
        used={("share", "base"): 1800},
        iou_training=0.9517,
        vector=36_737,
        shared=0,
    ),
    Trial(name="second " + HOSTILE, values={"field.kind": HOSTILE}, metrics={"mmd_cd": 0.00213, "cov_cd": 0.5312}),
    Trial(name="third", values={"field.rank": 3}, status=Status.FAILED, error="out of memory: " + HOSTILE),
)
DATA = SweepData(
    title="six & more",
    run="runs/<sweep>",
    date="today",
    trials=TRIALS,
    group_by="field.kind",
    sheets={HOSTILE: contact_sheet([empty_tile(32)], ["one"])},
    measured={"protocol": "none"},
)


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(sweep_page(DATA))


def test_every_trial_is_there(page: Page) -> None:
    for trial in TRIALS:
        assert trial.name in page.text
        assert trial.error in page.text
    for text in (
        "0.9123",
        "0.6172",
        "0.00213",
        "0.5312",
        "1,234,567",
        "7,200",
        "1,800",
        "0.9517",
        "36,737",
        "0.3 ",
        "1 failed",
        "none",
        "six & more",
    ):
        assert text in page.text


def test_what_is_missing_is_called_so(page: Page) -> None:
    # Of ten numbers the first lacks two, the second eight and the third all.
    assert page.text.count("missing") == 2 + 8 + 10


def test_it_is_self_contained_and_hostile_names_stay_text(page: Page) -> None:
    check_self_contained(page)
    assert not [a for _, a in page.elements if any(name.startswith("on") for name in a)]
    assert len([a for tag, a in page.elements if tag == "script"]) == 3  # its data, Plotly, and its own
    images = [a for tag, a in page.elements if tag == "img"]
    assert len(images) == 1
    assert images[0]["alt"] == "Generated shapes, " + HOSTILE


def test_the_script_finds_its_charts(page: Page) -> None:
    charts = {a["data-chart"] for _, a in page.elements if "data-chart" in a}
    assert charts == set(json.loads(page.scripts[0])["charts"]) == {"parallel", "cost-parameters", "cost-seconds"}
    ids = [a["id"] for _, a in page.elements if a.get("id")]
    assert {str(a["href"])[1:] for tag, a in page.elements if tag == "a"} <= set(ids)
    assert {a["data-filter"] for _, a in page.elements if "data-filter" in a} <= set(ids)


def test_a_sweep_without_trials_or_failures() -> None:
    page = Page(sweep_page(SweepData(title="new", run="runs/new", date="today", trials=())))
    assert "No trial has been started yet" in page.text
    assert len(page.scripts) == 2  # no Plotly without anything to plot
    check_self_contained(page)
    assert "Failures" not in Page(sweep_page(replace(DATA, trials=TRIALS[:1]))).text


def test_a_sweep_s_own_metric_and_published_ones_have_columns() -> None:
    trial = Trial(
        name="one", values={}, metrics={"reconstruction_cd": 0.00125}, published={"psnr": 24.68, "rfid": 34.31}
    )
    data = replace(DATA, trials=(trial,), rank_by="reconstruction_cd", metrics=columns({"reconstruction_cd": "lower"}))
    page = Page(sweep_page(data))
    for text in ("Chamfer distance of fits", "0.00125", "Published psnr", "24.68", "Published rfid", "34.31"):
        assert text in page.text
    assert "In the order of Chamfer distance of fits (lower is better)" in page.text


def test_hours_count_once_what_several_trials_have() -> None:
    """The second took over the first one's fits, and both use the same networks."""
    second = replace(TRIALS[0], name="other", own={("fit", "fits"): 3600, ("train", "other"): 7200})
    page = Page(sweep_page(replace(DATA, trials=(TRIALS[0], second))))
    assert "Hours 4.5 all trials, what they share once" in " ".join(page.text.split())


def test_two_trials_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="names of their own"):
        sweep_page(replace(DATA, trials=(TRIALS[0], TRIALS[0])))
