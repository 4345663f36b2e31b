"""Checkpoints on disk: shared out over workers, read whole."""

from pathlib import Path

import pytest
import torch

from hdray.pipeline.training_state import Progress, open_state, write_state


@pytest.mark.parametrize("workers", [1, 3])
def test_what_workers_wrote_is_read_whole(tmp_path: Path, workers: int) -> None:
    tensors = {f"weight/{index}": torch.randn(index + 1, 2) for index in range(7)}
    progress = Progress(step=12, seconds=1.5, window_loss=0.25, window_steps=2, curve=[(10, 0.5, 1e-3, 1.25)])
    for worker in range(workers):
        write_state(tmp_path, tensors.items(), progress, worker, workers)
    assert len(list(tmp_path.glob("state-*.safetensors"))) == workers
    with open_state(tmp_path) as (read_progress, read):
        assert read_progress == progress
        for name, tensor in tensors.items():
            assert torch.equal(read(name), tensor)
        with pytest.raises(KeyError, match="weight/9"):
            read("weight/9")
