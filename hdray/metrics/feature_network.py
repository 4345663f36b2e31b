"""Networks that turn point clouds into features: weights from a file or URL that the user names, their hash kept."""

import hashlib
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hdray.errors import UserError
from hdray.metrics import pointnet, pointnet2
from hdray.metrics.normalise import normalise

NETWORKS: dict[str, tuple[type[nn.Module], dict[str, int]]] = {
    "pointnet": (pointnet.PointNet, pointnet.LAYERS),
    "pointnet2": (pointnet2.PointNet2, pointnet2.LAYERS),
}
"""Each network with its layers and their sizes."""

BATCH = 16

MODELNET40 = (
    "airplane", "bathtub", "bed", "bench", "bookshelf", "bottle", "bowl", "car", "chair", "cone", "cup", "curtain", "desk",
    "door", "dresser", "flower_pot", "glass_box", "guitar", "keyboard", "lamp", "laptop", "mantel", "monitor",
    "night_stand", "person", "piano", "plant", "radio", "range_hood", "sink", "sofa", "stairs", "stool", "table", "tent",
    "toilet", "tv_stand", "vase", "wardrobe", "xbox",
)  # fmt: skip
"""The classes of both networks' logits, in their order."""


@dataclass(frozen=True)
class FeatureNetwork:
    """A network that is ready to be asked, and the SHA-256 of the file its weights came from."""

    name: str
    sha256: str
    module: nn.Module


def read_weights(source: str) -> bytes:
    """The file at `source`, a path or a URL that fsspec knows (https, s3). Raises UserError where it cannot be read."""
    import fsspec

    try:
        with fsspec.open(source) as file:
            return bytes(file.read())
    except Exception as error:  # each protocol raises its own; all are the user's to mend
        raise UserError(
            f"the weights {source} cannot be read ({type(error).__name__}: {error}); give the path or URL of a file that "
            "torch.save wrote"
        ) from error


def network_of(name: str, content: bytes, source: str) -> FeatureNetwork:
    """The network `name` with the weights in a file's bytes; `source` names the file in errors.

    The file is what torch.save wrote: a state dict, or a training checkpoint that holds one as `model_state_dict` or
    `state_dict`. It is read with weights_only, so no code in it is run. Raises UserError where it does not fit.
    """
    if name not in NETWORKS:
        raise UserError(f"there is no feature network {name!r}; there are {', '.join(NETWORKS)}")
    module = NETWORKS[name][0]()
    try:
        # Checkpoints often hold an accuracy as a numpy number, which is data as well.
        with torch.serialization.safe_globals(_numpy_numbers()):
            state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        for key in ("model_state_dict", "state_dict"):
            state = state.get(key, state)
        module.load_state_dict(state)
    except Exception as error:  # unpickling broken bytes may raise anything
        detail = " ".join(str(error).split())[:300]
        raise UserError(
            f"the weights {source} are not those of {name} ({type(error).__name__}: {detail}); give the file of a "
            f"{name} classifier of ModelNet40"
        ) from error
    module.eval().requires_grad_(False)
    return FeatureNetwork(name, hashlib.sha256(content).hexdigest(), module)


@torch.inference_mode()
def extract_features(
    network: FeatureNetwork, clouds: Tensor, layers: tuple[str, ...], normalisation: str, device: str = "cpu"
) -> dict[str, Tensor]:
    """Features (N, size) float32 on the CPU of clouds (N, P, 3) at each of `layers`, each cloud normalised before.

    A cloud's features do not depend on the others. Raises ValueError for a layer that the network does not have.
    """
    sizes = NETWORKS[network.name][1]
    if missing := [layer for layer in layers if layer not in sizes]:
        raise ValueError(f"{network.name} has no layer {missing[0]!r}; it has {', '.join(sizes)}")
    module = network.module.to(device)
    found: dict[str, list[Tensor]] = {layer: [torch.empty(0, sizes[layer])] for layer in layers}
    for batch in clouds.split(BATCH) if len(clouds) else ():
        outputs = module(normalise(batch.float(), normalisation).to(device))
        for layer in layers:
            found[layer].append(outputs[layer].cpu())
    return {layer: torch.cat(parts) for layer, parts in found.items()}


def turned(clouds: Tensor, degrees: float) -> Tensor:
    """Clouds (N, P, 3) turned about the y axis, which points up in ModelNet40 as these networks saw it."""
    angle = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    cosine, sine = float(angle.cos()), float(angle.sin())
    rotation = clouds.new_tensor([[cosine, 0.0, sine], [0.0, 1.0, 0.0], [-sine, 0.0, cosine]])
    return clouds @ rotation.T


def _numpy_numbers() -> list[Any]:
    """What a pickled numpy number consists of, under the names that numpy 1 and 2 give it."""
    scalar = np.float64(0).__reduce__()[0]
    names = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")
    return [*((scalar, name) for name in names), np.dtype, np.dtypes.Float64DType, np.dtypes.Float32DType]
