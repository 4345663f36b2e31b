"""The residual MLP: its size, how it starts, and where its skips go."""

import pytest
import torch

from hdray.generators.residual_mlp import ResidualMLP
from hdray.generators.settings import GeneratorSettings

SETTINGS = GeneratorSettings(kind="latent-diffusion", width=32, layers=4)


@pytest.mark.parametrize(("blocks", "published"), [(8, 274_981_504), (4, 139_600_512)])
def test_size_by_hand(blocks: int, published: int) -> None:
    """Of the published width, for latents of 512: two square layers a block, the step's layer and two norms."""
    width = 4_096
    block = 2 * (width * width + width) + (64 * width + width) + 2 * 2 * width
    time = (128 * 64 + 64) + (64 * 64 + 64)
    ends = (512 * width + width) + (width * 512 + 512) + 2 * width
    with torch.device("meta"):
        model = ResidualMLP(512, GeneratorSettings(kind="latent-diffusion", width=width, layers=blocks))
    counted = sum(parameter.numel() for parameter in model.parameters())
    assert counted == blocks * block + time + ends == published


def test_blocks_start_as_the_identity_so_that_skips_add_up() -> None:
    """Down and up again with identities: each way up adds what entered its partner, here always the input."""
    model = ResidualMLP(6, SETTINGS)
    model.initialise(torch.Generator().manual_seed(0))
    noisy, timestep = torch.randn(3, 6), torch.tensor([0, 5, 400])
    hidden = 3 * model.input(noisy)  # itself, and once for each of two blocks up
    expected = model.output(torch.nn.functional.silu(model.norm_out(hidden)))
    torch.testing.assert_close(model(noisy, timestep), expected)
    assert float(model.output.weight.detach().std()) == pytest.approx((2 / 32) ** 0.5, rel=0.2)


def test_skips_join_partners() -> None:
    """Blocks replaced by plain additions of 1, 10, 100 and 1,000: the third also gets what entered the second."""
    model = ResidualMLP(6, SETTINGS)
    seen = []

    class Adds(torch.nn.Module):
        def __init__(self, amount: int) -> None:
            super().__init__()
            self.amount = amount

        def forward(self, hidden: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
            seen.append(float(hidden[0, 0].detach()))
            return hidden + self.amount

    model.blocks = torch.nn.ModuleList(Adds(amount) for amount in (1, 10, 100, 1_000))
    torch.nn.init.zeros_(model.input.weight)
    torch.nn.init.zeros_(model.input.bias)
    model(torch.zeros(1, 6), torch.tensor([3]))
    assert seen == [0, 1, 11 + 1, 112 + 0]


def test_every_parameter_and_the_step_matter() -> None:
    model = ResidualMLP(6, SETTINGS)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2, generator=torch.Generator().manual_seed(0))
    noisy = torch.randn(2, 6)
    model(noisy, torch.tensor([1, 2])).square().sum().backward()
    assert all(parameter.grad is not None and bool(parameter.grad.any()) for parameter in model.parameters())
    assert not torch.allclose(model(noisy, torch.tensor([1, 1])), model(noisy, torch.tensor([300, 300])))


def test_what_it_cannot_be_is_named() -> None:
    with pytest.raises(ValueError, match="width 40 is not a multiple of 16"):
        ResidualMLP(6, GeneratorSettings(width=40, heads=8, layers=2))
    with pytest.raises(ValueError, match="3 blocks cannot be divided"):
        ResidualMLP(6, GeneratorSettings(width=32, layers=3))
