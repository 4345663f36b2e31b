"""The page about weight spaces, and its charts, from made-up numbers."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hdray.metrics.classify import Repeated, Separation
from hdray.report.analysis import _farthest_table, _fit_table, analysis_page, number, per_cent
from hdray.report.analysis_charts import (
    MOST_BASES,
    MOST_POINTS,
    basis_chart,
    confusion_chart,
    moments,
    perturbation_chart,
    projection_chart,
    thinned,
)
from hdray.report.weight_spaces import Analysis, BasisSimilarity, Between, Perturbation, Projection, Representation
from hdray.signals.mesh import Mesh
from tests.report.parsed import Page, check_self_contained

HOSTILE = "a\"><img src=x onerror=alert(1)></script><script>alert('2')</script>{{ 7 * 7 }}"
SEPARATION = Separation(
    categories=("table", HOSTILE),
    vectors=50,
    tested=10,
    clustering=Repeated((0.25, 0.75)),
    nearest=Repeated((0.875, 0.875)),
    logistic=Repeated((0.9, 0.92)),
    majority=Repeated((0.6, 0.6)),
    pooled=Repeated((0.625, 0.625)),
    nearest_confusion=np.array([[10, 2], [0, 8]]),
    logistic_confusion=np.array([[11, 1], [0, 8]]),
)
CURVE = Perturbation(
    strengths=(0.0, 0.5, 1.0),
    similarity=np.array([[1.0, 1.0], [0.5, 0.7], [0.2, 0.6]]),
    centred=np.array([[1.0, 1.0], [0.4, 0.6], [0.125, 0.375]]),
    barrier=np.array([[0.01, 0.03], [0.02, np.inf], [np.inf, np.inf]]),
    excess=np.array([[0.0, 0.002], [0.01, np.nan], [np.nan, np.nan]]),
    distance_ratio=[0.0, 0.5, 0.875],
)
SIMILARITY = np.array([[0.0, 0.25, 0.5], [0.25, 0.0, 0.125], [0.5, 0.125, 0.0]])
TETRAHEDRON = Mesh(
    0.4 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1.0]]),
    np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]]),
)
DATA = Analysis(
    title="spaces & more",
    date="today",
    representations=(
        Representation(
            name="mLoRA " + HOSTILE,
            dimension=29_696,
            shared=1_234_567,
            reconstruction={
                "training split": {"CD, mean": 0.01357, "PSNR": 21.42},
                "held out": {"CD, mean": 0.02451, "PSNR": None},
            },
            separation=SEPARATION,
            projection=Projection(
                points=np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]), categories=["table", HOSTILE, "table"]
            ),
            between=Between(ends=(HOSTILE, "b.obj"), meshes=(TETRAHEDRON, None, TETRAHEDRON), up="y"),
            perturbation=CURVE,
        ),
        Representation(name="mNIF", dimension=256, basis=(BasisSimilarity(layer="layer 1", similarity=SIMILARITY),)),
    ),
    measured={"points": 2048},
)


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(analysis_page(DATA))


def test_every_number_is_there(page: Page) -> None:
    for text in (
        *("spaces & more", "29,696", "1,234,567", "0.02451", "0.01357", "21.42", "points", "2048"),
        *("50.0 ± 35.4 %", "87.5 ± 0.0 %", "91.0 ± 1.4 %", "62.5 ± 0.0 %", "60.0 ± 0.0 %"),
        "over 2 random splits (clustering: initialisations); 10 of 50 vectors are tested",
        f"Of 20 answers 2 are wrong, most often table taken for {HOSTILE} (2 times).",
        "All 3 vectors.",
        *("0%", "50%", "100%", f"From {HOSTILE} to b.obj; 1 of 3 fields have no surface."),
        "3 bases; between two of them 0.292 on average, 0.500 at most.",
    ):
        assert text in page.text, text


def test_shapes_trained_on_and_held_out_are_rows_of_their_own_with_the_same_sizes() -> None:
    other = Representation(name="MLP", dimension=30_196, reconstruction={"held out": {"CD, mean": 0.5}})
    table = _fit_table([*DATA.representations, other])
    assert table is not None
    assert table.headings == ("CD, mean", "PSNR", "Entries of a vector", "Entries shared by all")
    assert table.rows == (
        (f"mLoRA {HOSTILE}, training split", ("0.01357", "21.42", "29,696", "1,234,567")),
        (f"mLoRA {HOSTILE}, held out", ("0.02451", "missing", "29,696", "1,234,567")),
        ("MLP, held out", ("0.5", "missing", "30,196", "missing")),
    )


def test_a_strip_goes_from_one_shape_to_the_other(page: Page) -> None:
    pictures = [a for tag, a in page.elements if tag == "img"]
    assert [a["alt"] for a in pictures] == ["The surface at 0%", "No surface at 50%", "The surface at 100%"]
    assert pictures[0]["src"] == pictures[2]["src"] != pictures[1]["src"]
    assert all(str(a["src"]).startswith("data:image/webp;base64,") for a in pictures)


def test_what_is_missing_is_said(page: Page) -> None:
    assert page.text.count("not measured") == 5  # mNIF's row among the categories
    assert "missing" in page.text  # PSNR
    assert f"Left out, being undefined: mLoRA {HOSTILE} 3 of 6." in page.text


def test_the_largest_strength_is_a_table() -> None:
    """Not the last one; means of what is known."""
    turned = replace(CURVE, **{name: getattr(CURVE, name)[::-1] for name in vars(CURVE)})
    one = replace(DATA.representations[0], name="mLoRA", perturbation=turned)
    table = _farthest_table([one, replace(one, name="MLP", perturbation=None)])
    assert table is not None and len(table.headings) == 6
    assert table.rows == (("mLoRA", ("1", "0.4", "0.25", "missing", "missing", "0.875")),)
    assert _farthest_table([replace(one, perturbation=None)]) is None


def test_it_is_self_contained_and_hostile_names_stay_text(page: Page) -> None:
    check_self_contained(page)
    assert not [a for _, a in page.elements if any(name.startswith("on") for name in a)]
    assert len([a for tag, a in page.elements if tag == "script"]) == 3  # its data, Plotly, and its own


def test_the_script_finds_its_charts(page: Page) -> None:
    charts = {a["data-chart"] for _, a in page.elements if "data-chart" in a}
    assert charts == set(json.loads(page.scripts[0])["charts"])
    assert charts == {
        "confusion-0-nearest",
        "confusion-0-logistic",
        "plane-0",
        "similarity",
        "centred",
        "barrier",
        "excess",
        "basis-1-0",
    }
    ids = [a["id"] for _, a in page.elements if a.get("id")]
    assert {str(a["href"])[1:] for tag, a in page.elements if tag == "a"} <= set(ids)


def test_a_page_of_nothing_measured() -> None:
    page = Page(
        analysis_page(Analysis(title="t", date="d", representations=(Representation(name="MLP", dimension=5),)))
    )
    assert page.text.count("Not measured") == 6
    assert len(page.scripts) == 2  # no Plotly without anything to plot
    check_self_contained(page)


def test_why_something_is_not_there_is_said() -> None:
    one = Representation(name="mNIF", dimension=5, without={"starts": "all start alike", "fits": "nothing held out"})
    alone = Page(analysis_page(replace(DATA, representations=(one,))))
    assert "Not measured: no instance was fitted from two starts (mNIF: all start alike)." in alone.text
    beside = Page(analysis_page(replace(DATA, representations=(DATA.representations[0], one))))
    assert "Not measured: mNIF: all start alike." in beside.text
    assert "Not measured: held-out shapes (mNIF: nothing held out)." in beside.text


def test_two_representations_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="names of their own"):
        analysis_page(replace(DATA, representations=DATA.representations[:1] * 2))


def test_numbers() -> None:
    assert per_cent(Repeated((0.5,))) == "50.0 %"
    assert per_cent(Repeated((-0.0001, -0.0001))) == "0.0 ± 0.0 %"
    assert [number(None), number(float("nan")), number(0.0)] == ["missing", "missing", "0"]


def test_categories_have_one_colour_on_all_charts() -> None:
    projection = Projection(points=np.arange(6.0).reshape(3, 2), categories=["b", "a", "b"])
    found = projection_chart(projection, ["a", "absent", "b"])["data"]
    assert [(one["name"], one["x"], one["y"]) for one in found] == [("a", [2.0], [3.0]), ("b", [0.0, 4.0], [1.0, 5.0])]
    alone = projection_chart(replace(projection, categories=["b"] * 3), ["a", "absent", "b"])["data"][0]
    assert alone["marker"]["color"] == found[1]["marker"]["color"] != found[0]["marker"]["color"]


def test_many_points_are_thinned() -> None:
    assert thinned(7).tolist() == list(range(7))
    some = thinned(10 * MOST_POINTS)
    assert len(some) == MOST_POINTS and some[0] == 0 and some[-1] == 10 * MOST_POINTS - 1


def test_confusions_are_shares_of_their_rows() -> None:
    trace = confusion_chart(["a", "<b>", "c"], np.array([[3, 1, 0], [0, 5, 0], [0, 0, 0]]))["data"][0]
    assert trace["z"] == [[75, 25, 0], [0, 100, 0], [0, 0, 0]]
    assert trace["text"] == [["75", "25", ""], ["", "100", ""], ["", "", ""]]
    assert trace["customdata"] == [[3, 1, 0], [0, 5, 0], [0, 0, 0]]
    assert trace["x"] == ["a", "&lt;b&gt;", "c"]


def test_bands_are_one_standard_deviation() -> None:
    mean, deviation = moments(np.array([[1.0, 2.0, 6.0], [4.0, np.nan, np.inf], [np.nan, np.nan, np.nan]]))
    np.testing.assert_allclose(mean, [3.0, 4.0, np.nan])
    np.testing.assert_allclose(deviation[:2], [7**0.5, 0.0])
    band, line = perturbation_chart({"mLoRA": (1, CURVE)}, "similarity")["data"]
    assert line["y"] == pytest.approx([1.0, 0.6, 0.4])
    spread = [0, 0.02**0.5, 0.08**0.5]
    upper, lower = ([m + s * d for m, d in zip([1.0, 0.6, 0.4], spread, strict=True)] for s in (1, -1))
    assert band["y"] == pytest.approx([*upper, *lower[::-1]], rel=1e-4)
    assert band["x"] == [0, 0.5, 1, 1, 0.5, 0]
    assert perturbation_chart({"mLoRA": (1, CURVE)}, "barrier")["data"][1]["x"] == [0, 0.5]  # nothing is known at 1


def test_large_bases_are_shown_in_part() -> None:
    assert basis_chart(BasisSimilarity(layer="l", similarity=SIMILARITY))["data"][0]["z"][0] == [0, 0.25, 0.5]
    many = np.full((MOST_BASES + 5,) * 2, 0.123)
    shown = basis_chart(BasisSimilarity(layer="l", similarity=many))["data"][0]["z"]
    assert (len(shown), len(shown[0]), shown[0][0]) == (MOST_BASES, MOST_BASES, 0.12)
    page = Page(
        analysis_page(
            replace(
                DATA,
                representations=(
                    Representation(name="mNIF", dimension=5, basis=(BasisSimilarity(layer="l", similarity=many),)),
                ),
            )
        )
    )
    assert f"{MOST_BASES + 5} bases, the first {MOST_BASES} shown" in page.text
