"""Where a result comes from and what it owes: versions, device, a hash of the model, citations.

The hash is the SHA-256 over every field of the model record, by name: type, shape and bytes of
arrays, text of names and counts. Notes and citations do not count, since they change no number.
It is the same in every process and JAX version, and differs as soon as one parameter does.
"""

import dataclasses
import datetime
import hashlib
import importlib
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from ..model.body import Model
from ..model.muscle_curves import DeGrooteFregly2016Curves, Millard2012Curves, Thelen2003Curves

TITLE = "biomech: joint loads of a changing human body, with exact derivatives"
"""As in CITATION.cff."""
_BODY = {
    "OpenSim's names and signs": "Seth et al. (2018), PLoS Comput. Biol. 14:e1006223, "
    "doi:10.1371/journal.pcbi.1006223",
    "rigid-body dynamics": "Featherstone (2008), Rigid Body Dynamics Algorithms, "
    "doi:10.1007/978-1-4899-7560-7",
    "moment arms": "Delp & Loan (1995), Comput. Biol. Med. 25:21-34; "
    "Sherman, Seth & Delp (2013), ASME DETC2013-13633",
    "joint reactions": "Steele et al. (2012), Gait Posture 35:556-560",
}
_MOVING = _BODY | {
    "rigid tendon": "Zajac (1989), Crit. Rev. Biomed. Eng. 17:359-411",
    "activation dynamics": "De Groote, Kinney, Rao & Fregly (2016), Ann. Biomed. Eng. "
    "44:2922-2936, doi:10.1007/s10439-016-1591-9",
    "contact": "Serrancoli et al. (2019), IEEE Trans. Neural Syst. Rehabil. Eng. 27:1597-1605, "
    "doi:10.1109/TNSRE.2019.2924536",
}
_WALK = _MOVING | {
    "collocation": "Hairer & Wanner (1996), Solving Ordinary Differential Equations II, "
    "doi:10.1007/978-3-642-05221-7",
    "interior point method": "Waechter & Biegler (2006), Math. Program. 106:25-57, "
    "doi:10.1007/s10107-004-0559-y",
    "elimination along stages": "Rao, Wright & Rawlings (1998), J. Optim. Theory Appl. "
    "99:723-757, doi:10.1023/A:1021711402723",
}
METHODS = {
    "inverse": _BODY
    | {
        "low-pass filter": "Seth et al. (2018), PLoS Comput. Biol. 14:e1006223",
        "spline through the coordinates": "Woltring (1986), doi:10.1016/0141-1195(86)90098-7",
        "rigid tendon": "Zajac (1989), Crit. Rev. Biomed. Eng. 17:359-411",
        "static optimization": "Crowninshield & Brand (1981), J. Biomech. 14:793-801; "
        "Anderson & Pandy (2001), J. Biomech. 34:153-161",
        "credibility": "Hicks et al. (2015), J. Biomech. Eng. 137:020905, doi:10.1115/1.4029304",
    },
    "stand": _BODY
    | {
        "muscle with elastic tendon": "Zajac (1989), Crit. Rev. Biomed. Eng. 17:359-411",
        "habitual posture": "Woodhull, Maltrud & Mello (1985), Eur. J. Appl. Physiol. 54:109-115, "
        "doi:10.1007/BF00426309",
        "contact": "Serrancoli et al. (2019), IEEE Trans. Neural Syst. Rehabil. Eng. 27:1597-1605, "
        "doi:10.1109/TNSRE.2019.2924536",
        "interior point method": "Waechter & Biegler (2006), Math. Program. 106:25-57, "
        "doi:10.1007/s10107-004-0559-y",
    },
    "track": _WALK,
    "predict": _WALK,
    "replay": _MOVING
    | {
        "integration": "Prince & Dormand (1981), J. Comput. Appl. Math. 7:67-75, "
        "doi:10.1016/0771-050X(81)90010-3; Kidger (2021), On Neural Differential Equations "
        "(diffrax)",
    },
}
"""Study -> its parts and the works they follow."""
MUSCLE_CURVES = {
    DeGrooteFregly2016Curves: "De Groote, Kinney, Rao & Fregly (2016), Ann. Biomed. Eng. "
    "44:2922-2936, doi:10.1007/s10439-016-1591-9",
    Millard2012Curves: "Millard, Uchida, Seth & Delp (2013), J. Biomech. Eng. 135:021005, "
    "doi:10.1115/1.4023390",
    Thelen2003Curves: "Thelen (2003), J. Biomech. Eng. 125:70-77, doi:10.1115/1.1531112",
}
_WITHOUT_EFFECT = ("notes", "citations")
_SHOWN_VERSIONS = ("biomech", "jax", "numpy", "xarray")


def model_hash(model: Model) -> str:
    """SHA-256 of the model's content, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    _absorb(digest, "model", model)
    return digest.hexdigest()


def _absorb(digest, path: str, part: Any) -> None:
    if dataclasses.is_dataclass(part):
        for field in dataclasses.fields(part):
            if field.name not in _WITHOUT_EFFECT:
                _absorb(digest, f"{path}.{field.name}", getattr(part, field.name))
        return
    if isinstance(part, (jax.Array, np.ndarray)):
        values = np.ascontiguousarray(part)
        # -0.0 and 0.0 are the same parameter.
        values = values + np.zeros((), values.dtype) if values.dtype.kind == "f" else values
        label = f"{path}:{values.dtype.str}{values.shape}="
        digest.update(label.encode() + values.tobytes())
        return
    digest.update(f"{path}={json.dumps(part, allow_nan=True)};".encode())


def what_to_cite(model: Model, data: Sequence[str] = (), study: str = "inverse") -> tuple[str, ...]:
    """Works a result of `study` owes, a line each, after what it is cited for.

    `data`: works to cite for the motion and its loads.
    """
    methods, muscles = dict(METHODS[study]), model.muscles
    if muscles.names:
        methods["muscle curves"] = MUSCLE_CURVES[type(muscles.curves)]
    return (
        f"software: The biomech contributors, {TITLE}, version {version_of('biomech')}",
        *(f"model: {' '.join(work.split())}" for work in model.citations),
        *(f"data: {work}" for work in data),
        *(f"method, {part}: {work}" for part, work in methods.items()),
    )


def provenance(
    model: Model,
    *,
    config: Mapping[str, Any] | None = None,
    precision: str = "float64",
    citations: Sequence[str] = (),
    study: str = "inverse",
) -> dict[str, str]:
    """Attributes every result carries.

    `config`: what was asked for, kept as JSON. `citations`: of the motion and its loads.
    """
    return {
        **{f"{name}_version": version_of(name) for name in _SHOWN_VERSIONS},
        "device": device(),
        "precision": precision,
        "config": json.dumps(dict(config or {}), sort_keys=True),
        "model": model.name,
        "model_sha256": model_hash(model),
        "model_conventions": json.dumps(dict(model.conventions), sort_keys=True),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "citations": "\n".join(what_to_cite(model, citations, study)),
    }


def device() -> str:
    """Kind of device JAX computes on, e.g. "cpu" or "gpu (NVIDIA H200)"."""
    first = jax.devices()[0]
    kind = first.device_kind
    return first.platform if kind.lower() == first.platform else f"{first.platform} ({kind})"


def version_of(name: str) -> str:
    if name == "biomech":
        return importlib.import_module(__name__.split(".")[0]).__version__
    return importlib.metadata.version(name)
