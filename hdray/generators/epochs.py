"""Which record a row of training sees: shuffled epochs, a function of the seed and the row's number alone."""

import torch

from hdray.seeds import torch_stream


class ShuffledEpochs:
    """Every record once an epoch, in an order drawn anew for each."""

    def __init__(self, records: int, seed: int) -> None:
        self.records, self.seed = records, seed
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.long)

    def pick(self, draw: int) -> int:
        """The record of the draw-th row since the start of training."""
        epoch, position = divmod(draw, self.records)
        if epoch != self._epoch:
            stream = torch_stream(self.seed, "training", "epoch", epoch)
            self._epoch, self._order = epoch, torch.randperm(self.records, generator=stream)
        return int(self._order[position])
