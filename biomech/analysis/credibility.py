"""Can this result be believed? The checks of Hicks et al. (2015) on an `inverse` dataset.

| check | limit |
| --- | --- |
| reserve on a coordinate | 5 % of the coordinate's peak net moment |
| residual force | 5 % of the peak external force |
| residual moment | 1 % of center-of-mass height x peak external force |
| instants solved | all |

Peak external force is that of the sum of all ground reactions; center-of-mass height is the mean
one above the mean height of the center of pressure. Each residual component is held against the
limit by itself. Verdicts: "pass" if the peak is within the limit, "rms only" if only the root
mean square is, else "fail"; "no data" where there is nothing to compare with. Of a sweep the worst
case counts.

Source: Hicks, Uchida, Seth, Rajagopal & Delp (2015), J. Biomech. Eng. 137:020905,
doi:10.1115/1.4029304.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

RESERVE_SHARE = 0.05
"""Of the peak net moment [-]."""
RESIDUAL_FORCE_SHARE = 0.05
"""Of the peak external force [-]."""
RESIDUAL_MOMENT_SHARE = 0.01
"""Of center-of-mass height x peak external force [-]."""


class _Check(NamedTuple):
    check: str
    what: str
    peak: float
    rms: float
    limit: float
    unit: str
    verdict: str


def credibility(dataset: xr.Dataset) -> pd.DataFrame:
    """One row per check: what, peak, rms, limit, unit, verdict."""
    return pd.DataFrame(_rows(dataset), columns=list(_Check._fields))


def credibility_text(dataset: xr.Dataset) -> str:
    """The same to read: a sentence per kind of check, and a line for whatever does not pass."""
    rows = _rows(dataset)
    lines = ["Credibility (Hicks et al. 2015):"]
    for check in dict.fromkeys(row.check for row in rows):
        own = [row for row in rows if row.check == check]
        lines.append(f"  {check}: {sum(r.verdict == 'pass' for r in own)} of {len(own)} pass")
        for row in own:
            if row.verdict != "pass":
                lines.append(
                    f"    {row.verdict:<9}{row.what}: peak {row.peak:.3g}, rms {row.rms:.3g}, "
                    f"limit {row.limit:.3g} {row.unit}"
                )
    return "\n".join(lines)


def _rows(dataset):
    return [_solved(dataset), *_reserves(dataset), *_residuals(dataset)]


def _solved(dataset):
    failed = float((dataset["status"] > 0).mean())
    verdict = "pass" if failed == 0.0 else "fail"
    return _Check(
        "instants solved",
        "share not solved or strength-limited",
        failed,
        failed,
        0.0,
        "1",
        verdict,
    )


def _reserves(dataset):
    reserve, net = dataset["reserve_force"], dataset["moment_to_balance"]
    units = dict(zip(dataset["coordinate"].values, dataset["force_unit"].values, strict=True))
    rows = []
    for name in reserve["coordinate"].values:
        values = reserve.sel(coordinate=name).values
        if np.isnan(values).all():
            continue
        limit = RESERVE_SHARE * _largest(net.sel(coordinate=name).values)
        rows.append(_row("reserves", name, values, limit, units[name]))
    return rows


def _residuals(dataset):
    residual = dataset["residual_force"]
    external = _peak_external_force(dataset)
    height = _center_of_mass_height(dataset)
    rows = []
    for name in residual["coordinate"].values:
        column = residual.sel(coordinate=name)
        if np.isnan(column.values).all():
            continue
        unit = str(column["force_unit"].values)
        if unit == "N":
            row = _row(
                "residual forces", name, column.values, RESIDUAL_FORCE_SHARE * external, unit
            )
        else:
            limit = RESIDUAL_MOMENT_SHARE * height * external
            row = _row("residual moments", name, column.values, limit, unit)
        rows.append(row)
    return rows


def _row(check, what, values, limit, unit):
    values = values[np.isfinite(values)]
    largest, rms = _largest(values), float(np.sqrt(np.mean(values**2))) if values.size else np.nan
    if not (np.isfinite(limit) and np.isfinite(largest)):
        verdict = "no data"
    else:
        verdict = "pass" if largest <= limit else "rms only" if rms <= limit else "fail"
    return _Check(check, str(what), largest, rms, limit, unit, verdict)


def _largest(values):
    values = np.abs(values[np.isfinite(values)])
    return float(values.max()) if values.size else float("nan")


def _peak_external_force(dataset):
    """Largest size of the summed ground reactions [N]; NaN without any."""
    if "ground_reaction_force" not in dataset:
        return float("nan")
    total = dataset["ground_reaction_force"].sum("side")
    return float(np.sqrt((total**2).sum("axis")).max())


def _center_of_mass_height(dataset):
    """Mean height of the center of mass above the ground [m]."""
    height = float(dataset["center_of_mass"].sel(axis="y").mean())
    if "center_of_pressure" not in dataset:
        return height
    ground = dataset["center_of_pressure"].sel(axis="y").values
    ground = ground[np.isfinite(ground)]
    return height - (float(ground.mean()) if ground.size else 0.0)
