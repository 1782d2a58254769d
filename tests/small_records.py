"""Small records as text and files: two force plates, four instants of a motion, two markers."""

from pathlib import Path

import numpy as np

from biomech.formats.storage import write_storage

_FORCE = """
<ExternalForce name="{0}">
  <applied_to_body>calcn_{0}</applied_to_body>
  <force_expressed_in_body>ground</force_expressed_in_body>
  <point_expressed_in_body>ground</point_expressed_in_body>
  <force_identifier>{0}_v</force_identifier>
  <point_identifier>{0}_p</point_identifier>
  <torque_identifier>{0}_m</torque_identifier>
</ExternalForce>"""
LOADS = f"""<?xml version="1.0" encoding="UTF-8" ?>
<OpenSimDocument Version="40000"><ExternalLoads name="loads"><objects>{_FORCE.format("r")}
{_FORCE.format("l")}</objects>
<datafile>plate.mot</datafile></ExternalLoads></OpenSimDocument>"""

TABLE = (
    "walk\nversion=1\nnRows=4\nnColumns=3\ninDegrees=no\nendheader\n"
    "time\thip\tknee\n0.00\t0.1\t1\n0.01\t0.2\t2\n0.02\t0.3\t3\n0.03\t0.4\t4\n"
)

MARKERS = (
    "PathFileType\t4\t(X/Y/Z)\twalk.trc\n"
    "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\n"
    "100.0\t100.0\t3\t2\tmm\t100.0\n"
    "Frame#\tTime\tR.ASIS\t\t\tL.ASIS\t\t\t\n"
    "\t\tX1\tY1\tZ1\tX2\tY2\tZ2\t\n"
    "\n"
    "1\t0.00\t1000\t2000\t-3000\t4\t5\t6\n"
    "2\t0.01\t\t\t\t40\t50\t60\t\n"
    "3\t0.02\t1\t2\t3\t0.0\t0\t0\n"
)


def plates() -> tuple[list[str], np.ndarray]:
    """Labels and values of eight rows, 0.01 s apart: the right foot lands in the third one."""
    labels = [f"{side}_{kind}{axis}" for side in "rl" for kind in "vpm" for axis in "xyz"]
    values = np.random.default_rng(0).normal(size=(8, 18))
    values[:, [labels.index("r_vy"), labels.index("l_vy")]] += 500.0
    values[:2, labels.index("r_vx") : labels.index("r_vz") + 1] = 0.0
    values[:2, labels.index("r_px")] = np.nan
    return labels, values


def write_plates(folder: Path) -> Path:
    """The plates and the `ExternalLoads` file that refers to them; the path of the latter."""
    labels, values = plates()
    write_storage(folder / "plate.mot", 0.01 * np.arange(len(values)), labels, values)
    (folder / "loads.xml").write_text(LOADS)
    return folder / "loads.xml"
