"""Muscle groups by the names a clinician uses.

A group lists name stems; a muscle belongs when its name is a stem, an optional number and the
side: stem "glmed" covers `glmed1_r`, `glmed2_r`, `glmed3_r` and a lumped `glmed_r`. Stems of the
Rajagopal and of the gait2392 families are given. Groups overlap where muscles have several actions;
`plantarflexors` are those that push off, the triceps surae.

Source: actions as in Rajagopal et al. (2016), IEEE Trans. Biomed. Eng. 63:2068-2079, Table S1
(doi:10.1109/TBME.2016.2586891), and standard anatomy.
"""

import re

from ..model.names import BadInput, UnknownName, suggest
from .catalogue import suffixes

GROUPS: dict[str, tuple[str, ...]] = {
    "gluteus_maximus": ("glmax", "glut_max"),
    "gluteus_medius": ("glmed", "glut_med"),
    "gluteus_minimus": ("glmin", "glut_min"),
    "gluteals": ("glmax", "glmed", "glmin", "glut_max", "glut_med", "glut_min"),
    "hip_abductors": ("glmed", "glmin", "tfl", "glut_med", "glut_min"),
    "hip_flexors": ("psoas", "iliacus", "iliopsoas", "recfem", "rect_fem", "sart", "sar"),
    "hip_extensors": (
        *("glmax", "glut_max", "semimem", "semiten", "bflh", "bifemlh", "hamstrings"),
        *("addmagIsch", "add_mag"),
    ),
    "hip_adductors": (
        *("addbrev", "addlong", "addmagDist", "addmagIsch", "addmagMid", "addmagProx", "grac"),
        *("add_brev", "add_long", "add_mag", "pect"),
    ),
    "hamstrings": ("semimem", "semiten", "bflh", "bifemlh", "hamstrings"),
    "quadriceps": (
        *("recfem", "vasint", "vaslat", "vasmed", "vasti"),
        *("rect_fem", "vas_int", "vas_lat", "vas_med"),
    ),
    "plantarflexors": ("soleus", "gasmed", "gaslat", "gastroc", "med_gas", "lat_gas"),
    "dorsiflexors": ("tibant", "edl", "ehl", "tib_ant", "ext_dig", "ext_hal"),
    "triceps_surae": ("soleus", "gasmed", "gaslat", "gastroc", "med_gas", "lat_gas"),
    "iliopsoas": ("psoas", "iliacus", "iliopsoas"),
    "deep_rotators": ("piri", "peri", "gem", "quadfem", "quad_fem", "obtint", "obtext"),
    "tibialis_anterior": ("tibant", "tib_ant"),
    "tibialis_posterior": ("tibpost", "tib_post"),
    "peroneals": ("perlong", "perbrev", "pertert", "per_long", "per_brev", "per_tert"),
    "invertors": (
        *("tibpost", "tibant", "fdl", "fhl"),
        *("tib_post", "tib_ant", "flex_dig", "flex_hal"),
    ),
    "evertors": (
        *("perlong", "perbrev", "pertert", "edl"),
        *("per_long", "per_brev", "per_tert", "ext_dig"),
    ),
    "toe_flexors": ("fdl", "fhl", "flex_dig", "flex_hal"),
    "toe_extensors": ("edl", "ehl", "ext_dig", "ext_hal"),
    "foot_intrinsics": ("fdb",),
    "biceps_femoris_short_head": ("bfsh", "bifemsh"),
    "adductor_magnus_ischial": ("addmagIsch", "add_mag3"),
    "hip_stabilizers": (
        *("glmax", "glmed", "glmin", "tfl", "glut_max", "glut_med", "glut_min"),
        *("piri", "peri", "gem", "quadfem", "quad_fem", "obtint", "obtext"),
    ),
}
"""Group -> stems of muscle names."""


def muscles_in_group(
    group: str, side: str, names: tuple[str, ...], *, missing_ok: bool = False
) -> tuple[str, ...]:
    """Names of the model's muscles in `group` on `side` ("r", "l" or "both").

    **Raises:** `UnknownName`; `BadInput` for a model without any, unless `missing_ok`.
    """
    if group not in GROUPS:
        raise UnknownName(f"No muscle group named '{group}'. {suggest(group, tuple(GROUPS))}")
    stems, sides = "|".join(GROUPS[group]), "|".join(suffixes(side))
    pattern = re.compile(rf"(?:{stems})\d*_(?:{sides})")
    members = tuple(name for name in names if pattern.fullmatch(name))
    if not members and not missing_ok:
        raise BadInput(
            f"This model has no muscle of group '{group}' on side '{side}' "
            f"(looked for {', '.join(GROUPS[group])}). Name the muscles with `muscles=(...)`."
        )
    return members
