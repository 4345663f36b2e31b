"""The memorisation audit in sentences: new shapes, or copies of the training set?"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hdray.report.data import NearestDistances

_NEAR = 0.05  # the held-out quantile that marks "unusually near"
_LEAN = 0.15  # share of unusually near shapes from which on it is no longer chance (two standard errors at 64 are 0.05)


@dataclass(frozen=True)
class Copying:
    """The audit in one number, and what it means."""

    value: str
    sentence: str


_SURE = 1.96  # a standard normal is farther out in 5 % of cases


def copying(metrics: Mapping[str, float]) -> Copying | None:
    """The Mann-Whitney Z by Chamfer distance, if it is known."""
    z = metrics.get("nearest_chamfer_copying_z")
    if z is None:
        return None
    if z < -_SURE:
        verdict = "Here they do: copying."
    elif z > _SURE:
        verdict = "Here they are farther, as rough copies would be too: by this distance no copying is seen."
    else:
        verdict = "Here the difference may be chance: by this distance no copying is seen."
    in_weights = metrics.get("nearest_weights_copying_z", 0.0)
    if in_weights < -_SURE:
        verdict += f" In weights Z is {in_weights:.2f}: there they are nearer, so the model copies weights."
    return Copying(
        f"{z:.2f}",
        "Mann-Whitney Z: are generated shapes nearer to the training set, by Chamfer distance, than held-out shapes are? "
        f"Below -{_SURE} they are, by more than chance would do in one run of forty: the model copies. 0 is as near as "
        f"unseen real shapes, above {_SURE} is farther. {verdict}",
    )


@dataclass(frozen=True)
class AuditFinding:
    """One space of the memorisation audit, judged."""

    title: str
    sentence: str


def audit_finding(distances: NearestDistances) -> AuditFinding:
    """Compare how far generated, held-out and noised shapes are from the training set, and say what follows.

    The rule: a median generated shape no farther than 95 % of the noised ones is a copy; otherwise, more than 15 % of
    generated shapes nearer than all but 5 % of held-out ones is a lean towards copies; otherwise none is seen.
    """
    generated, held_out, noise = (
        np.asarray(values, np.float64)[np.isfinite(values)]
        for values in (distances.generated, distances.held_out, distances.noise)
    )
    where = "in weights" if distances.space == "weights" else "by Chamfer distance"
    title = f"Nearest training shape {where}"
    parts = [
        f"{name} {np.median(values):.3g}"
        for name, values in (("generated", generated), ("held out", held_out), ("training weights plus noise", noise))
        if len(values)
    ]
    sentence = f"Median distance to the nearest training shape {where}: " + ", ".join(parts) + "."
    if copies := int((generated == 0).sum()):
        sentence += f" {copies} generated shapes are exact copies, at distance 0, which a logarithmic axis cannot show."
    if len(generated) == 0 or len(held_out) == 0:
        return AuditFinding(title, sentence + " Without generated and held-out shapes there is no verdict.")
    near = float(np.mean(generated < np.quantile(held_out, _NEAR)))
    sentence += (
        f" {100 * near:.0f} % of generated shapes are nearer to the training set than all but the nearest 5 %"
        " of held-out shapes; about 5 % would be expected of new shapes from the same distribution."
    )
    if len(noise) and np.median(generated) <= np.quantile(noise, 0.95):
        verdict = "Generated shapes are as near as noised copies: here the model memorises."
    elif near > _LEAN:
        verdict = "They lean towards the training set more than new shapes would: compare the nearest ones above."
    elif np.median(generated) > 2 * np.median(held_out):
        verdict = "No copying, but generated shapes are far from all real ones: new, or not yet like the training set."
    else:
        verdict = "Generated shapes keep about the distance that unseen real shapes keep: no sign of memorising here."
    return AuditFinding(title, f"{sentence} {verdict}")
