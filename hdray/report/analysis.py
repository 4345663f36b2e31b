"""The page about weight spaces: fits, categories, different starts and basis networks, a representation beside the others.

It shows what the mLoRA paper measures (Tables 1 and 4, Figures 3 and 5), and Figures 4 and 7 of the mNIF paper.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hdray.metrics.classify import Repeated, Separation
from hdray.report.analysis_charts import (
    MOST_BASES,
    MOST_POINTS,
    basis_chart,
    confusion_chart,
    moments,
    perturbation_chart,
    projection_chart,
)
from hdray.report.charts import Figure
from hdray.report.data import DenoisingStep
from hdray.report.gallery import Step, strip
from hdray.report.shell import KeyFigure, fill
from hdray.report.weight_spaces import Analysis, BasisSimilarity, Between, Representation

SECTIONS = (
    ("fits", "Fits"),
    ("categories", "Categories"),
    ("plane", "In the plane"),
    ("between", "Between shapes"),
    ("starts", "Different starts"),
    ("bases", "Basis networks"),
    ("measured", "How it was measured"),
)

STARTS = {
    "similarity": (
        "Weight similarity",
        "Cosine similarity of the two vectors of an instance, as published. It is high, too, where vectors of all shapes have a "
        "large part in common, such as starts near one.",
    ),
    "centred": (
        "Weight similarity, centred",
        "The same less the mean of all vectors at this strength: what they have in common is no likeness. 1: the start does not "
        "matter.",
    ),
    "barrier": (
        "Barrier",
        "Chamfer distance of the surface of the two vectors' average to the shape. Low: both lie in one valley.",
    ),
    "excess": (
        "Barrier above the fits",
        "The same less the mean of the two fits' own distances. 0: the way between them is as good as its ends.",
    ),
}
"""What is measured of two starts: its title, and what it says."""


@dataclass(frozen=True)
class Table:
    """Headings, and rows of a name and a cell for each heading."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Pictured:
    """A chart by its key, what stands over it, under it, and for those who do not see it."""

    chart: str
    title: str
    caption: str
    words: str


@dataclass(frozen=True)
class Strip:
    """A representation's pictures from one shape to another."""

    name: str
    steps: list[Step]
    caption: str


def analysis_page(data: Analysis) -> str:
    """The HTML of analysis.html. Raises ValueError where two representations have one name."""
    names = [one.name for one in data.representations]
    if len(set(names)) < len(names):
        raise ValueError(f"representations need names of their own, not {names}")
    charts: dict[str, Figure] = {}
    confusions = [
        _confusion(charts, f"confusion-{number}-{way}", one.name, way, one.separation)
        for number, one in enumerate(data.representations)
        if one.separation
        for way in ("nearest", "logistic")
    ]
    projections = [
        _projection(charts, f"plane-{number}", one, _categories(data))
        for number, one in enumerate(data.representations)
        if one.projection
    ]
    bases = [
        _basis(charts, f"basis-{number}-{layer}", one.name, basis)
        for number, one in enumerate(data.representations)
        for layer, basis in enumerate(one.basis)
    ]
    starts = _starts(charts, data.representations)
    return fill(
        "analysis.html.j2",
        charts,
        data=data,
        sections=[section for section in SECTIONS if section[0] != "measured" or data.measured],
        figures=_key_figures(data),
        fits=_fit_table(data.representations),
        categories=_category_table(data.representations),
        splits=_splits_sentence(data.representations),
        confusions=confusions,
        projections=projections,
        strips=[_strip(one.name, one.between) for one in data.representations if one.between],
        starts=starts,
        farthest=_farthest_table(data.representations),
        bases=bases,
        without={key: _without(data.representations, key) for key in ("fits", "categories", "plane", "starts")},
    )


def _without(representations: Sequence[Representation], section: str) -> str:
    """Of whom this section shows nothing, and why: "A: because; B: because"; empty where nothing is missing."""
    return "; ".join(f"{one.name}: {one.without[section]}" for one in representations if section in one.without)


def _categories(data: Analysis) -> list[str]:
    """All categories of all projections, sorted: the same colours on every chart."""
    return sorted({name for one in data.representations if one.projection for name in one.projection.categories})


def _key_figures(data: Analysis) -> list[KeyFigure]:
    figures = [KeyFigure("Representations", str(len(data.representations)), "")]
    measured = [one.separation for one in data.representations if one.separation]
    if measured:
        figures.append(KeyFigure("Categories", str(max(len(one.categories) for one in measured)), ""))
        figures.append(
            KeyFigure("Vectors", f"{max(one.vectors for one in measured):,}", "of each representation at most")
        )
    return figures


def _fit_table(representations: Sequence[Representation]) -> Table | None:
    """What a representation costs and how well it shows shapes (Table 1), a row for each kind of shapes; None where no fit
    was measured.
    """
    groups = [(one, of, values) for one in representations for of, values in one.reconstruction.items()]
    headings = tuple(dict.fromkeys(heading for _, _, values in groups for heading in values))
    if not headings:
        return None
    rows = []
    for one, of, values in groups:
        shared = "missing" if one.shared is None else f"{one.shared:,}"
        cells = [number(values.get(heading)) for heading in headings]
        rows.append((f"{one.name}, {of}", (*cells, f"{one.dimension:,}", shared)))
    return Table((*headings, "Entries of a vector", "Entries shared by all"), tuple(rows))


def _category_table(representations: Sequence[Representation]) -> Table | None:
    """Table 4, and the two baselines; None where nothing of it was measured."""
    if not any(one.separation for one in representations):
        return None
    rows: list[tuple[str, tuple[str, ...]]] = []
    for one in representations:
        found = one.separation
        if found is None:
            rows.append((one.name, ("not measured",) * 5))
            continue
        measures = (found.clustering, found.nearest, found.logistic, found.pooled, found.majority)
        rows.append((one.name, tuple(per_cent(measure) for measure in measures)))
    return Table(("Clustering (ARI)", "1-NN", "Logistic", "Scale alone", "Majority"), tuple(rows))


def per_cent(repeated: Repeated) -> str:
    """Mean and standard deviation in per cent, as Table 4 prints them."""
    spread = "" if math.isnan(repeated.deviation) else f" ± {100 * repeated.deviation:.1f}"
    return f"{round(100 * repeated.mean, 1) + 0.0:.1f}{spread} %"  # adding 0 makes -0 a 0


def number(value: float | None) -> str:
    """Four digits of a number; "missing" for one that is not known."""
    return "missing" if value is None or not math.isfinite(value) else f"{value:.4g}"


def _splits_sentence(representations: Sequence[Representation]) -> str:
    measured = [one.separation for one in representations if one.separation]
    if not measured:
        return ""
    runs = sorted({len(found.nearest.values) for found in measured})
    tested = sorted({f"{found.tested:,} of {found.vectors:,}" for found in measured})
    return (
        f"Mean ± standard deviation over {_either(runs)} random splits (clustering: initialisations); "
        f"{_either(tested)} vectors are tested."
    )


def _either(values: Sequence[object]) -> str:
    return " or ".join(str(value) for value in values)


def _confusion(charts: dict[str, Figure], key: str, name: str, way: str, found: Separation) -> Pictured:
    by_name = np.argsort(found.categories)
    categories = [found.categories[place] for place in by_name]
    confusion = (found.nearest_confusion if way == "nearest" else found.logistic_confusion)[np.ix_(by_name, by_name)]
    charts[key] = confusion_chart(categories, confusion)
    wrong = np.array(confusion)
    np.fill_diagonal(wrong, 0)
    said = {"nearest": "nearest neighbour", "logistic": "logistic regression"}[way]
    caption = f"Of {confusion.sum():,} answers {wrong.sum():,} are wrong"
    if wrong.any():
        row, column = np.unravel_index(wrong.argmax(), wrong.shape)
        one, other = categories[row], categories[column]
        caption += f", most often {one} taken for {other} ({wrong.max():,} times)"
    return Pictured(key, f"{name}, {said}", caption + ".", f"Confusion matrix of {name} by {said}")


def _projection(charts: dict[str, Figure], key: str, one: Representation, order: Sequence[str]) -> Pictured:
    assert one.projection is not None
    charts[key] = projection_chart(one.projection, order)
    count = len(one.projection.points)
    amount = (
        f"All {count:,} vectors" if count <= MOST_POINTS else f"{MOST_POINTS:,} of {count:,} vectors, evenly chosen"
    )
    return Pictured(key, one.name, f"{amount}.", f"Vectors of {one.name} in the plane, coloured by category")


def _strip(name: str, between: Between) -> Strip:
    count = len(between.meshes)
    steps = [DenoisingStep(label=f"{place / (count - 1):.0%}", mesh=mesh) for place, mesh in enumerate(between.meshes)]
    caption = f"From {between.ends[0]} to {between.ends[1]}"
    if empty := sum(mesh is None for mesh in between.meshes):
        caption += f"; {empty} of {count} fields have no surface"
    return Strip(name, strip(steps, between.up), caption + ".")


def _starts(charts: dict[str, Figure], representations: Sequence[Representation]) -> list[Pictured]:
    """The two charts of Figure 3, and how far a barrier is above its ends; none where no representation was fitted twice."""
    curves = {one.name: (place, one.perturbation) for place, one in enumerate(representations) if one.perturbation}
    if not curves:
        return []
    found = []
    for quantity, (title, caption) in STARTS.items():
        charts[quantity] = perturbation_chart(curves, quantity)
        missing = {name: int((~np.isfinite(getattr(curve, quantity))).sum()) for name, (_, curve) in curves.items()}
        without = [
            f"{name} {count:,} of {getattr(curves[name][1], quantity).size:,}"
            for name, count in missing.items()
            if count
        ]
        if without:
            caption += f" Left out, being undefined: {', '.join(without)}."
        found.append(
            Pictured(quantity, title, caption, f"{title} against perturbation strength, a line a representation")
        )
    return found


def _farthest_table(representations: Sequence[Representation]) -> Table | None:
    """Figure 3 in numbers, at the largest strength: means over instances, and how far apart an instance's vectors are."""
    measured = [(one.name, one.perturbation) for one in representations if one.perturbation]
    if not measured:
        return None
    rows = []
    for name, found in measured:
        last = int(np.argmax(found.strengths))
        means = [number(float(moments(getattr(found, quantity))[0][last])) for quantity in STARTS]
        rows.append((name, (f"{found.strengths[last]:g}", *means, number(found.distance_ratio[last]))))
    titles = (title for title, _ in STARTS.values())
    return Table(("Strength", *titles, "Distance, same over different instances"), tuple(rows))


def _basis(charts: dict[str, Figure], key: str, name: str, basis: BasisSimilarity) -> Pictured:
    charts[key] = basis_chart(basis)
    bases = len(basis.similarity)
    caption = f"{bases:,} bases"
    if bases > MOST_BASES:
        caption += f", the first {MOST_BASES} shown"
    if bases > 1:
        between = basis.similarity[~np.eye(bases, dtype=bool)]
        caption += f"; between two of them {between.mean():.3f} on average, {between.max():.3f} at most"
    return Pictured(
        key, f"{name}, {basis.layer}", caption + ".", f"Similarity of the basis networks of {name}, {basis.layer}"
    )
