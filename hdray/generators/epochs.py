"""Which record a row of training sees: shuffled epochs, a function of the stream's names and the row's number alone."""

import torch

from hdray.seeds import torch_stream


class ShuffledEpochs:
    """Every record once an epoch, in an order drawn anew for each."""

    def __init__(self, records: int, *stream: int | str) -> None:
        """`stream`: the run's seed and names, which the order of epoch e is drawn for together with e."""
        self.records, self.stream = records, stream
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.long)

    def pick(self, draw: int) -> int:
        """The record of the draw-th row since the start."""
        epoch, position = divmod(draw, self.records)
        if epoch != self._epoch:
            generator = torch_stream(*self.stream, epoch)
            self._epoch, self._order = epoch, torch.randperm(self.records, generator=generator)
        return int(self._order[position])
