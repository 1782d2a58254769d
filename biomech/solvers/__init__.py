"""Solvers: mathematics that knows no biomechanics."""

from .separable_programme import RESULTS as RESULTS
from .separable_programme import SeparableProgrammeSolution as SeparableProgrammeSolution
from .separable_programme import solve as solve_separable_programme

__all__ = ["RESULTS", "SeparableProgrammeSolution", "solve_separable_programme"]
