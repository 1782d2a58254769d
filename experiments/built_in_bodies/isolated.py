"""Print how the feet of the built-in bodies give way alone, beside published numbers.

    python experiments/built_in_bodies/isolated.py

Nothing in the foot was fitted to these.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

import biomech.precision
from biomech.formats.load import load_built_in
from biomech.model.arch import arch_height, with_arch_height
from biomech.model.ligament_laws import FASCIA_LAWS, with_fascia_law
from biomech.studies.isolated_foot import isolated_foot

WEIGHT = 75.0 * 9.80665  # [N]
ARANGIO = 683.0  # [N]
HEIGHTS = (0.020, 0.040, 0.047, 0.060)  # [m]
# Arangio et al. 1998: drop [mm] at arch heights of 20 and 60 mm, with and without fascia.
PUBLISHED = {0.020: (11.8, 13.5), 0.060: (5.5, 7.5)}


def scaled(model, which, factor):
    """The model with the contact stiffness or ligament section of some parts times `factor`."""
    names, where = {
        "fascia": (model.ligaments.names, lambda m: m.ligaments.pcsa_force),
        "midfoot": (model.contacts.names, lambda m: m.contacts.stiffness),
        "hallux": (model.contacts.names, lambda m: m.contacts.stiffness),
    }[which]
    begins = {
        "fascia": ("plantar_fascia",),
        "midfoot": ("midfoot",),
        "hallux": ("hallux", "toes"),
    }[which]
    gain = jnp.array([factor if name.startswith(begins) else 1.0 for name in names])
    return eqx.tree_at(where, model, where(model) * gain)


def drops(model, height, low=1.0, high=ARANGIO, mtp=None):
    """How far bones of the arch, navicular and ankle center sink from one load to another [mm]."""
    found = [isolated_foot(with_arch_height(model, "r", height), "r", x, mtp) for x in (low, high)]
    if not all(bool(f.converged) for f in found):
        raise RuntimeError(f"no equilibrium at an arch height of {height} m")
    fall = lambda field: 1e3 * float(getattr(found[0], field) - getattr(found[1], field))
    fields = ("arch_height", "navicular_height", "ankle_height")
    return np.array([fall(field) for field in fields]), found[1]


def main():
    model = load_built_in("planar")
    own = float(arch_height(model, "r"))
    truss = scaled(scaled(model, "midfoot", 1e-9), "hallux", 1e-9)
    cases = {
        "free toes": (model, None),
        "toes held level": (model, 0.0),
        "toes held level, standing on heel and metatarsal heads alone": (truss, 0.0),
    }
    print("683 N; drop of arch, navicular and ankle center [mm], cut [mm], arch's increase [%]")
    for case, (foot, mtp) in cases.items():
        print(f" {case}")
        for law in FASCIA_LAWS:
            for height in HEIGHTS:
                whole = with_fascia_law(foot, law)
                a, found = drops(whole, height, mtp=mtp)
                b, _ = drops(scaled(whole, "fascia", 0.0), height, mtp=mtp)
                said = PUBLISHED.get(height)
                print(
                    f"  {law} {1e3 * height:.0f} mm: {a.round(2)}, {b.round(2)}, "
                    f"+{100 * (b[0] / a[0] - 1):.0f}; {np.rad2deg(found.midtarsal_angle):.1f} deg,",
                    f"tension {np.asarray(found.ligament_tension)[:4].round()} N",
                    f"(Arangio {said[0]}, {said[1]})" if said else "",
                )
    print("10 -> 50 % body weight per foot")
    for law in FASCIA_LAWS:
        fall, found = drops(with_fascia_law(model, law), own, 0.1 * WEIGHT, 0.5 * WEIGHT)
        floor = np.asarray(found.contact_force)[:9]
        print(f"  {law}: {fall.round(2)} mm; floor {(100 * floor / floor.sum()).round()} %")
    limb = load_built_in("lower_limb")
    fall, found = drops(limb, own, 0.1 * WEIGHT, 0.5 * WEIGHT)
    print(f"  lower_limb: {fall.round(2)} mm")
    print("  lower_limb at 683 N, toes held level, whole and cut")
    for height in HEIGHTS:
        a, _ = drops(limb, height, mtp=0.0)
        b, _ = drops(scaled(limb, "fascia", 0.0), height, mtp=0.0)
        print(f"  {1e3 * height:.0f} mm: {a.round(2)}, {b.round(2)}")
    print(
        "toes at 0 and 30 deg: arch height unloaded, and arch drop from 0.1 to 1 body weight [mm]"
    )
    for law in FASCIA_LAWS:
        whole = with_fascia_law(model, law)
        for angle in (0.0, 30.0):
            free = isolated_foot(whole, "r", None, np.deg2rad(angle))
            fall, _ = drops(whole, own, 0.1 * WEIGHT, WEIGHT, np.deg2rad(angle))
            print(f"  {law} {angle:.0f} deg: {1e3 * float(free.arch_height):.2f}, {fall[0]:.2f}")
    print("load [N], midtarsal angle [deg], ankle drop [mm]")
    for load in (100.0, 350.0, 683.0, 1500.0, 3000.0):
        fall, found = drops(model, own, 1.0, load)
        print(f"  {load:.0f}: {np.rad2deg(found.midtarsal_angle):.1f}, {fall.round(1)}")


if __name__ == "__main__":
    biomech.precision.use_float64()
    main()
