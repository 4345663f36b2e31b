"""The order of trials, and the CSV, digit by digit."""

import csv
import io
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdray.report.leaderboard import Status, Trial, columns, leaderboard_csv, ranked

TRIALS = (
    Trial(
        name="a",
        values={"field.kind": "mlp", "seed": 0},
        parameters=1200,
        metrics={"mmd_cd": 0.0021, "nna_cd": 0.75},
        own={("fit", "a"): 60, ("train", "a"): 1.5},
        used={("share", "store/x"): 1000, ("sample", "store/y"): 0.5},
        iou_training=0.9375,
        vector=30196,
        shared=0,
    ),
    Trial(
        name="b",
        values={"field.kind": "lora", "field.rank": 3},
        metrics={"nna_cd": 0.4375, "iou": 0.1 + 0.2, "cov_cd": math.nan},
    ),
    Trial(
        name="c",
        values={"field.kind": "mlp"},
        status=Status.FAILED,
        error='exit code 2,\nsaid "no memory"',
        metrics={"nna_cd": 0.5},
    ),
    Trial(name="d", values={}, status=Status.STOPPED, steps=250, metrics={"mmd_cd": 0.001, "nna_cd": 0.5}),
    Trial(name="e", values={"field.kind": "mlp", "seed": 1}, metrics={"nna_cd": 0.25}),
)

GOLDEN = """\
rank,trial,status,field.kind,seed,field.rank,parameters,iou,mmd_cd,cov_cd,nna_cd,seconds,steps,iou_training,vector,shared,seconds_shared,error
1,b,finished,lora,,3,,0.30000000000000004,,,0.4375,,,,,,,
2,a,finished,mlp,0,,1200,,0.0021,,0.75,61.5,,0.9375,30196,0,1000.5,
2,e,finished,mlp,1,,,,,,0.25,,,,,,,
,d,stopped,,,,,,0.001,,0.5,,250,,,,,
,c,failed,mlp,,,,,,,0.5,,,,,,,"exit code 2, said ""no memory\"""
"""


def test_the_file():
    assert leaderboard_csv(TRIALS) == GOLDEN


def test_another_metric_orders_otherwise():
    assert [(row.rank, row.trial.name) for row in ranked(TRIALS, "mmd_cd")][:2] == [(1, "a"), (None, "b")]
    with pytest.raises(KeyError, match="speed"):
        ranked(TRIALS, "speed")


def test_a_sweep_s_own_metric_is_a_column_and_may_rank():
    metrics = columns({"reconstruction_cd": "lower", "nna_cd": "half"})
    assert list(metrics) == ["iou", "mmd_cd", "cov_cd", "nna_cd", "reconstruction_cd"]
    trials = [
        Trial(name=name, values={}, metrics={"reconstruction_cd": value, "nna_cd": 0.5})
        for name, value in (("a", 0.25), ("b", None), ("c", 0.125))
    ]
    order = ranked(trials, "reconstruction_cd", metrics)
    assert [(row.rank, row.trial.name) for row in order] == [(1, "c"), (2, "a"), (None, "b")]
    rows = list(csv.DictReader(io.StringIO(leaderboard_csv(trials, "reconstruction_cd", metrics))))
    assert [row["reconstruction_cd"] for row in rows] == ["0.125", "0.25", ""]
    assert [row["nna_cd"] for row in rows] == ["0.5"] * 3


def test_only_what_is_finished_has_a_rank():
    trials = [Trial(name=status, values={}, status=status, metrics={"nna_cd": 0.5}) for status in Status]
    assert [(row.rank, row.trial.name) for row in ranked(trials)] == [
        (1, "finished"), (None, "stopped"), (None, "unfinished"), (None, "failed"),
    ]  # fmt: skip


def test_no_trials():
    assert leaderboard_csv(()).splitlines() == [
        "rank,trial,status,parameters,iou,mmd_cd,cov_cd,nna_cd,seconds,steps,iou_training,vector,shared,"
        "seconds_shared,error",
    ]


trials = st.lists(
    st.builds(
        Trial,
        name=st.text(),
        values=st.dictionaries(st.sampled_from(["x", "y"]), st.integers() | st.text()),
        status=st.sampled_from([Status.FINISHED, Status.FAILED]),
        error=st.text(),
        metrics=st.fixed_dictionaries({"nna_cd": st.none() | st.floats()}),
    ),
    unique_by=lambda trial: trial.name,
)


@settings(max_examples=50, deadline=None)
@given(trials, st.randoms(use_true_random=False))
def test_every_trial_is_a_row_whatever_the_order_given(given_trials, random):
    rows = ranked(given_trials)
    assert sorted(row.trial.name for row in rows) == sorted(trial.name for trial in given_trials)
    shuffled = list(given_trials)
    random.shuffle(shuffled)
    assert ranked(shuffled) == rows
    places = [row.rank for row in rows if row.rank is not None]
    assert places == sorted(places)
    away = [abs(row.trial.metrics["nna_cd"] - 0.5) for row in rows if row.rank is not None]
    assert away == sorted(away)
    read = list(csv.DictReader(io.StringIO(leaderboard_csv(given_trials), newline="")))
    texts = [(row.trial.name, row.trial.error) for row in rows]
    assert [(row["trial"].split(), row["error"].split()) for row in read] == [(a.split(), b.split()) for a, b in texts]
