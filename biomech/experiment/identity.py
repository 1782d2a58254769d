"""What fixes the numbers of a run: whoever computes a part of it must agree in all of it.

Who computes, and how many at once, is not among it.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ..analysis.provenance import model_hash, version_of
from ..model.names import BadInput
from .case_study import CaseStudy
from .config import to_plain
from .inputs import resolved
from .store import Store


def identity(study: CaseStudy) -> dict[str, Any]:
    """Configuration with the hash of every file, cases, body and versions."""
    table = study.table
    config = to_plain(resolved(study.config, study.files))
    del config["execution"]
    return {
        "config": config,
        "cases_sha256": hashlib.sha256(table.values.tobytes()).hexdigest(),
        "model_sha256": model_hash(study.model),
        "versions": {name: version_of(name) for name in ("biomech", "jax", "jaxlib", "numpy")},
        "axes": table.axes,
    }


_DIFFERS = {
    "config": "its configuration is another one, in {keys}",
    "cases_sha256": "its cases are others",
    "model_sha256": "its body is another one",
    "versions": "it was begun with other versions ({there}; here {here})",
}


def check_same(store: Store, study: CaseStudy) -> None:
    """**Raises:** `BadInput` that names what differs, if `store` is of another run."""
    mine = json.loads(json.dumps(identity(study)))
    for key, words in _DIFFERS.items():
        there, here = store.manifest.get(key), mine[key]
        if there == here:
            continue
        if key == "config":
            words = words.format(keys=_keys_that_differ(there, here))
        else:
            words = words.format(there=there, here=here)
        raise BadInput(
            f"{store.folder} holds a run that cannot be gone on with: {words}. Use what it was "
            "begun with, or choose another --out."
        )


def _keys_that_differ(there: Any, here: Mapping[str, Any]) -> str:
    if not isinstance(there, Mapping):
        return "all"
    return ", ".join(key for key in sorted({*there, *here}) if there.get(key) != here.get(key))
