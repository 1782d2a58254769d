"""The results of a sweep on disk: a Zarr store, filled batch by batch, that no crash can spoil.

    manifest.json    what is computed and how: configuration, hashes, versions, batch plan
    results.zarr     every variable over `case`, in chunks of one batch, and all labels
    batches/         one small file per finished batch, written after its numbers
    lock             held by the one runner that may write

A batch counts once its file is in `batches/`, which appears in one step. A run that is killed has
whole batches and at most a few half-written ones without that file; these are computed again. Cases
not computed have `status` "not_computed" and NaN. Chunks carry a checksum: a damaged one raises
when it is read instead of giving wrong numbers, and a resumed run computes its batch again.
"""

import contextlib
import dataclasses
import errno
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from xarray.backends import BackendArray
from xarray.core import indexing

from ..analysis.cases import CASE, statuses
from ..formats.files import read_bytes
from ..model.names import BadInput
from .plan import BatchPlan

FORMAT = 1
MANIFEST, RESULTS, BATCHES, LOCK = "manifest.json", "results.zarr", "batches", "lock"
_LARGEST_JSON = 64 * 2**20
_MOST_LABELS, _LARGEST_CHUNK = 1_000_000, 50_000_000
"""Entries of an array of labels, and of one chunk."""
NOT_COMPUTED = "not_computed"
"""Meaning of the `status` of cases that were never reached."""


class CannotStore(BadInput):
    """The folder cannot be written to: no space, read-only, gone."""


@dataclasses.dataclass(frozen=True)
class BatchEntry:
    """What is known of a batch that was dealt with.

    - `failed`: cases with instants without a solution; all of them where `error` says why the batch
      could not be computed at all.
    """

    batch: int
    failed: int
    error: str = ""


class Store:
    """The store in a run folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.manifest = _read_manifest(folder)
        try:
            self.plan = BatchPlan(**self.manifest["plan"])
        except TypeError as error:
            raise BadInput(
                f"{MANIFEST} in {folder} is damaged: its `plan` has other entries than "
                f"{', '.join(field.name for field in dataclasses.fields(BatchPlan))}."
            ) from error
        self._arrays: dict[str, Any] | None = None

    # ---------------------------------------------------------------------------- writing

    def write(self, batch: int, dataset: xr.Dataset, failed: int) -> None:
        """The cases of a batch, then the mark that they are there.

        **Raises:** `CannotStore` if the disk is full, the folder read-only or gone.
        """
        span = self.plan.span(batch)
        with storing(self.folder):
            arrays = self._open_arrays()
            for name, array in arrays.items():
                array[span] = dataset[name].values
            self._mark(BatchEntry(batch, failed))

    def give_up(self, batch: int, error: str) -> BatchEntry:
        """Mark a batch that could not be computed; a resumed run tries it again."""
        entry = BatchEntry(batch, self.cases_in([batch]), error)
        with storing(self.folder):
            self._mark(entry)
        return entry

    def note_team(self, team: Mapping[str, Any]) -> None:
        """Who computes from here on: one more entry of `teams` in the manifest, if it is new."""
        team = json.loads(json.dumps(team))
        teams = self.manifest.get("teams", [])
        if teams[-1:] == [team]:
            return
        self.manifest["teams"] = [*teams, team]
        with storing(self.folder):
            write_json(self.folder / MANIFEST, self.manifest)

    def _mark(self, entry: BatchEntry) -> None:
        write_json(self._mark_of(entry.batch), dataclasses.asdict(entry))

    def _open_arrays(self) -> dict[str, Any]:
        if self._arrays is None:
            import zarr

            group = _open_group(self.folder, "r+")
            swept = self.manifest["variables"]
            _require(group, self.folder, swept)
            # So that a chunk that is absent is one that was lost.
            with zarr.config.set({"array.write_empty_chunks": True}):
                self._arrays = {name: group[name] for name in swept}
        return self._arrays

    # ---------------------------------------------------------------------------- reading

    def entry(self, batch: int) -> BatchEntry | None:
        """What is known of a batch; None if it was not dealt with."""
        path = self._mark_of(batch)
        try:
            return BatchEntry(**_read_json(path)) if path.is_file() else None
        except (BadInput, TypeError):  # half-written when the power failed: computed again
            return None

    def entries(self) -> dict[int, BatchEntry]:
        """Every batch dealt with so far."""
        found = {batch: self.entry(batch) for batch in range(self.plan.count)}
        return {batch: entry for batch, entry in found.items() if entry is not None}

    def drop_incomplete(self) -> None:
        """Forget the batches that are marked although a chunk of them is lost or damaged.

        So a power cut leaves them, or a failing disk.
        """
        arrays = self._open_arrays().values()
        with storing(self.folder):
            for batch in self.entries():
                if not all(self._is_there(a, batch) and self._is_sound(a, batch) for a in arrays):
                    self._mark_of(batch).unlink(missing_ok=True)

    def _is_there(self, array: Any, batch: int) -> bool:
        key = array.metadata.encode_chunk_key((batch,) + (0,) * (array.ndim - 1))
        return (self.folder / RESULTS / array.basename / key).is_file()

    def _is_sound(self, array: Any, batch: int) -> bool:
        try:
            array[self.plan.span(batch)]
        except OSError:
            raise
        except Exception:  # whatever zarr and its codecs say of damage
            return False
        return True

    def _mark_of(self, batch: int) -> Path:
        return self.folder / BATCHES / f"{batch:07d}.json"

    def pending(self) -> list[int]:
        """Batches still to compute, in order: never tried, or given up before."""
        done = {batch for batch, entry in self.entries().items() if not entry.error}
        return [batch for batch in range(self.plan.count) if batch not in done]

    def cases_in(self, batches: list[int]) -> int:
        """How many cases some batches hold."""
        spans = [self.plan.span(batch) for batch in batches]
        return sum(span.stop - span.start for span in spans)

    def open(self) -> xr.Dataset:
        """All cases along `case`, read when they are used."""
        swept = self.manifest["variables"]
        group = _open_group(self.folder, "r")
        _check_sizes(group, self.folder, swept, self.plan.cases)
        _require(group, self.folder, self.manifest["order"])
        dataset = self._dataset(swept)
        texts = {
            name: (variable.dims, variable.values.astype(object), variable.attrs)
            for name, variable in dataset.variables.items()
            if variable.dtype.kind not in "biuf" and name not in swept
        }
        for name in swept:
            variable = dataset[name].variable
            data = indexing.LazilyIndexedArray(_Swept(self, name, variable))
            dataset[name] = variable.dims, data, variable.attrs
        order = [name for name in self.manifest["order"] if name in dataset.data_vars]
        return dataset.assign_coords(texts)[order]

    def _dataset(self, swept: Sequence[str]) -> xr.Dataset:
        """All variables; in memory but for those that are `swept`."""
        try:
            dataset = xr.open_zarr(
                self.folder / RESULTS,
                consolidated=False,
                chunks=None,
                zarr_format=3,
                decode_times=False,
            )
            dataset.drop_vars(swept).load()
        except OSError as error:
            raise _unreadable(self.folder, error) from error
        except Exception as error:  # whatever zarr and its codecs say of damage
            raise BadInput(
                f"{RESULTS} in {self.folder} is damaged: its labels cannot be read. They are not "
                "computed again by --resume: run the configuration again with another --out."
            ) from error
        return dataset

    def damage(self, name: str) -> BadInput | None:
        """What to tell of an array that cannot be read; None if every chunk of it can."""
        array = _open_group(self.folder, "r")[name]
        bad = [batch for batch in range(self.plan.count) if not self._is_sound(array, batch)]
        if not bad:
            return None
        span = self.plan.span(bad[0])
        more = f", nor can {self.cases_in(bad[1:])} cases more" if bad[1:] else ""
        return BadInput(
            f"{RESULTS} in {self.folder} is damaged: '{name}' of cases {span.start} to "
            f"{span.stop - 1} cannot be read{more}. Give the same `biomech run` command with "
            f"--resume --out {self.folder}: what is damaged is computed again, the rest kept."
        )


class _Swept(BackendArray):
    """A variable over the cases, read where it is used; what is damaged is told of there."""

    def __init__(self, store: Store, name: str, variable: xr.Variable):
        self._store, self._name, self._variable = store, name, variable
        self.shape, self.dtype = variable.shape, variable.dtype
        if self.dtype.kind not in "biuf":  # texts
            self.dtype = np.dtype(object)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._get
        )

    def _get(self, key: tuple[Any, ...]) -> np.ndarray:
        try:
            return np.asarray(self._variable[key].values, self.dtype)
        except OSError as error:
            raise _unreadable(self._store.folder, error) from error
        except Exception as error:
            damage = self._store.damage(self._name)
            if damage is None:
                raise
            raise damage from error


def create_store(
    folder: Path,
    manifest: Mapping[str, Any],
    plan: BatchPlan,
    part: xr.Dataset,
    coordinates: Mapping[str, xr.Variable],
) -> Store:
    """An empty store for all cases of a plan, in a folder that exists.

    - `manifest`: what else to remember.
    - `part`: some computed cases; their variables, labels and attributes are those of the whole.
    - `coordinates`: over `case`, the value of every parameter.
    """
    swept = [str(n) for n, v in part.data_vars.items() if CASE in v.dims]
    with storing(folder):
        (folder / BATCHES).mkdir()
        labels = part.drop_vars(swept).assign_coords(coordinates)
        texts = {n: v.astype(object) for n, v in labels.variables.items() if v.dtype.kind == "U"}
        labels = labels.assign_coords(texts)
        checked = {name: {"compressors": _compressors()} for name in labels.variables}
        labels.to_zarr(folder / RESULTS, zarr_format=3, consolidated=False, encoding=checked)
        group = _open_group(folder, "r+")
        blank = statuses(part).index(NOT_COMPUTED)
        for name in swept:
            _create_array(group, part[name], plan, blank if name == "status" else None)
        whole = {"format": FORMAT, **manifest, "plan": dataclasses.asdict(plan)}
        order = [str(name) for name in part.data_vars]
        write_json(folder / MANIFEST, {**whole, "variables": swept, "order": order})
    return Store(folder)


def _create_array(group: Any, part: xr.DataArray, plan: BatchPlan, blank: int | None) -> None:
    shape = (plan.cases, *part.shape[1:])
    is_text = part.dtype.kind not in "biuf"
    usual: Any = "" if is_text else np.nan if part.dtype.kind == "f" else 0
    group.create_array(
        part.name,
        shape=shape,
        chunks=(plan.size, *(max(n, 1) for n in part.shape[1:])),
        dtype=str if is_text else part.dtype,
        dimension_names=part.dims,
        attributes={k: getattr(v, "tolist", lambda v=v: v)() for k, v in part.attrs.items()},
        fill_value=usual if blank is None else blank,
        compressors=_compressors(),
    )


def _compressors() -> list[Any]:
    from zarr.codecs import BloscCodec, Crc32cCodec

    return [BloscCodec(cname="lz4", clevel=5, shuffle="shuffle"), Crc32cCodec()]


@contextlib.contextmanager
def storing(folder: Path) -> Iterator[None]:
    """`CannotStore` with a remedy for whatever the disk refuses in the block."""
    try:
        yield
    except OSError as error:
        reason, remedy = refusal(error)
        raise CannotStore(
            f"Cannot write in {folder}: {reason}. What was finished is kept. {remedy}, then go on "
            f"with --resume --out {folder}."
        ) from error


def refusal(error: OSError) -> tuple[str, str]:
    """What the disk refuses, and what to do about it."""
    reason = str(error) if error.errno is None else os.strerror(error.errno)
    full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", -1))
    return reason, "Free some space" if full else "Make it writable"


# ---------------------------------------------------------------------------------- lock


@contextlib.contextmanager
def only_runner(folder: Path) -> Iterator[None]:
    """Hold a run folder; the lock of a process that dies is released by the system.

    **Raises:** `BadInput` if another process holds it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK)
    with storing(folder):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise BadInput(
                f"Another run has this folder: a process is computing in {folder}. Wait until it "
                "ends, or stop it; then go on with --resume, or choose another --out."
            ) from None
    try:
        yield
    finally:
        lock.release()


# -------------------------------------------------------------------------------- opening


def is_store(folder: Path) -> bool:
    return (folder / MANIFEST).is_file()


def _open_group(folder: Path, mode: Any) -> Any:
    import zarr

    if not (folder / RESULTS / "zarr.json").is_file():
        raise BadInput(f"There is no {RESULTS} in {folder}: it is no run folder, or damaged.")
    try:
        group = zarr.open_group(folder / RESULTS, mode=mode, zarr_format=3)
        kinds = {name: array.dtype.kind for name, array in group.arrays()}
    except OSError:
        raise
    except Exception as error:  # whatever a library says of a file that is none of ours
        raise BadInput(f"{RESULTS} in {folder} is damaged: {error}.") from error
    odd = [name for name, kind in kinds.items() if kind not in "biufUT"]
    if odd:
        raise BadInput(f"{RESULTS} in {folder}: '{odd[0]}' holds neither numbers nor texts.")
    return group


def _require(group: Any, folder: Path, names: Sequence[str]) -> None:
    held = set(group)
    missing = [name for name in names if name not in held]
    if missing:
        raise BadInput(f"{RESULTS} in {folder} is damaged: it lacks '{missing[0]}'.")


def _unreadable(folder: Path, error: OSError) -> BadInput:
    return BadInput(f"Cannot read {RESULTS} in {folder}: {error.strerror or error}.")


def _check_sizes(group: Any, folder: Path, swept: list[str], cases: int) -> None:
    """Raise for labels too long to hold, and chunks too large, before anything is read."""
    for name, array in group.arrays():
        labels = name not in swept
        if labels and array.size > max(_MOST_LABELS, cases):
            raise BadInput(f"{RESULTS} in {folder}: '{name}' has {array.size} entries; too many.")
        if math.prod(array.chunks) > _LARGEST_CHUNK:
            raise BadInput(f"{RESULTS} in {folder}: the chunks of '{name}' are too large.")
        if not labels and array.shape[0] != cases:
            raise BadInput(f"{RESULTS} in {folder} is damaged: '{name}' has other cases.")


class _Plan(BaseModel):
    cases: Annotated[int, Field(gt=0, le=10**9)]
    size: Annotated[int, Field(gt=0, le=10**6)]


_Variable = Annotated[str, StringConstraints(pattern=r"^\w{1,100}$")]


class _Manifest(BaseModel):
    """What a manifest must hold to be read; what else it holds is compared, not used."""

    model_config = ConfigDict(strict=True, extra="ignore")
    plan: _Plan
    variables: list[_Variable]
    order: list[_Variable]
    axes: dict[str, list[float]] | None
    config: dict[str, Any]


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.is_file():
        raise BadInput(
            f"{folder} holds no sweep: there is no {MANIFEST} in it. Name the folder of a run."
        )
    manifest = _read_json(path)
    if manifest.get("format") != FORMAT:
        raise BadInput(
            f"{path.name} in {folder} has format {manifest.get('format')!r}; this version reads "
            f"{FORMAT}. Use the version of biomech that wrote it."
        )
    try:
        _Manifest.model_validate(manifest)
    except ValidationError as error:
        raise BadInput(f"{path.name} in {folder} is damaged: {_first_line(error)}.") from error
    axes = manifest["axes"]
    if axes and math.prod(map(len, axes.values())) != manifest["plan"]["cases"]:
        raise BadInput(f"{path.name} in {folder} is damaged: its axes do not make its cases.")
    return manifest


def _first_line(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_bytes(path, _LARGEST_JSON))
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path.name} in {path.parent} is damaged: {error}.") from error
    if not isinstance(found, dict):
        raise BadInput(f"{path.name} in {path.parent} is damaged: it holds no mapping.")
    return found


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Whole or not at all: under a temporary name, then renamed."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
