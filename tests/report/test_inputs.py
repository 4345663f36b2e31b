from hdray.report.data import InstanceRow
from hdray.report.inputs import left_out


def test_whatever_no_training_has_seen_is_named_with_its_stage() -> None:
    rows = [
        InstanceRow(id="1", source="good", status="accepted", near_iou=0.9),
        InstanceRow(id="2", source="poor", status="accepted", near_iou=0.2),
        InstanceRow(id="3", source="wild", status="accepted", reason="its fit diverged"),
        InstanceRow(id="4", source="bad", status="rejected", reason="no faces"),
    ]
    found = {row.source: (row.stage, row.reason) for row in left_out(rows, gate=0.5)}
    assert found == {
        "bad": ("reading", "no faces"),
        "poor": ("quality gate", "near-surface IoU 0.200, below 0.5"),
        "wild": ("fitting", "its fit diverged"),
    }
