"""A configuration with its files read: values of the swept parameters in, labelled results out.

Each study has its own (`inverse_cases`, `stand_cases`, `track_cases`); what runs, stores and shows
them knows only what is here.
"""

from collections.abc import Collection, Mapping
from typing import Protocol, runtime_checkable

import numpy as np
import xarray as xr
from jaxtyping import Float

from ..formats.storage import Storage
from ..model.body import Model
from .config import CheckedConfig
from .inverse_cases import InverseCases
from .schema import ExperimentConfig
from .stand_cases import StandCases
from .sweep import CaseTable
from .track_cases import TrackCases


@runtime_checkable
class CaseStudy(Protocol):
    """What a run computes, in any number of batches.

    - `config`: what was asked for. `table`: every case.
    """

    config: ExperimentConfig
    table: CaseTable

    @property
    def model(self) -> Model:
        """The unchanged body."""
        ...

    @property
    def files(self) -> Mapping[str, str]:
        """SHA-256 of every file read, by its name."""
        ...

    @property
    def emg(self) -> tuple[Storage, str] | None:
        """Recorded muscle activity to draw beside the result, and the leg it is of."""
        ...

    @property
    def body(self) -> Model | None:
        """The body of a run without a sweep, where a picture of it shows what was found."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the result must know about how it was asked for."""
        ...

    @property
    def bytes_per_case(self) -> int:
        """About what the record of one case takes."""
        ...

    def single(self) -> xr.Dataset:
        """The result without a sweep."""
        ...

    def batch(
        self, values: Float[np.ndarray, "case parameter"], only: Collection[str] | None = None
    ) -> xr.Dataset:
        """The results of some cases along `case`; `only` some variables, or all asked for."""
        ...


_STUDIES = {"inverse": InverseCases, "stand": StandCases, "track": TrackCases}


def case_study(checked: CheckedConfig) -> CaseStudy:
    """The cases of a configuration, whatever its study.

    **Raises:** `BadInput` for whatever is wrong with the files, and for a swept number that the
    body or the study cannot take at the least and largest of its values.
    """
    return _STUDIES[checked.config.study.kind](checked)
