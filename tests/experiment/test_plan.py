"""Every case is in one batch, and who computes does not matter."""

import numpy as np
import pytest

from biomech.experiment.plan import BATCH_BYTES, LARGEST_BATCH, plan_batches


@pytest.mark.parametrize("cases, size", [(1, None), (7, None), (100, None), (1001, None), (10, 3)])
def test_batches_hold_every_case_once(cases, size):
    plan = plan_batches(cases, bytes_per_case=1000, size=size)
    spans = [np.arange(cases)[plan.span(batch)] for batch in range(plan.count)]
    np.testing.assert_array_equal(np.concatenate(spans), np.arange(cases))
    for batch, span in enumerate(spans):
        rows = plan.rows(batch)
        assert rows.size == plan.size  # one shape, one compiled programme
        np.testing.assert_array_equal(rows[: span.size], span)
        assert np.all(rows[span.size :] == cases - 1)


def test_sizes_follow_cases_and_memory():
    assert plan_batches(4, 1000).size == 1
    assert plan_batches(100, 1000).size == 8
    assert plan_batches(10**6, 1000).size == LARGEST_BATCH
    assert plan_batches(10**6, BATCH_BYTES // 5).size == 4
    assert plan_batches(10**6, 10 * BATCH_BYTES).size == 1
    assert plan_batches(3, 1000, size=50).size == 3
