"""Where a result comes from: versions, device, and a hash of the model's content.

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
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from ..model.body import Model

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


def provenance(
    model: Model, *, config: Mapping[str, Any] | None = None, precision: str = "float64"
) -> dict[str, str]:
    """Attributes every result carries. `config`: what was asked for, kept as JSON."""
    return {
        **{f"{name}_version": _version(name) for name in _SHOWN_VERSIONS},
        "device": device(),
        "precision": precision,
        "config": json.dumps(dict(config or {}), sort_keys=True),
        "model": model.name,
        "model_sha256": model_hash(model),
        "model_conventions": json.dumps(dict(model.conventions), sort_keys=True),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "citations": "\n".join(model.citations),
    }


def device() -> str:
    """Kind of device JAX computes on, e.g. "cpu" or "gpu (NVIDIA H200)"."""
    first = jax.devices()[0]
    kind = first.device_kind
    return first.platform if kind.lower() == first.platform else f"{first.platform} ({kind})"


def _version(name: str) -> str:
    if name == "biomech":
        return importlib.import_module(__name__.split(".")[0]).__version__
    return importlib.metadata.version(name)
