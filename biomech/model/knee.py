"""The knee of a built-in body: `compliant` as its file has it, or a `hinge`.

The compliant knee parts the motion of the shank in two joints: `knee_flexion_{s}` from the femur
to a body without mass (`knee_frame_{s}`), which also makes the turns and translations that follow
flexion; and `knee_{s}` from there to the tibia, with the coordinates `knee_adduction_{s}` (varus
+) and `knee_rotation_{s}` (internal +) that passive tissue resists. The hinge is this knee with
both welded at zero: then the second joint does nothing, so that its parts are taken out and the
first one is `knee_{s}` from femur to tibia.
"""

from typing import Any

from .edits import without_coordinates
from .names import BadInput

_SIDES = ("r", "l")


def hinge_knee(description: dict[str, Any]) -> dict[str, Any]:
    """The description of a body with a compliant knee, its passive turns welded at zero.

    **Raises:** `BadInput` for a body that has no such knee.
    """
    turns = [f"knee_{turn}_{side}" for turn in ("adduction", "rotation") for side in _SIDES]
    known = {coordinate["name"] for coordinate in description["coordinates"]}
    if not known.issuperset(turns):
        raise BadInput("This body has no compliant knee; it cannot be made a hinge.")
    new = without_coordinates(description, dict.fromkeys(turns, 0.0))
    for side in _SIDES:
        _take_out_knee_frame(new, side)
    return new


def _take_out_knee_frame(description: dict[str, Any], side: str) -> None:
    """The femur's joint moves the tibia itself; the joint between them, now nothing, goes."""
    joints = {joint["name"]: joint for joint in description["joints"]}
    knee = joints[f"knee_{side}"]
    fixed = all(axis["function"] == {"kind": "constant", "value": 0.0} for axis in knee["axes"])
    if not fixed or knee["parent_position"] != knee["child_position"]:
        raise BadInput(f"Joint 'knee_{side}' shifts the tibia, so its frame cannot be taken out.")
    description["joints"].remove(knee)
    joints[f"knee_flexion_{side}"].update(name=f"knee_{side}", child=knee["child"])
    frame = next(b for b in description["bodies"] if b["name"] == knee["parent"])
    description["bodies"].remove(frame)
