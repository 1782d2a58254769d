"""A forearm held level: an elbow whose answers fit on a page."""

import jax.numpy as jnp

from biomech.model.build import build_model
from biomech.studies.inverse import MeasuredMotion
from biomech.studies.prepare import ensure_actuated
from bodies import body, coordinate, description, muscle, pin, point

G, MASS, REACH, INSERT, HEIGHT = 9.80665, 2.0, 0.3, 0.04, 0.25


def forearm(strengths=(2000.0,), height=HEIGHT):
    """A forearm held level by muscles from above its hinge; x along it, y up."""
    flexors = [
        muscle(
            f"flexor{i}",
            [point("ground", 0.0, height, 0.0), point("forearm", INSERT * (1 + 0.2 * i), 0.0, 0.0)],
            max_isometric_force=strength,
            optimal_fiber_length=0.15,
            tendon_slack_length=0.1,
        )
        for i, strength in enumerate(strengths)
    ]
    return ensure_actuated(
        build_model(
            description(
                bodies=[body("forearm", MASS, (REACH, 0.0, 0.0), (0.01,) * 3 + (0.0,) * 3)],
                joints=[
                    pin("shoulder", "ground", "upper", "lift"),
                    pin("elbow", "upper", "forearm", "flexion"),
                ],
                coordinates=[coordinate("lift") | {"locked": True}, coordinate("flexion")],
                muscles=flexors,
            )
            | {
                "bodies": [body("upper", 0.0, inertia=(0.0,) * 6)]
                + [body("forearm", MASS, (REACH, 0.0, 0.0), (0.01,) * 3 + (0.0,) * 3)]
            }
        )
    )


def still(model, count=2):
    n = len(model.skeleton.coordinates.names)
    zero = jnp.zeros((count, n))
    none = jnp.zeros((count, len(model.skeleton.body_names), 6))
    return MeasuredMotion(jnp.arange(float(count)), zero, zero, zero, none)
