"""Which arithmetic is chosen: by what the processor has, not by what torch can emulate."""

import platform
from pathlib import Path

import pytest
import torch

from hdray.errors import UserError
from hdray.fitting import precision


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists() or platform.machine() != "x86_64", reason="reads /proc/cpuinfo")
def test_agrees_with_the_kernel_about_this_processor() -> None:
    flags = Path("/proc/cpuinfo").read_text().split("flags", 1)[1].split("\n", 1)[0].split()
    assert precision.has_bf16("cpu") == bool({"avx512_bf16", "amx_bf16"} & set(flags))


def test_emulation_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert precision.resolve("auto", "cpu") == "fp32"
    with pytest.raises(UserError, match="set it to auto or fp32"):
        precision.resolve("bf16", "cpu")
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    assert precision.resolve("auto", "cpu") == "bf16"
    assert precision.resolve("fp32", "cpu") == "fp32"


def test_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="fp8"):
        precision.resolve("fp8", "cpu")
