"""Quantiles of fits."""

import numpy as np

from hdray.report.fit_table import fit_table


def test_fits_over_all_inputs_count_missing_ones_as_zero() -> None:
    rows = {row.name: row for row in fit_table(np.full(8, 0.9), np.full(8, 0.8), inputs=10)}
    assert rows["near the surface"].mean == "0.800"
    assert rows["near the surface, all 10 inputs"].mean == "0.640"
    assert rows["uniform in the box, all 10 inputs"].fifth == "0.000"
    assert len(fit_table(np.full(8, 0.9), np.full(8, 0.8), inputs=8)) == 2
