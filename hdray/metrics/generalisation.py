"""How often generated shapes show a combination of parts that was withheld from training, with all it takes to read that.

The share never stands alone: beside it are how often chairs show the combination in truth, how well the recogniser reads
the surfaces of fitted fields (what a generator can reach at best), and how often it sees the combination where nothing
was generalised: in shapes that were trained on and have it not, and in averages of two of them, which show parts of both.
The share must exceed either.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hdray.metrics.proportions import Proportion, exceeds, proportion

Parts = frozenset[str]


@dataclass(frozen=True)
class Read:
    """Shapes whose parts are known: what is true of each, and what the recogniser says, in the same order."""

    truth: Sequence[Parts]
    shown: Sequence[Parts]

    def accuracy(self, part: str) -> Proportion:
        """How often the recogniser is right about a part."""
        pairs = zip(self.truth, self.shown, strict=True)
        return proportion(sum((part in true) == (part in seen) for true, seen in pairs), len(self.truth))

    def showing(self, parts: Parts) -> Proportion:
        """How often it sees all of these parts."""
        return proportion(sum(parts <= seen for seen in self.shown), len(self.shown))


@dataclass(frozen=True)
class Fits:
    """Chairs of one kind, read off the surfaces of their fitted fields, as samples are, and off their own."""

    fields: Read
    surfaces: Read


def generalisation(
    withheld: Parts,
    samples: Sequence[Parts],
    training: Fits,
    test: Fits,
    mixtures: Sequence[Parts],
    population: Sequence[Parts],
) -> dict[str, Any]:
    """What the samples' parts (one set a sample, empty where it has no surface) say, as plain numbers.

    `training`, `test`: chairs without and with the combination. `mixtures`: what averages of two training vectors show;
    none where vectors cannot be averaged. `population`: the truth of all chairs. Shares have 95 % Wilson intervals; the
    verdict is "resolved" where the share of the samples lies above that of training fields and that of mixtures, whichever
    is larger (95 % interval of the difference).

    Raises ValueError where another of the sets is empty, or a training chair has the combination in truth.
    """
    if any(withheld <= true for true in training.fields.truth):
        raise ValueError(f"a training chair shows {'+'.join(sorted(withheld))}, so it was not withheld")
    share = proportion(sum(withheld <= parts for parts in samples), len(samples))
    false_positives = training.fields.showing(withheld)
    mixed = proportion(sum(withheld <= parts for parts in mixtures), len(mixtures)) if mixtures else None
    mistaken = max((one for one in (false_positives, mixed) if one), key=lambda one: (one.share, one.high))
    truth = training.fields.truth
    return {
        "combination": "+".join(sorted(withheld)),
        "share": asdict(share),
        "population": asdict(proportion(sum(withheld <= true for true in population), len(population))),
        "false_positives": asdict(false_positives),
        "mixtures": asdict(mixed) if mixed else None,
        "recognised": asdict(test.fields.showing(withheld)),
        "parts": {
            part: {
                "samples": asdict(proportion(sum(part in parts for parts in samples), len(samples))),
                "training": asdict(proportion(sum(part in true for true in truth), len(truth))),
                **{
                    f"accuracy_{kind}_{name}": asdict(getattr(fits, kind).accuracy(part))
                    for kind in ("fields", "surfaces")
                    for name, fits in (("training", training), ("withheld", test))
                },
            }
            for part in sorted(withheld)
        },
        "verdict": "resolved" if exceeds(share, mistaken) else "unresolved",
    }


def headline(result: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a result that stand among a run's metrics."""
    share, mixtures = result["share"], result["mixtures"]
    return {
        "withheld_share": share["share"],
        "withheld_share_low": share["low"],
        "withheld_share_high": share["high"],
        "withheld_false_positives": result["false_positives"]["share"],
        **({"withheld_mixtures": mixtures["share"]} if mixtures else {}),
        "withheld_population": result["population"]["share"],
        **{
            f"withheld_accuracy_{name}": min(
                part[f"accuracy_fields_{name}"]["share"] for part in result["parts"].values()
            )
            for name in ("training", "withheld")
        },
    }


def verdict(result: Mapping[str, Any]) -> str:
    """One line: whether samples show the combination more often than what was trained on and mixtures of it seem to."""
    share, mistaken = (_said(result[name]) for name in ("share", "false_positives"))
    mixed = f", and of averages of two of them {_said(result['mixtures'])}" if result["mixtures"] else ""
    return (
        f"{result['verdict']}: {share} samples show the withheld {result['combination']}; of chairs trained on, which have "
        f"it not, {mistaken} are taken for it{mixed}"
    )


def _said(counted: Mapping[str, float]) -> str:
    return (
        f"{counted['count']} of {counted['total']} ({100 * counted['share']:.3g} %, 95 % interval "
        f"{100 * counted['low']:.3g} to {100 * counted['high']:.3g})"
    )
