"""Can this result be believed? Its residuals, reserves and unsolved instants against known limits;
of a body at rest, whether it is in balance over its support; of a walk that is found and not
measured, whether the laws of mechanics hold in place of residuals.

| check | limit |
| --- | --- |
| reserve on a coordinate | 5 % of the coordinate's peak net moment |
| residual force | 5 % of the peak external force |
| residual moment | 1 % of center-of-mass height x peak external force |
| instants solved, cases solved | all |
| balance | 1e-8 body weights left over |
| support | center of mass inside it, seen from above |
| laws | 1e-5 left over, in the units of `studies.walking_programme` (0.25 body weights) |

Residuals are the generalized forces of actuators between ground and the root body, whatever the
model calls them. Force and moment are each judged by the size of the vector, here the root of the
sum of squares of its components; moments about the successive axes of a rotation are not quite
perpendicular, which on a measured walk changes the peak by 0.1 %. The external force is the sum of
all measured loads, its peak the largest size of that sum. Center-of-mass height is the mean one
above the mean height of the center of pressure.

Verdicts: "pass" if both the peak and the root mean square are within the limit; "fail, rms within"
if only the root mean square is; else "fail"; "no data" where there is nothing to judge or nothing
to compare with. Of a sweep the worst case counts.

Source: residuals as in section 3.1.3 of Hicks, Uchida, Seth, Rajagopal & Delp (2015), J. Biomech.
Eng. 137:020905, doi:10.1115/1.4029304: force discrepancies (peak and root mean square) of at most
5 % of the magnitude of the net external force, residual moments of less than 1 % of center-of-mass
height times that. Reserves: OpenSim's guide "Simulation with OpenSim - Best Practices" asks for
peak reserves below 10 % of the peak joint torque; we ask for half of that.
"""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from .cases import failed_cases, has_instants

RESERVE_SHARE = 0.05
"""Of the peak net moment [-]: half of what OpenSim's guide allows."""
RESIDUAL_FORCE_SHARE = 0.05
"""Of the peak external force [-]."""
RESIDUAL_MOMENT_SHARE = 0.01
"""Of center-of-mass height x peak external force [-]."""


_NEEDED = (
    *("status", "reserve_force", "moment_to_balance", "residual_force", "force_unit"),
    *("external_force", "center_of_mass", "center_of_pressure"),
)
BALANCE = 1e-8
"""What a body at rest may leave over, in weights or weights x 0.1 m [-]."""
LAWS = 1e-5
"""What a walk may leave over, in the units of its programme [-]."""
_ALL_SOLVED = ("instants solved", "cases solved")
_LIMITS_OF = {
    "residual force": "residuals: Hicks et al. 2015",
    "reserves": "reserves: half of OpenSim's guide",
}
_LEFT = "constraint_residual"
"""Of a walk that is found."""
_PIECE_BYTES = 64 * 2**20


class _Check(NamedTuple):
    check: str
    what: str
    peak: float
    rms: float
    limit: float
    unit: str
    verdict: str


def credibility(dataset: xr.Dataset) -> pd.DataFrame:
    """One row per check: what, peak, rms, limit, unit, verdict.

    Every case of a sweep is judged by itself; a row tells of the worst.
    """
    return pd.DataFrame(_rows(dataset), columns=list(_Check._fields))


def credibility_text(result: xr.Dataset | pd.DataFrame) -> str:
    """The same to read: a sentence per kind of check, and a line for whatever does not pass.

    `result`: a dataset, or its table.
    """
    table = result if isinstance(result, pd.DataFrame) else credibility(result)
    rows = [_Check(*row) for row in table.itertuples(index=False)]
    checks = dict.fromkeys(row.check for row in rows)
    after = "; ".join(words for check, words in _LIMITS_OF.items() if check in checks)
    lines = [f"Credibility{f' ({after})' if after else ''}:"]
    for check in checks:
        own = [row for row in rows if row.check == check]
        if check in _ALL_SOLVED:
            share = 100.0 * own[0].peak
            lines.append(f"  {check}: {100.0 - share:.4g} % ({_OTHERWISE[check]}: {share:.2g} %)")
            continue
        lines.append(f"  {check}: {sum(r.verdict == 'pass' for r in own)} of {len(own)} pass")
        for row in own:
            if row.verdict != "pass":
                lines.append(
                    f"    {row.verdict}: {row.what}: peak {row.peak:.3g}, rms {row.rms:.3g}, "
                    f"limit {row.limit:.3g} {row.unit}"
                )
    return "\n".join(lines)


_OTHERWISE = {"instants solved": "not, or muscles too weak", "cases solved": "not"}


def _rows(dataset):
    if not has_instants(dataset):
        return _rows_at_rest(dataset)
    needed = [name for name in (*_NEEDED, _LEFT) if name in dataset]
    worst = {}
    for piece in _pieces(dataset[needed]):
        for key, row in _rows_of(_in_a_row(piece.compute())):
            worst[key] = max(worst.get(key, row), row, key=_badness)
    return [_solved(dataset), *_laws(dataset), *worst.values()]


def _laws(dataset):
    """How well the laws of mechanics hold in the worst walk that was found."""
    if _LEFT in dataset:
        left = dataset[_LEFT].values.ravel()[~failed_cases(dataset)]
        left = left if left.size else np.array([np.nan])
        what = "largest violation of a law or of the mesh's rule"
        yield _row("laws", what, left.reshape(-1, 1), LAWS, "1")


def _rows_at_rest(dataset):
    """Whether all cases are solved; balance and support of the worst one."""
    failed = float(failed_cases(dataset).mean())
    verdict = "pass" if failed == 0.0 else "fail"
    none = "share not solved"
    rows = [_Check("cases solved", none, failed, failed, 0.0, "1", verdict)]
    for check, what, values, limit, unit in (
        ("balance", "largest force or moment left over", "balance_residual", BALANCE, "BW"),
        ("support", "center of mass outside the support", "support_margin", 0.0, "m"),
    ):
        if values in dataset:
            numbers = dataset[values].values.ravel()[~failed_cases(dataset)]
            numbers = np.maximum(-numbers, 0.0) if check == "support" else numbers
            numbers = numbers if numbers.size else np.array([np.nan])
            rows.append(_row(check, what, numbers.reshape(-1, 1), limit, unit))
    return rows


def _pieces(dataset):
    """The dataset in pieces of at most `_PIECE_BYTES`, cut along the swept dimensions."""
    swept = [dim for dim in dataset["status"].dims if dim != "time"]
    if not swept or dataset.nbytes <= _PIECE_BYTES:
        yield dataset
        return
    longest = max(swept, key=lambda dim: dataset.sizes[dim])
    half = dataset.sizes[longest] // 2
    if not half:
        yield dataset
        return
    yield from _pieces(dataset.isel({longest: slice(half)}))
    yield from _pieces(dataset.isel({longest: slice(half, None)}))


def _in_a_row(dataset):
    """The dataset with all its cases along `case`, as first dimension of what they change."""
    swept = [dim for dim in dataset["status"].dims if dim != "time"]
    if swept == ["case"]:
        return dataset
    if not swept:
        return dataset.expand_dims("case")
    plain = dataset.drop_vars(swept, errors="ignore")
    return plain.stack(case=swept, create_index=False).transpose("case", ...)  # type: ignore


def _badness(row):
    """How much worse than its limit."""
    return -math.inf if row.verdict == "no data" else row.peak / max(row.limit, 1e-300)


def _rows_of(dataset):
    """Rows of the worst case, each with what it is about."""
    return [*_reserves(dataset), *(() if _LEFT in dataset else _residuals(dataset))]


def _solved(dataset):
    failed = float((dataset["status"] > 0).mean())
    verdict = "pass" if failed == 0.0 else "fail"
    return _Check(
        _ALL_SOLVED[0],
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
    for name in reserve["coordinate"].values:
        values = _by_case(reserve.sel(coordinate=name))
        if np.isnan(values).all():
            continue
        limit = RESERVE_SHARE * _largest(_by_case(net.sel(coordinate=name)))
        yield ("reserves", name), _row("reserves", name, values, limit, units[name])


def _residuals(dataset):
    external = _peak_external_force(dataset)
    limits = {
        "residual force": ("N", RESIDUAL_FORCE_SHARE * external),
        "residual moment": (
            "N m",
            RESIDUAL_MOMENT_SHARE * _center_of_mass_height(dataset) * external,
        ),
    }
    for check, (unit, limit) in limits.items():
        yield check, _residual(dataset, check, unit, limit)


def _residual(dataset, check, unit, limit):
    """The row of a vector, with its largest component in words."""
    parts = dataset["residual_force"].isel(coordinate=dataset["force_unit"].values == unit)
    names = parts["coordinate"].values
    values = np.stack([_by_case(parts.sel(coordinate=name)) for name in names] or [[[np.nan]]])
    known = np.isfinite(values).any(axis=(1, 2))
    if not known.any():
        none = np.full((1, 1), np.nan)
        return _row(check, "no actuator between ground and the root body", none, limit, unit)
    values = values[known]
    size = np.sqrt((values**2).sum(axis=0))
    case = _worst_case(size, limit)
    most = names[known][np.argmax(_largest(values[:, case]))]
    return _row(check, f"size of the vector, most of it {most}", size, limit, unit)


def _by_case(array):
    """Values as rows of instants, one row per case; a single row where cases do not differ."""
    values = array.transpose(..., "time").values
    return values.reshape(-1, values.shape[-1])


def _worst_case(values, limit):
    """The case whose peak is the largest share of its limit."""
    ratio = _largest(values) / np.maximum(limit, 1e-300)
    return int(np.argmax(np.nan_to_num(ratio, nan=-1.0)))


def _row(check, what, values, limit, unit):
    """The row of the worst case: its peak, its root mean square, its own limit."""
    cases = max(len(values), np.size(limit))
    values, limit = np.broadcast_to(values, (cases, values.shape[1])), np.broadcast_to(limit, cases)
    case = _worst_case(values, limit)
    limit, values = float(limit[case]), values[case][np.isfinite(values[case])]
    largest = float(np.abs(values).max()) if values.size else math.nan
    rms = float(np.sqrt(np.mean(values**2))) if values.size else math.nan
    if not (np.isfinite(limit) and np.isfinite(largest)):
        verdict = "no data"
    else:
        verdict = "pass" if largest <= limit else "fail, rms within" if rms <= limit else "fail"
    return _Check(check, str(what), largest, rms, limit, unit, verdict)


def _largest(values):
    """Largest size in every row; NaN where nothing is known."""
    size = np.where(np.isfinite(values), np.abs(values), -1.0).max(axis=-1)
    return np.where(size < 0.0, np.nan, size)


def _peak_external_force(dataset):
    """Largest size of the sum of all external forces [N]; NaN where none is known."""
    if "external_force" not in dataset:
        return float("nan")
    peak = float(np.sqrt((dataset["external_force"] ** 2).sum("axis")).max())
    return peak if peak > 0.0 else float("nan")


def _center_of_mass_height(dataset):
    """Mean height of the center of mass above the ground in every case [m]."""
    height = _by_case(dataset["center_of_mass"].sel(axis="y")).mean(axis=-1)
    if "center_of_pressure" not in dataset:
        return height
    ground = dataset["center_of_pressure"].sel(axis="y").values
    ground = ground[np.isfinite(ground)]
    return height - (float(ground.mean()) if ground.size else 0.0)
