"""Peak signal-to-noise ratio of fields against what they were fitted to.

Of shapes the mNIF paper (You et al. 2023, Table 2) gives mean squared error and PSNR without saying of which values. They
must be occupancies from 0 to 1, with the mean of shapes' PSNRs: that mean is at least the PSNR of the mean error (Jensen),
which is 15.3 dB for GASP's 0.0296 with a peak of 1, printed 16.5, but 21.3 dB with one of 2 (targets of -1 and 1, as its
code trains them). Which points it is of remains unsaid.
"""

import torch
from torch import Tensor


def psnr(predicted: Tensor, targets: Tensor, peak: float = 1.0) -> Tensor:
    """10 log10(peak^2 / mean squared error) in decibels, float64 (K,), of K fields.

    predicted, targets: values (K, P, c) at P points of c channels, in one unit; `peak` is the range of the targets (1
    for occupancies, as probabilities, and for images from 0 to 1). Infinite where there is no error.

    Raises ValueError for shapes that differ, no values, or a peak that is not above zero.
    """
    if predicted.shape != targets.shape or predicted.dim() != 3 or not predicted[0:1].numel():
        raise ValueError(f"values are {tuple(predicted.shape)} and {tuple(targets.shape)}; both must be one (K, P, c)")
    if not peak > 0:
        raise ValueError(f"a peak of {peak}; it must be above 0")
    errors = [
        (one.double() - other.double()).square().mean() for one, other in zip(predicted, targets, strict=True)
    ]  # an instance at a time: no float64 copy of all of them
    return 10 * torch.log10(peak**2 / torch.stack(errors))
