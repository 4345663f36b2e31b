"""Training what the instances of an mNIF share: bases and projection, by meta-learning or by auto-decoding.

You et al. 2023, section 4.1: in Algorithm 1 a latent is found anew at every visit by a few gradient steps from near
zero, through which the bases are trained; in Algorithm 2 every instance keeps a latent, trained along with the bases.

Both are functions of parameters, second derivatives included for the first, and read them outside the forward pass of
the modules that hold them. So they train under the ZeRO stages that leave parameters whole, and in fp32 (the Network in
hdray/fields/kinds.py says so to whoever configures them).

Shapes in comments: N instances, S points stored of each, B instances in a batch, P points of one, H entries of a latent.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from hdray.fields.mixture_bases import MixtureBases, latent_size
from hdray.fields.settings import FieldSettings
from hdray.fields.siren_mixture import SirenMixture
from hdray.fields.siren_mixture_gradient import mixture_losses
from hdray.fitting.adaptation import adapted
from hdray.fitting.point_set import PointSet
from hdray.generators.epochs import ShuffledEpochs
from hdray.generators.optimiser import ParameterGroups, decay_groups
from hdray.generators.settings import TrainSettings
from hdray.seeds import torch_stream
from hdray.signals.points import decode

LATENT_SPREAD = 1e-4
"""Standard deviation that latents start with in training (the published code's; fits start from zero)."""
RATES = (0.005, 0.1)
"""Between which the learned rates are drawn (the published code's)."""


class Shared(nn.Module):
    """The bases, and what is trained with them: of meta-learning `rates` (H,), of auto-decoding a table of latents."""

    rates: nn.Parameter
    latents: nn.Embedding

    def __init__(self, settings: FieldSettings) -> None:
        super().__init__()
        self.mixture = MixtureBases(settings)


class MixtureTraining(ABC):
    """What both ways have in common: instances in shuffled epochs, `mixture_points` of their points a step."""

    def __init__(self, points: PointSet, settings: FieldSettings, seed: int) -> None:
        self.points, self.settings, self.seed = points, settings, seed
        self.epochs = ShuffledEpochs(self.records, seed, "training", "epoch")
        self.module = Shared(settings)
        self.module.mixture.initialise(torch_stream(seed, "mixture", "initialisation"))
        self.complete()
        # The parameters themselves, so that the field is always that of the present state of training.
        self.field = SirenMixture(settings, dict(self.module.mixture.named_parameters()))

    @abstractmethod
    def complete(self) -> None:
        """Give the module what this way trains beside the bases."""

    @abstractmethod
    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """The mean loss over the rows of a batch."""

    @property
    def records(self) -> int:
        """N."""
        return len(self.points.ids)

    def parameter_groups(self, settings: TrainSettings) -> ParameterGroups:
        """Weights of bases and projection decay, their biases only if everything does, rates and latents never."""
        return decay_groups(
            (
                (parameter, name.startswith("mixture.") and (settings.decay_everything or not name.endswith("bias")))
                for name, parameter in self.module.named_parameters()
            ),
            settings,
        )

    def batch(self, step: int, rows: range, size: int) -> dict[str, Tensor]:
        """`instances` (B,), `coords` (B, P, 3), their labels `inside` (B, P), and what `of_row` adds.

        A row depends on the seed, the step and itself alone; its points are drawn with replacement.
        """
        count = self.settings.mixture_points
        instances, coords, inside, more = [], [], [], []
        for row in rows:
            stream = torch_stream(self.seed, "training", step, row)
            picked = self.epochs.pick(step * size + row)
            places = torch.randint(self.points.stored, (count,), generator=stream)
            codes, labels = self.points.drawn(picked, places.numpy())
            instances.append(picked)
            coords.append(torch.from_numpy(decode(codes)))
            inside.append(torch.from_numpy(labels).float())
            more.append(self.of_row(stream))
        return {
            "instances": torch.tensor(instances),
            "coords": torch.stack(coords),
            "inside": torch.stack(inside),
            **{name: torch.stack([one[name] for one in more]) for name in more[0]},
        }

    def of_row(self, stream: torch.Generator) -> dict[str, Tensor]:
        """What else a row of a batch has, drawn from its stream."""
        return {}

    def losses(self, latents: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Each instance's loss (B,) with latents (B, H)."""
        values = self.field.values(latents, batch["coords"]).squeeze(-1)
        return mixture_losses(values, batch["inside"], self.settings)

    def export(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The field's `shared`, and the latents by the order of the ids as `latents.weight` (N, H) where they are kept."""
        return {name.removeprefix("mixture."): weight for name, weight in weights.items()}


class MetaLearning(MixtureTraining):
    """Algorithm 1: bases from which three steps lead to any instance; rates of the steps are learned, entry by entry.

    Differs from the published code in one thing: the loss that a latent follows is its own instance's mean. There it is
    the mean over the batch, so that 32 instances take steps 32 times smaller (`inner_rate` 1/32, the default, is the same).
    """

    def complete(self) -> None:
        """Rates, drawn within their bounds."""
        drawn = torch.rand(latent_size(self.settings), generator=torch_stream(self.seed, "rates", "initialisation"))
        self.module.rates = nn.Parameter(RATES[0] + (RATES[1] - RATES[0]) * drawn)

    def of_row(self, stream: torch.Generator) -> dict[str, Tensor]:
        """`start` (H,), where the latent starts."""
        return {"start": LATENT_SPREAD * torch.randn(latent_size(self.settings), generator=stream)}

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """The mean over instances of the loss that is left after adaptation, on the points that adaptation saw."""
        latents = adapted(self.field, batch["start"], batch["coords"], batch["inside"], self.rates())
        return self.losses(latents, batch).mean()

    def rates(self) -> Tensor:
        """Sizes (H,) of the inner steps: learned, held between 0 and 1, times `inner_rate`."""
        rates = self.module.rates
        # The gradient passes the bounds as if there were none, so that a rate that has reached one can come back.
        return self.settings.inner_rate * (rates + (rates.clamp(0, 1) - rates).detach())

    def export(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The field's `shared`, with `rates` (H,) as the steps take them."""
        exported = super().export(weights)
        return {**exported, "rates": self.settings.inner_rate * exported["rates"].clamp(0, 1)}


class MixtureAutoDecoding(MixtureTraining):
    """Algorithm 2: a table of latents, penalised by their squared length, learned with the bases.

    All of it is trained by one AdamW. The published code trains latents by plain SGD of rate 1e-4 beside AdamW for the
    bases; with AdamW every latent moves as far as a basis weight does, whatever the size of its gradient, and goes on a
    little by its momentum in steps that do not show its instance.
    """

    def complete(self) -> None:
        """A latent for each instance, drawn for its id."""
        size = latent_size(self.settings)
        streams = [torch_stream(self.seed, instance, "latent") for instance in self.points.ids]
        drawn = torch.stack([LATENT_SPREAD * torch.randn(size, generator=stream) for stream in streams])
        self.module.latents = nn.Embedding(self.records, size, _weight=drawn)

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """The mean over instances of loss and penalty."""
        latents = self.module.latents(batch["instances"])  # (B, H)
        penalties = latents.square().sum(dim=1) * (self.settings.context_penalty / 2)
        return (self.losses(latents, batch) + penalties).mean()
