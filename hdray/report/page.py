"""The report of a run: its page, and the contact sheet."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hdray.report.audit_findings import audit_finding, copying
from hdray.report.charts import Figure, audit_chart, fit_chart, loss_chart, smoothed
from hdray.report.closest import pair_cards, pairs_sentence
from hdray.report.compared_sets import compared_sets
from hdray.report.conditions import cost_sentence, protocol_sentence
from hdray.report.data import LossCurve, ReportData
from hdray.report.fit_table import fit_table
from hdray.report.gallery import NEIGHBOURS_SHOWN, Gallery, gallery, strip
from hdray.report.inputs import funnel, left_out, other_counts, repairs
from hdray.report.metric_words import metric_table
from hdray.report.missing import missing_stages
from hdray.report.sheet import contact_sheet
from hdray.report.shell import KeyFigure, fill
from hdray.report.withheld import withheld_view

SECTIONS = (
    ("generated", "Generated shapes"),
    ("memorisation", "Generate or memorise?"),
    ("metrics", "Metrics"),
    ("withheld", "Withheld combination"),
    ("denoising", "From noise to a shape"),
    ("training", "Training"),
    ("fits", "Fits"),
    ("inputs", "Counts"),
    ("run", "The run"),
)


@dataclass(frozen=True)
class Report:
    """The files a report consists of."""

    html: str
    samples_png: bytes | None
    """The contact sheet; None while nothing has been generated."""


def write_report(data: ReportData) -> Report:
    """Make the page and the contact sheet. Raises KeyError if a neighbour is not among the training shapes."""
    shown = gallery(data)
    uniform, near = _ious(data)
    html = fill(
        "run.html.j2",
        _charts(data, uniform, near),
        {"samples": shown.samples, "meshes": shown.meshes, "up": data.up, "first": _first(shown)},
        data=data,
        sections=[section for section in SECTIONS if section[0] != "withheld" or data.withheld],
        withheld=withheld_view(data.withheld, data.showing_withheld, data.up) if data.withheld else None,
        missing_stages=missing_stages(data.run),
        figures=_key_figures(data, near),
        cards=shown.cards,
        gallery_sentence=_gallery_sentence(data, len(shown.cards)),
        audit=[audit_finding(distances) for distances in data.audit],
        copying=copying(data.metrics),
        pairs_sentence=pairs_sentence(data) if data.closest else "",
        closest=pair_cards(data),
        metrics=metric_table(data.metrics, data.intervals),
        cost_sentence=cost_sentence(data.cost),
        compared=compared_sets(data.metrics, data.controls, data.protocol),
        protocol_sentence=protocol_sentence(data.protocol),
        strip=strip(data.denoising, data.up),
        loss_sentence=_loss_sentence(data.loss_curve) if data.loss_curve else "",
        fits=fit_table(uniform, near, data.counts.get("inputs", 0)) if len(near) else [],
        fit_sentence=_fit_sentence(near, data.gate),
        funnel=funnel(data.counts),
        other_counts=other_counts(data.counts),
        left_out=left_out(data.instances, data.gate),
        repairs=repairs(data.instances),
        repaired=sum(bool(row.repairs) for row in data.instances),
        times=_times(data),
    )
    return Report(html, contact_sheet(shown.pictures, shown.labels) if shown.pictures else None)


def _first(shown: Gallery) -> int:
    """The sample the page opens with: the first that has a surface."""
    return next((card.number - 1 for card in shown.cards if not card.empty), 0)


def _ious(data: ReportData) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """IoU on uniform and on near-surface points of every fitted shape, (N,) each."""
    fitted = [(row.iou, row.near_iou) for row in data.instances if row.iou is not None and row.near_iou is not None]
    values = np.array(fitted, np.float64).reshape(-1, 2)
    return values[:, 0], values[:, 1]


def _charts(data: ReportData, uniform: npt.NDArray[np.float64], near: npt.NDArray[np.float64]) -> dict[str, Figure]:
    charts = {}
    if data.loss_curve is not None:
        charts["loss"] = loss_chart(data.loss_curve)
    if len(near):
        charts["fits"] = fit_chart(uniform, near, data.gate)
    for index, distances in enumerate(data.audit):
        charts[f"audit-{index}"] = audit_chart(distances)
    return charts


def _key_figures(data: ReportData, near: npt.NDArray[np.float64]) -> list[KeyFigure]:
    counts, metrics = data.counts, data.metrics
    figures = []
    if "inputs" in counts:
        figures.append(KeyFigure("Inputs", f"{counts['inputs']:,}", f"{counts.get('rejected', 0):,} rejected"))
    if "fitted" in counts:
        note = f"{counts['passed']:,} passed the gate" if "passed" in counts else ""
        figures.append(KeyFigure("Fitted", f"{counts['fitted']:,}", note))
    if len(near):
        figures.append(KeyFigure("Fit IoU", f"{np.median(near):.3f}", "median near the surface"))
    if "generated" in counts:
        figures.append(KeyFigure("Generated", f"{counts['generated']:,}", f"{counts.get('empty', 0):,} empty"))
    if "nna_cd" in metrics:
        side = "below 0.5, the best: copies?" if metrics["nna_cd"] < 0.5 else "above 0.5, the best"
        figures.append(KeyFigure("1-NNA", f"{metrics['nna_cd']:.3f}", f"{abs(metrics['nna_cd'] - 0.5):.3f} {side}"))
    if "cov_cd" in metrics:
        figures.append(KeyFigure("Coverage", f"{metrics['cov_cd']:.3f}", "higher is better"))
    if "mmd_cd" in metrics:
        figures.append(KeyFigure("MMD", f"{metrics['mmd_cd']:.3g}", "lower is better"))
    return figures


def _gallery_sentence(data: ReportData, shown: int) -> str:
    total = max(data.counts.get("generated", 0), len(data.generated))
    amount = f"All {total}" if shown == total else f"The first {shown:,} of {total:,}"
    sentence = f"{amount} generated shapes."
    if any(shape.neighbours for shape in data.generated):
        sentence += (
            f" Under each, up to {NEIGHBOURS_SHOWN} of its nearest training shapes, as their fitted fields have them,"
            " with the distance between surfaces (Chamfer) and between weight vectors."
        )
    return sentence


def _loss_sentence(curve: LossCurve) -> str:
    shown = np.isfinite(curve.loss) & (curve.loss > 0)
    if not shown.any():
        return "No logged loss is a positive number, so there is nothing to draw."
    smooth = smoothed(np.asarray(curve.loss, np.float64)[shown])
    steps = np.asarray(curve.steps)[shown]
    ends = [f"{smooth[end]:.3g} at step {steps[end]:,}" for end in (0, -1)]
    sentence = f"Smoothed, the loss went from {ends[0]} to {ends[1]}."
    if not shown.all():
        sentence += f" {int((~shown).sum())} logged values are not positive numbers and are left out."
    return sentence


def _fit_sentence(near: npt.NDArray[np.float64], gate: float | None) -> str:
    if gate is None:
        return f"{len(near):,} fitted shapes; there is no quality gate."
    passed = int((near >= gate).sum())
    return (
        f"{passed:,} of {len(near):,} fitted shapes pass the quality gate: near-surface IoU of at least {gate:g}."
        " Near-surface points are the harder kind: inside and outside lie close together there."
    )


@dataclass(frozen=True)
class _Time:
    name: str
    time: str
    percent: float


def _times(data: ReportData) -> list[_Time]:
    longest = max(data.seconds.values(), default=0.0) or 1.0
    return [_Time(name, _duration(s), round(100 * s / longest, 2)) for name, s in data.seconds.items()]


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
