"""A study that only calculates, so that what a store does can be tried thousands of times."""

import numpy as np
import xarray as xr

from biomech.analysis.cases import CASE
from biomech.experiment.plan import BatchPlan
from biomech.experiment.store import create_store
from biomech.experiment.sweep import CaseTable

CASES, SIZE = 11, 3
METRIC = ["sum", "product"]


class Arithmetic:
    """Sum and product of two parameters; a case that asks for it fails."""

    def __init__(self, cases=CASES):
        values = np.stack([np.arange(cases) + 0.5, np.linspace(1.0, 2.0, cases)], axis=1)
        units = {"a.x": "1", "b.y": "m"}
        self.table = CaseTable(("a.x", "b.y"), values, units, None, None, {"kind": "random"})
        self.computed = []

    def batch(self, values, only=None):
        self.computed.append(values.tolist())
        a, b = values.T
        status = np.zeros((a.size, 2), int)
        status[a == 4.5, 1] = 2
        return xr.Dataset(
            {
                "metric_value": ((CASE, "metric"), np.stack([a + b, a * b], axis=1)),
                "status": ((CASE, "time"), status, {"flag_values": np.arange(3)}),
                "body_mass": ((), 75.0, {"units": "kg"}),
            },
            {"metric": np.array(METRIC, object), "time": [0.0, 0.1]},
            {"title": "arithmetic"},
        )

    @property
    def coordinates(self):
        columns = zip(self.table.names, self.table.values.T, strict=True)
        return {name: xr.Variable((CASE,), column) for name, column in columns}


def new_store(folder, study, size=SIZE):
    """An empty store for all cases of a study."""
    folder.mkdir()
    plan = BatchPlan(len(study.table.values), size)
    part = study.batch(study.table.values[plan.rows(0)])
    study.computed.clear()
    return create_store(folder, {"config": {}, "axes": None}, plan, part, study.coordinates)
