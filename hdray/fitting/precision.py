"""Which arithmetic the matrix products of fitting use: bf16 only where the hardware multiplies it natively."""

import torch

from hdray.errors import UserError


def has_bf16(device: torch.device | str) -> bool:
    """Whether matrix products in bf16 run natively on this device."""
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu":
        return False
    # Emulated bf16 is slower than fp32, so only the instruction sets that multiply it count. These two queries are
    # private; the public torch.cpu.get_capabilities is not in every torch release supported here.
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.backends.mkldnn.is_available() and native


def resolve(precision: str, device: torch.device | str) -> str:
    """`auto` becomes "bf16" where the device has it, else "fp32"; the other two are taken at their word.

    Raises:
        UserError: bf16 was asked for by name and this device would have to emulate it.
    """
    if precision not in ("auto", "bf16", "fp32"):
        raise ValueError(f"precision = {precision!r} is not one of auto, bf16, fp32")
    native = has_bf16(device)
    if precision == "bf16" and not native:
        raise UserError(
            f"fit.precision = 'bf16', but {device} here has no bf16 arithmetic (a CPU needs AVX512-BF16 or AMX, a GPU "
            "compute capability 8.0): set it to auto or fp32."
        )
    return ("bf16" if native else "fp32") if precision == "auto" else precision
