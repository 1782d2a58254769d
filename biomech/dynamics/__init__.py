"""Rigid-body mechanics: spatial algebra, kinematics, inverse dynamics, joint reactions, contact."""

from .inverse_dynamics import (
    across_joints,
    generalized_forces,
    inverse_dynamics,
    joint_reactions,
    mass_centers,
    mass_matrix,
)
from .kinematics import (
    BodyMotion,
    Pose,
    apply_couplers,
    body_motion,
    coupled_motion,
    default_values,
    pose,
    project_couplers,
)
from .knee_compartments import KneeContacts, compartment_forces, knee_contacts
from .stretched_segments import segment_length, stretch_segments

__all__ = [
    "BodyMotion",
    "KneeContacts",
    "Pose",
    "across_joints",
    "apply_couplers",
    "body_motion",
    "compartment_forces",
    "coupled_motion",
    "default_values",
    "generalized_forces",
    "inverse_dynamics",
    "joint_reactions",
    "knee_contacts",
    "mass_centers",
    "mass_matrix",
    "pose",
    "project_couplers",
    "segment_length",
    "stretch_segments",
]
