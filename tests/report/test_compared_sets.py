"""Generated shapes and controls."""

from hdray.report.compared_sets import compared_sets


def test_controls_stand_beside_the_generated_shapes() -> None:
    own = {
        "mmd_cd": 0.001,
        "cov_cd": 0.4,
        "nna_cd": 0.7,
        "nearest_chamfer_generated": 0.02,
        "nearest_chamfer_copying_z": -3,
    }
    controls = {"real": {"mmd_cd": 0.0005, "nna_cd": 0.5, "count": 18, "empty": 0}, "another": {}}
    rows = compared_sets(own, controls, {"generated": 1_024, "empty": 3, "points": 2_048})
    assert [(row.name, row.own) for row in rows] == [
        ("Generated", True),
        ("Real against real: training shapes themselves", False),
        ("another", False),
    ]
    assert rows[0].values == ("1024", "3", "0.001", "0.4", "0.7", "0.02", "-3")
    assert rows[1].values[:5] == ("18", "0", "0.0005", "\N{EN DASH}", "0.5")
    assert compared_sets(own, {}, {}) == []
