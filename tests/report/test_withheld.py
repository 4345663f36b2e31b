"""What the page says of a run that withheld a combination, and that other runs' pages say nothing of it."""

from dataclasses import replace

from hdray.metrics.generalisation import Fits, Read, generalisation
from hdray.report.data import GeneratedShape
from hdray.report.page import write_report
from hdray.report.withheld import MOST_PICTURED, withheld_view
from tests.report.test_page import Page, ball, full_data

ARMS, BOTH = frozenset({"arms"}), frozenset({"arms", "stretchers"})
RESULT = generalisation(
    BOTH, [BOTH] * 9 + [ARMS] * 31, Fits(Read([ARMS] * 70, [ARMS] * 70), Read([ARMS] * 5, [ARMS] * 5)),
    Fits(Read([BOTH] * 8, [BOTH] * 7 + [ARMS]), Read([BOTH] * 3, [BOTH] * 3)), [ARMS] * 49 + [BOTH],
    [ARMS] * 70 + [BOTH] * 13,
)  # fmt: skip


def test_every_share_is_there_with_its_interval_and_what_it_is_of() -> None:
    view = withheld_view(RESULT, [], "y")
    assert (view.combination, view.pictures, view.shown) == ("arms+stretchers", (), "")
    assert view.verdict.startswith("resolved: 9 of 40 (22.5 %")
    rows = {row.name: (row.share, row.counted) for row in view.shares}
    assert rows["Samples that show it"] == ("22.5 %", "9 of 40")
    assert rows["All chairs"] == ("15.7 %", "13 of 83")
    assert rows["Chairs trained on, by mistake"] == ("0.0 %", "0 of 70")
    assert rows["Chairs withheld, recognised"] == ("87.5 %", "7 of 8")
    assert rows["Samples that show stretchers"] == ("22.5 %", "9 of 40")
    assert rows["Averages of two of them"] == ("2.0 %", "1 of 50")
    assert rows["Right about stretchers, on fields trained on"] == ("100.0 %", "70 of 70")
    assert rows["Right about stretchers, on fields withheld"] == ("87.5 %", "7 of 8")
    assert rows["Right about arms, on meshes trained on"] == ("100.0 %", "5 of 5")
    assert rows["Right about arms, on meshes withheld"] == ("100.0 %", "3 of 3")
    unmixed = {row.name for row in withheld_view({**RESULT, "mixtures": None}, [], "y").shares}
    assert unmixed == rows.keys() - {"Averages of two of them"}
    assert view.shares[0].interval == "12.3 to 37.5"


def test_the_page_pictures_the_samples_that_show_it() -> None:
    showing = [GeneratedShape(id=f"sample-{n}", mesh=ball()) for n in range(3)]
    page = Page(write_report(replace(full_data(), withheld=RESULT, showing_withheld=showing)).html)
    assert {"sample-0", "sample-1", "sample-2"} <= {a.get("alt") for tag, a in page.elements if tag == "img"}
    assert "The 3 samples that the recogniser says show arms+stretchers" in page.text
    assert "#withheld" in {a.get("href") for _, a in page.elements}
    assert "withheld" not in Page(write_report(full_data()).html).text.lower()


def test_more_samples_than_are_pictured_are_said_so() -> None:
    showing = [GeneratedShape(id=str(n), mesh=None) for n in range(MOST_PICTURED + 4)]
    view = withheld_view(RESULT, showing, "y")
    assert len(view.pictures) == MOST_PICTURED
    assert view.shown.startswith(f"The first {MOST_PICTURED} of the {MOST_PICTURED + 4} samples")
