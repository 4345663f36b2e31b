"""The PointNet++ classifier, single-scale grouping, without normals (Qi et al. 2017, arXiv 1706.02413): features of clouds.

Parameter names are those of the well known PyTorch implementation, so that its ModelNet40 weights load as they are. Those
weights with the 256-d feature `fc2` are what HyperDiffusion's FPD is computed with; there farthest-point sampling starts
at a random point, here at the first, so that a cloud has one feature.
"""

import torch
from torch import Tensor, nn

LAYERS = {"global": 1024, "fc1": 512, "fc2": 256, "logits": 40}
"""What a cloud is turned into, with its size: the maximum over the points, then the layers after their ReLU."""


def farthest_points(clouds: Tensor, count: int) -> Tensor:
    """Indices (B, count) of points of clouds (B, N, 3): the first, then each time the farthest from those chosen.

    Of points equally far the first. Raises ValueError for clouds of fewer points.
    """
    batch, points, _ = clouds.shape
    if points < count:
        raise ValueError(f"{count} points cannot be chosen among {points}")
    chosen = torch.zeros(batch, count, dtype=torch.long, device=clouds.device)
    rows = torch.arange(batch, device=clouds.device)
    nearest = torch.full((batch, points), torch.inf, device=clouds.device)  # squared distance to those chosen
    for place in range(1, count):
        last = clouds[rows, chosen[:, place - 1]][:, None]
        nearest = torch.minimum(nearest, (clouds - last).square().sum(dim=2))
        chosen[:, place] = nearest.argmax(dim=1)
    return chosen


def ball_query(clouds: Tensor, centres: Tensor, radius: float, count: int) -> Tensor:
    """Indices (B, C, count) of the first `count` points of clouds (B, N, 3) within `radius` of centres (B, C, 3).

    First in the order of the cloud, not the nearest. Where there are fewer, the first of them fills up; a centre must be
    a point of the cloud, so that there is one.
    """
    far = torch.cdist(centres, clouds, compute_mode="donot_use_mm_for_euclid_dist") > radius  # (B, C, N)
    order = torch.arange(clouds.shape[1], device=clouds.device).expand_as(far).masked_fill(far, clouds.shape[1])
    # The smallest indices are what is wanted; a cloud may have fewer points than the group.
    found = order.topk(min(count, clouds.shape[1]), dim=2, largest=False, sorted=True).values
    found = nn.functional.pad(found, (0, count - found.shape[2]), value=clouds.shape[1])
    return torch.where(found == clouds.shape[1], found[..., :1], found)


def gather(values: Tensor, indices: Tensor) -> Tensor:
    """Rows of values (B, N, F) at indices (B, ...): (B, ..., F)."""
    rows = torch.arange(len(values), device=values.device).view(-1, *[1] * (indices.dim() - 1))
    return values[rows, indices]


class SetAbstraction(nn.Module):
    """Points with features to fewer points with more: groups around chosen centres, layers shared by their points."""

    def __init__(self, centres: int, radius: float, group: int, inputs: int, widths: list[int]) -> None:
        """`centres` 0: one group of all points, positions as they are. `inputs`: features a point, position included."""
        super().__init__()
        self.centres, self.radius, self.group = centres, radius, group
        self.mlp_convs, self.mlp_bns = nn.ModuleList(), nn.ModuleList()
        for before, after in zip([inputs, *widths], widths, strict=False):
            self.mlp_convs.append(nn.Conv2d(before, after, 1))
            self.mlp_bns.append(nn.BatchNorm2d(after))

    def forward(self, positions: Tensor, features: Tensor | None) -> tuple[Tensor, Tensor]:
        """(B, N, 3) and (B, N, F) or None to centres (B, C, 3) and their features (B, C, last width)."""
        if self.centres:
            centres = gather(positions, farthest_points(positions, self.centres))
            members = ball_query(positions, centres, self.radius, self.group)  # (B, C, K)
            grouped = gather(positions, members) - centres[:, :, None]
            if features is not None:
                grouped = torch.cat([grouped, gather(features, members)], dim=3)
        else:
            centres = positions.new_zeros(len(positions), 1, 3)
            grouped = (positions if features is None else torch.cat([positions, features], dim=2))[:, None]
        hidden = grouped.permute(0, 3, 2, 1)  # (B, F, K, C)
        for convolution, normalisation in zip(self.mlp_convs, self.mlp_bns, strict=True):
            hidden = torch.relu(normalisation(convolution(hidden)))
        return centres, hidden.amax(dim=2).transpose(1, 2)


class PointNet2(nn.Module):
    """Clouds (B, N, 3) of 512 points or more to features and to the logits of 40 classes. For inference only."""

    def __init__(self) -> None:
        super().__init__()
        self.sa1 = SetAbstraction(512, 0.2, 32, 3, [64, 64, 128])
        self.sa2 = SetAbstraction(128, 0.4, 64, 3 + 128, [128, 128, 256])
        self.sa3 = SetAbstraction(0, 0.0, 0, 3 + 256, [256, 512, 1024])
        self.fc1, self.bn1 = nn.Linear(1024, 512), nn.BatchNorm1d(512)
        self.fc2, self.bn2 = nn.Linear(512, 256), nn.BatchNorm1d(256)
        self.fc3 = nn.Linear(256, LAYERS["logits"])

    def forward(self, clouds: Tensor) -> dict[str, Tensor]:
        """Every layer in LAYERS: (B, its size)."""
        positions, features = self.sa1(clouds, None)
        positions, features = self.sa2(positions, features)
        pooled = self.sa3(positions, features)[1][:, 0]
        first = torch.relu(self.bn1(self.fc1(pooled)))
        second = torch.relu(self.bn2(self.fc2(first)))
        return {"global": pooled, "fc1": first, "fc2": second, "logits": self.fc3(second)}
