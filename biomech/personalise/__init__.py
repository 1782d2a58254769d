"""Fitting a body to a person: scaling, inverse kinematics, parameter fitting."""
