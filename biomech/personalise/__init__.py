"""Fitting a body to a person: scaling, inverse kinematics, parameter fitting."""

from .body_size import foot_length, scale_model, standing_height
from .load import load_model

__all__ = ["foot_length", "load_model", "scale_model", "standing_height"]
