"""The PointNet classifier (Qi et al. 2017, arXiv 1612.00593) without its transform networks: features of point clouds.

Parameter names are those of the ModelNet40 weights that the learning3d project publishes, so that they load as they are:
five shared layers `feature_model.conv1..5` with `bn1..5`, the maximum over the points, then `linear1..3` with `bn1`, `bn2`.
"""

import torch
from torch import Tensor, nn

WIDTHS = (3, 64, 64, 64, 128, 1024)
LAYERS = {"global": 1024, "linear1": 512, "linear2": 256, "logits": 40}
"""What `features` gives, with its size: the maximum over the points, then the outputs of the layers after their ReLU."""


class SharedLayers(nn.Module):
    """The same five layers for every point."""

    def __init__(self) -> None:
        super().__init__()
        for number in range(1, len(WIDTHS)):
            self.add_module(f"conv{number}", nn.Conv1d(WIDTHS[number - 1], WIDTHS[number], 1))
            self.add_module(f"bn{number}", nn.BatchNorm1d(WIDTHS[number]))

    def forward(self, clouds: Tensor) -> Tensor:
        """Points (B, N, 3) to (B, 1024, N)."""
        hidden = clouds.transpose(1, 2)
        for number in range(1, len(WIDTHS)):
            convolution, normalisation = getattr(self, f"conv{number}"), getattr(self, f"bn{number}")
            hidden = torch.relu(normalisation(convolution(hidden)))
        return hidden


class PointNet(nn.Module):
    """Clouds (B, N, 3), centred in the unit ball, to features and to the logits of 40 classes. For inference only."""

    def __init__(self) -> None:
        super().__init__()
        self.feature_model = SharedLayers()
        self.linear1, self.bn1 = nn.Linear(1024, 512), nn.BatchNorm1d(512)
        self.linear2, self.bn2 = nn.Linear(512, 256), nn.BatchNorm1d(256)
        self.linear3 = nn.Linear(256, LAYERS["logits"])

    def forward(self, clouds: Tensor) -> dict[str, Tensor]:
        """Every layer in LAYERS: (B, its size)."""
        pooled = self.feature_model(clouds).amax(dim=2)
        first = torch.relu(self.bn1(self.linear1(pooled)))
        second = torch.relu(self.bn2(self.linear2(first)))
        return {"global": pooled, "linear1": first, "linear2": second, "logits": self.linear3(second)}
