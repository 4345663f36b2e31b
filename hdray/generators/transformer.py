"""The denoising transformer over weight tokens (HyperDiffusion section 5, after G.pt).

Shapes: B vectors, D weights, S weight tokens, E tokens that a caller embeds (none here), T = S + 1 + E tokens with the
time token, W width.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from hdray.generators.settings import GeneratorSettings

TIME_FREQUENCIES = 128
TIME_SIZE = 2 * TIME_FREQUENCIES + 1
DEVIATION = 0.02
"""Of the entries of matrices at the start."""


class TokenTransformer(nn.Module):
    """Maps a noisy vector and its diffusion step to a vector of the same size.

    Each token enters and leaves through a bias-free Linear of its own, because layers have different sizes; the
    diffusion step is one more token. With the eight tokens of the 36,737-weight MLP, width 2,880, 12 layers and 16
    heads it has 1,407,225,600 parameters.
    """

    def __init__(self, token_sizes: tuple[int, ...], settings: GeneratorSettings, embedded: int = 0) -> None:
        """`embedded`: E, the tokens that a subclass makes by itself and passes through `attend`."""
        super().__init__()
        self.token_sizes = token_sizes
        width = settings.width
        self.inputs = nn.ModuleList(nn.Linear(size, width, bias=False) for size in (*token_sizes, TIME_SIZE))
        self.norm_in = nn.LayerNorm(width)
        self.positions = nn.Parameter(torch.zeros(len(token_sizes) + 1 + embedded, width))
        self.blocks = nn.ModuleList(Block(width, settings.heads) for _ in range(settings.layers))
        self.norm_out = nn.LayerNorm(width)
        self.outputs = nn.ModuleList(nn.Linear(width, size, bias=False) for size in token_sizes)

    def initialise(self, generator: torch.Generator) -> None:
        """Draw every matrix from N(0, 0.02^2); biases and positions are zero, norms the identity (as in G.pt)."""
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, nn.Linear):
                    module.weight.normal_(std=DEVIATION, generator=generator)
                    if module.bias is not None:
                        module.bias.zero_()

    def forward(self, noisy: Tensor, timestep: Tensor) -> Tensor:
        """noisy (B, D) and integer timestep (B,) to (B, D), in the precision of the weights."""
        outputs, _ = self.attend(noisy.split(self.token_sizes, dim=1), timestep)
        return torch.cat(outputs, dim=1)

    def attend(
        self, pieces: Sequence[Tensor], timestep: Tensor, embedded: Tensor | None = None
    ) -> tuple[list[Tensor], Tensor]:
        """Pieces, S of (B, size), and tokens that are `embedded` already, (B, E, W), to the same; steps are (B,)."""
        dtype = self.positions.dtype
        entering = [*(piece.to(dtype) for piece in pieces), time_features(timestep).to(dtype)]
        columns = [project(piece) for project, piece in zip(self.inputs, entering, strict=True)]  # S + 1 of (B, W)
        tokens = torch.stack(columns, dim=1)
        if embedded is not None:
            tokens = torch.cat([tokens, embedded], dim=1)
        tokens = self.norm_in(tokens) + self.positions  # (B, T, W)
        for block in self.blocks:
            tokens = block(tokens)
        tokens = self.norm_out(tokens)
        count = len(self.token_sizes)
        weights = zip(self.outputs, tokens[:, :count].unbind(dim=1), strict=True)
        # Nothing is read off the time token, number S.
        return [project(token) for project, token in weights], tokens[:, count + 1 :]


class Block(nn.Module):
    """Pre-norm attention and a GELU MLP of four times the width, each added to its input."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)
        self.norm_mlp = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 4 * width)
        self.contract = nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T, W) to (B, T, W)."""
        vectors, count, width = tokens.shape
        qkv = self.query_key_value(self.norm_attention(tokens))
        split = qkv.view(vectors, count, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(split[0], split[1], split[2])  # (B, heads, T, W / heads)
        tokens = tokens + self.projection(attended.transpose(1, 2).reshape(vectors, count, width))
        return tokens + self.contract(functional.gelu(self.expand(self.norm_mlp(tokens))))


def time_features(timestep: Tensor) -> Tensor:
    """(B,) integer steps to (B, 257) fp32: sine and cosine at 128 frequencies 2^0 ... 2^20, and the step itself."""
    exponents = torch.linspace(0, 20, TIME_FREQUENCIES, device=timestep.device)
    steps = timestep.float().unsqueeze(1)
    angles = steps * torch.exp2(exponents)
    return torch.cat([angles.sin(), angles.cos(), steps], dim=1)
