"""Row-wise Adam against torch.optim.Adam on each row alone."""

import torch

from hdray.fitting.adam import RowAdam


def test_rows_equal_torch_adam_at_their_own_rates() -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(3, 64, generator=generator)
    rates = torch.tensor([[1e-2], [3e-3], [1e-3]])
    rows = start.clone()
    adam = RowAdam(rows)
    singles = [torch.nn.Parameter(start[row].clone()) for row in range(3)]
    optimisers = [torch.optim.Adam([single], lr=rates[row].item()) for row, single in enumerate(singles)]
    for _ in range(50):
        gradients = torch.randn(3, 64, generator=generator) * torch.logspace(-8, 0, 64)
        adam.gradient.copy_(gradients)
        adam.step(rates)
        for row, single in enumerate(singles):
            single.grad = gradients[row].clone()
            optimisers[row].step()
    for row, single in enumerate(singles):
        # 50 steps, each rounded a little differently
        torch.testing.assert_close(rows[row], single.detach(), rtol=1e-5, atol=1e-6)


def test_a_row_at_rate_zero_keeps_every_bit() -> None:
    rows = torch.randn(2, 64, generator=torch.Generator().manual_seed(0))
    before = rows.clone()
    adam = RowAdam(rows)
    for _ in range(5):
        adam.gradient.normal_(generator=torch.Generator().manual_seed(1))
        adam.step(torch.tensor([[0.0], [1e-2]]))
    assert torch.equal(rows[0], before[0])
    assert (rows[1] != before[1]).all()
