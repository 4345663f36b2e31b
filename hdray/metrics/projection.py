"""Vectors in the plane, like ones near each other: t-SNE (van der Maaten and Hinton 2008), as Figure 5 of the mLoRA paper.

Distances between groups and their sizes mean nothing in such a picture, only who is whose neighbour; numbers are in
hdray.metrics.classify.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hdray.errors import UserError
from hdray.metrics.compact import compact
from hdray.seeds import seed_of

COMPONENTS = 50
PERPLEXITY = 30.0


def in_the_plane(vectors: Tensor, *, seed: int, device: torch.device | str = "cpu") -> npt.NDArray[np.float64]:
    """Points (N, 2) of vectors (N, D): t-SNE of their first 50 principal components, which it starts from.

    Perplexity 30, or a third of the others where there are few. The same arguments give the same points on one machine.
    Raises UserError for fewer than four vectors, or ones that are all the same.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if len(vectors) < 4:
        raise UserError(f"a picture of {len(vectors)} vectors says nothing; it needs four or more")
    if (vectors == vectors[0]).all():
        raise UserError("vectors that are all the same have no picture")
    stream = seed_of(seed, "t-SNE") % 2**32
    coordinates = compact(vectors, device=device).numpy()
    with threadpool_limits(1, user_api="openmp"):  # sums over threads are of any order
        components = min(COMPONENTS, *coordinates.shape)
        principal = PCA(components, random_state=stream).fit_transform(coordinates)
        start = np.zeros((len(principal), 2))
        start[:, : min(2, components)] = principal[:, :2] / principal[:, 0].std() * 1e-4
        perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
        return TSNE(perplexity=perplexity, init=start, random_state=stream).fit_transform(principal).astype(np.float64)
