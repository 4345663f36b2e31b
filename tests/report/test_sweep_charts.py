import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdray.report.leaderboard import Status, Trial, ranked
from hdray.report.sweep_charts import axis, cost_chart, fitting, parallel_chart, short

TRIALS = (
    Trial(
        name="a",
        values={"field.kind": "mlp", "train.learning_rate": 1e-4},
        parameters=1000,
        metrics={"nna_cd": 0.8},
        own={("fit", "a"): 4, ("train", "a"): 6},
    ),
    Trial(
        name="b",
        values={"field.kind": "lora", "field.rank": 3},
        parameters=90_000,
        metrics={"nna_cd": 0.6},
        own={("fit", "b"): 20},
    ),
    Trial(
        name="c", values={"field.kind": "mlp", "train.learning_rate": 1e-3}, status=Status.FAILED, own={("fit", "c"): 5}
    ),
)


def test_few_values_are_equally_far_apart_in_their_order():
    found = axis("generator.width", [512, 128, None, 256, 128])
    assert found["values"] == [2, 0, -0.3, 1, 0]
    assert found["range"] == [-0.3, 2]
    assert dict(zip(found["ticktext"], found["tickvals"], strict=True)) == {"none": -0.3, "128": 0, "256": 1, "512": 2}
    assert axis("kind", ["mlp", True, "<b>", [64, 64]])["ticktext"] == ["mlp", "True", "&lt;b&gt;", "[64, 64]"]


def test_many_values_lie_where_they_are():
    found = axis("x", [float(value) for value in range(11)])
    assert found["values"] == [float(value) for value in range(11)]
    assert found["ticktext"] == ["0", "2.5", "5", "7.5", "10"]
    wide = axis("x", [10.0**-power for power in range(11)])
    assert wide["values"] == pytest.approx([-power for power in range(11)])
    assert wide["ticktext"][-1] == "1"
    drawn = axis("train.learning_rate", [0.0006536238922724393, 0.00024910587861658347])
    assert drawn["values"] == pytest.approx([0.00065362, 0.00024911]) and len(drawn["ticktext"]) == 5
    assert axis("fit.learning_rate", [0.005, 0.2])["ticktext"] == ["0.005", "0.2"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.none() | st.floats(-1e9, 1e9) | st.integers(-5, 5), min_size=1), st.sampled_from([0, 8]))
def test_every_value_has_a_place_on_the_axis(values, ticks):
    found = axis("x", values, ticks)
    low, high = found["range"]
    assert low < high
    assert len(found["values"]) == len(values)
    slack = 1e-4 * (abs(low) + abs(high))  # places are written with five digits
    assert all(low - slack <= place <= high + slack for place in found["values"])
    assert len(found["tickvals"]) == len(found["ticktext"])
    if None in values:
        assert all(
            (place - low < slack + 1e-9) >= (value is None)
            for place, value in zip(found["values"], values, strict=True)
        )


def test_all_trials_are_lines_the_best_the_strongest():
    trace = parallel_chart(ranked(TRIALS))["data"][0]
    assert [one["label"] for one in trace["dimensions"]] == [
        *("field.kind", "field.rank", "train.learning_rate", "Parameters", "Seconds", "1-NNA"),
    ]
    assert all(len(one["values"]) == 3 for one in trace["dimensions"])
    assert trace["line"]["color"] == [1, 0, 0]
    assert (trace["line"]["cmin"], trace["line"]["cmax"]) == (0, 1)


def test_a_value_that_all_have_is_no_axis():
    trials = [replace(trial, values={**trial.values, "seed": 0}) for trial in TRIALS]
    labels = [one["label"] for one in parallel_chart(ranked(trials))["data"][0]["dimensions"]]
    assert "seed" not in labels and "field.kind" in labels
    same = [replace(trial, metrics={**trial.metrics, "iou": 0.9}) for trial in TRIALS]
    assert "IoU of fits" not in [one["label"] for one in parallel_chart(ranked(same))["data"][0]["dimensions"]]
    assert "seed" in [one["label"] for one in parallel_chart(ranked([*trials, TRIALS[0]]))["data"][0]["dimensions"]]


def test_long_values_lose_their_middle_and_all_have_room():
    assert fitting("a" * 32) == "a" * 32
    assert fitting("a" * 20 + "-" + "b" * 20) == "a" * 16 + "\N{HORIZONTAL ELLIPSIS}" + "b" * 15

    def margin(*values):
        trials = [Trial(name=str(place), values={"preset": value}) for place, value in enumerate(("demo", *values))]
        return parallel_chart(ranked(trials))["layout"]["margin"]["l"]

    # 100 pixels are what "airplanes-voxels" takes in the page's font, and those of any length are cut.
    assert margin("mlp") == 70 < 100 < margin("airplanes", "airplanes-voxels") < margin("v" * 32) == margin("v" * 99)
    assert margin("<" * 32) == margin("v" * 32), "letters as they are seen, not as they are written"


def test_dots_are_trials_with_both_a_metric_and_a_cost():
    groups = {trial.name: trial.values["field.kind"] for trial in TRIALS}
    chart = cost_chart(ranked(TRIALS), "nna_cd", "parameters", groups)
    assert chart is not None
    assert {one["name"]: (one["x"], one["y"], one["text"]) for one in chart["data"]} == {
        "lora": ([90_000], [0.6], ["b"]),
        "mlp": ([1000], [0.8], ["a"]),
    }
    (lora,) = [one for one in chart["data"] if one["name"] == "lora"]
    assert lora["customdata"] == ["field.kind = lora<br>field.rank = 3"]
    assert chart["layout"]["xaxis"]["type"] == "log"
    assert chart["layout"]["shapes"][0]["y0"] == 0.5
    unknown = ranked([replace(trial, own={("fit", "a"): math.nan}) for trial in TRIALS])
    assert cost_chart(unknown, "nna_cd", "seconds", groups) is None


def test_short_numbers():
    numbers = (0, 0.00123, 99.96, 614.2, 1000, 123_456, 999_600, 2.5e6, 7e9, -5000)
    assert [short(value) for value in numbers] == [
        *("0", "0.00123", "100", "614", "1k", "123k", "1000k", "2.5M", "7G", "-5k"),
    ]
    assert np.isclose(float(short(0.1234567)), 0.123)
