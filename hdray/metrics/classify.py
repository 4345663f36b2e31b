"""What weight vectors know of categories: how well nearest neighbours, a linear classifier and clusters find them.

Section 4.4 and Table 4 of "Weight Space Representation Learning with Neural Fields" (mLoRA): accuracy of the
nearest neighbour by cosine similarity, accuracy of logistic regression, and the adjusted Rand index of k-means with as
many clusters as categories, each over ten random splits or initialisations. The paper states neither the share of the
splits, nor scaling, nor penalty; here:

- Splits are stratified, 20 % for testing.
- Nearest neighbours and k-means see the vectors as they are, k-means with one k-means++ initialisation a run.
- Logistic regression sees standardised entries. Weights are some hundredths, and entries of different layers differ in
  spread by tens: unscaled, the penalty (scikit-learn's, C = 1) decides which entries count. Mean and spread are those of
  all vectors, whose categories are not looked at, so that one rotation (hdray.metrics.compact) serves all splits.

Beside them stand what is reached without looking at a vector (`majority`), and by a vector's scale alone (`pooled`): a
representation that does no better than these knows nothing of categories in its directions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hdray.errors import UserError
from hdray.metrics.compact import compact
from hdray.seeds import seed_of

RUNS = 10
TEST_SHARE = 0.2
_ROWS = 1024  # of similarities at a time
_MOST_STEPS = 2_000  # of logistic regression; scikit-learn warns where they do not suffice


@dataclass(frozen=True)
class Repeated:
    """A number measured in several runs."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over the runs."""
        return float(np.mean(self.values))

    @property
    def deviation(self) -> float:
        """Standard deviation over the runs (divided by their number less one); NaN of a single one."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else float("nan")


@dataclass(frozen=True)
class Separation:
    """How well C categories are found in N vectors. Accuracies are fractions of the test part of each split."""

    categories: tuple[str, ...]
    """In the order of their first appearance; rows and columns of the confusion matrices."""
    vectors: int
    tested: int
    """Vectors in the test part of a split."""
    clustering: Repeated
    """Adjusted Rand index of k-means: 1 where clusters are the categories, 0 on average by chance."""
    nearest: Repeated
    logistic: Repeated
    majority: Repeated
    """Accuracy of always answering the most frequent category of the training part."""
    pooled: Repeated
    """Accuracy of logistic regression on five statistics of a vector's entries, whatever their places (`pooled`)."""
    nearest_confusion: npt.NDArray[np.int64]
    """(C, C): how often a vector of the row's category was taken for the column's, all splits together."""
    logistic_confusion: npt.NDArray[np.int64]


def separation(
    vectors: Tensor, categories: Sequence[str], *, seed: int, runs: int = RUNS, device: torch.device | str = "cpu"
) -> Separation:
    """Measure vectors (N, D) with N categories. The same arguments give the same result, whatever categories are called.

    Holds a few (N, min(N, D)) matrices in float64: 0.2 GB each for 5,000 vectors. Raises UserError for fewer than two
    categories, a category of a single vector, or so few vectors that a test part could not hold one of each; ValueError
    for vectors that are not finite or not as many as categories.
    """
    if len(vectors) != len(categories):
        raise ValueError(f"{len(vectors)} vectors need as many categories, not {len(categories)}")
    names = tuple(dict.fromkeys(categories))
    labels = np.array([names.index(category) for category in categories])
    _check(names, labels)
    raw, standardised = compact(vectors, device=device), compact(vectors, standardise=True, device=device).numpy()
    scales = compact(pooled(vectors), standardise=True).numpy()
    taken_for: dict[str, list[npt.NDArray[np.int64]]] = {"nearest": [], "logistic": [], "majority": [], "pooled": []}
    clustering = []
    with _one_thread():
        for run in range(runs):
            stream = seed_of(seed, "separation", run) % 2**32
            train, test = _split(labels, stream)
            answers = {
                "nearest": labels[train][nearest_by_cosine(raw[test], raw[train]).numpy()],
                "logistic": _logistic(standardised, labels, train, test),
                "majority": np.full(len(test), np.bincount(labels[train]).argmax()),
                "pooled": _logistic(scales, labels, train, test),
            }
            for way, answer in answers.items():
                taken_for[way].append(_confusion(labels[test], answer, len(names)))
            clustering.append(_clustering(raw.numpy(), labels, len(names), stream))
    accuracies = {way: Repeated(tuple(_accuracy(one) for one in found)) for way, found in taken_for.items()}
    return Separation(
        categories=names,
        vectors=len(labels),
        tested=len(test),
        clustering=Repeated(tuple(clustering)),
        nearest_confusion=np.sum(taken_for["nearest"], axis=0),
        logistic_confusion=np.sum(taken_for["logistic"], axis=0),
        **accuracies,
    )


def nearest_by_cosine(vectors: Tensor, others: Tensor) -> Tensor:
    """Which of the others (M, D) has the largest cosine similarity to each of vectors (N, D): (N,) int64.

    The first one of equals; a vector of zeros is as near to one as to another.
    """
    unit, unit_others = (torch.nn.functional.normalize(some, dim=1) for some in (vectors, others))
    return torch.cat([(rows @ unit_others.T).argmax(dim=1) for rows in unit.split(_ROWS)])


def pooled(vectors: Tensor) -> Tensor:
    """Mean, standard deviation, mean magnitude, least and largest entry of each vector (N, D): (N, 5) float64."""
    rows = []
    for block in vectors.split(_ROWS):
        entries = block.double()
        spread = entries.std(dim=1, correction=0)
        rows.append(torch.stack([entries.mean(1), spread, entries.abs().mean(1), entries.amin(1), entries.amax(1)], 1))
    return torch.cat(rows).cpu()


def _check(names: Sequence[str], labels: npt.NDArray[np.int64]) -> None:
    if len(names) < 2:
        raise UserError(f"telling categories apart needs two of them or more; the vectors have {list(names)}")
    counts = np.bincount(labels)
    if counts.min() < 2:
        single = names[int(counts.argmin())]
        raise UserError(f"category {single!r} has a single vector; to be learned and tested it needs two or more")
    if TEST_SHARE * len(labels) < len(names) or (1 - TEST_SHARE) * len(labels) < len(names):
        raise UserError(
            f"{len(labels)} vectors are too few for {len(names)} categories: a test part of {TEST_SHARE:.0%} could not "
            f"hold one of each; {int(np.ceil(len(names) / TEST_SHARE))} or more could"
        )


def _split(labels: npt.NDArray[np.int64], stream: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Indices of the training and the test part, every category in proportion."""
    from sklearn.model_selection import StratifiedShuffleSplit

    splits = StratifiedShuffleSplit(1, test_size=TEST_SHARE, random_state=stream)
    return next(splits.split(np.zeros(len(labels)), labels))


def _logistic(
    features: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
    train: npt.NDArray[np.int64],
    test: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Categories (T,) that multinomial logistic regression gives the test rows of features (N, R)."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=_MOST_STEPS).fit(features[train], labels[train]).predict(features[test])


def _clustering(points: npt.NDArray[np.float64], labels: npt.NDArray[np.int64], clusters: int, stream: int) -> float:
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    found = KMeans(clusters, n_init=1, random_state=stream).fit_predict(points)
    return float(adjusted_rand_score(labels, found))


def _confusion(labels: npt.NDArray[np.int64], answers: npt.NDArray[np.int64], categories: int) -> npt.NDArray[np.int64]:
    """(C, C) counts, a row for each true category."""
    return np.bincount(labels * categories + answers, minlength=categories**2).reshape(categories, categories)


def _accuracy(confusion: npt.NDArray[np.int64]) -> float:
    return float(np.trace(confusion) / confusion.sum())


def _one_thread() -> Any:
    """scikit-learn's sums over threads are of any order; over one they are the same every time."""
    import sklearn.cluster  # noqa: F401  # its OpenMP is found once it is loaded
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, user_api="openmp")
