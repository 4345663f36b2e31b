"""Metrics are explained, and stand beside their intervals."""

from hdray.report.metric_words import metric_table, title


def test_known_metrics_are_explained_and_unknown_ones_listed() -> None:
    rows = metric_table({"other": 2.0, "nearest_chamfer_farther_than_noise": 0.875, "nna_cd": 0.5}, {})
    assert [row.value for row in rows] == ["0.5", "2", "0.875"]
    assert rows[2].name == "Farther than noise, by Chamfer distance"
    assert "Near 1: new" in rows[2].good
    assert "below 0.5 points to copies" in rows[0].good
    assert rows[1].name == "other"


def test_intervals_stand_beside_their_metrics_and_say_what_they_are_of() -> None:
    metrics = {"mmd_cd": 0.25, "cov_cd": 0.5, "nna_cd": 0.75, "one_body": 1.0}
    families, draws = {"interval_of": "the mean, given the generated shapes"}, {"interval_of": "single draws"}
    rows = metric_table(
        metrics,
        {
            "mmd_cd": {"low": 0.2, "high": 0.3125, **families},
            "cov_cd": {"low": 0.4, "high": 0.6, **draws},
            "nna_cd": {"low": None, "high": None, **families},
        },
    )
    assert [row.interval for row in rows] == [
        "0.2 to 0.3125, the mean, given the generated shapes", "0.4 to 0.6, single draws", "", "",
    ]  # fmt: skip


def test_a_metric_has_a_title() -> None:
    assert title("reconstruction_cd") == "Chamfer distance of fits"
    assert title("reconstruction_cd_training") == "Chamfer distance of fits trained on"
    assert title("nearest_chamfer_noise") == "nearest_chamfer_noise"
