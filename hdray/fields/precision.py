"""Names of the arithmetic that fields compute their matrix products in."""

import torch

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
