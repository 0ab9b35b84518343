"""The shipped networks: found by name, checked by sha256, then loaded.

Own networks (`tryon export`) come before the shipped ones of the same name when the environment variable TRYON_WEIGHTS
names their folder.

`weights_data/manifest.json` maps a name to {"file", "sha256", "bytes", "licence", "inputs", "metrics"}. A file is read
once; the bytes that were hashed are the bytes that are loaded.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import DependencyError, WeightsError

if TYPE_CHECKING:
    import onnxruntime

#: Where the wheel keeps the weights.
FOLDER = Path(__file__).resolve().parent / "weights_data"
MANIFEST = "manifest.json"
#: Environment variable that names a folder of own weights.
OVERLAY = "TRYON_WEIGHTS"
#: More threads than this do not help networks of this size.
MAX_THREADS = 8
#: The networks that analyse the photos, whatever engine renders.
ANALYSIS = ("parser", "parser_close", "garment")
_REMEDY = "Install tryon again (pip install --force-reinstall --no-deps tryon)."
_OWN_REMEDY = f"Give a folder that 'tryon export' wrote, or unset {OVERLAY}."


def manifest(folder: str | os.PathLike[str] | None = None) -> dict[str, dict[str, Any]]:
    """All entries by name. Raises WeightsError if the manifest is missing or malformed."""
    own = os.environ.get(OVERLAY)
    if folder is None and own:
        return {**_entries(FOLDER, _REMEDY), **_entries(Path(own), _OWN_REMEDY)}
    return _entries(Path(folder or FOLDER), _REMEDY)


def _entries(folder: Path, remedy: str) -> dict[str, dict[str, Any]]:
    path = folder / MANIFEST
    shown = path.name if folder == FOLDER else str(path)
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WeightsError(f"The weights' manifest {shown} can't be read.", remedy) from error
    except ValueError as error:
        raise WeightsError(f"The weights' manifest {shown} is damaged.", remedy) from error
    if not isinstance(entries, dict) or not all(_is_entry(entry) for entry in entries.values()):
        raise WeightsError(f"The weights' manifest {shown} is damaged.", remedy)
    return entries


def _home(name: str, folder: str | os.PathLike[str] | None) -> Path:
    """The folder that `name` lies in."""
    own = os.environ.get(OVERLAY)
    if folder is None and own and name in _entries(Path(own), _OWN_REMEDY):
        return Path(own)
    return Path(folder or FOLDER)


def names(folder: str | os.PathLike[str] | None = None) -> list[str]:
    """Names of the weights that the manifest lists."""
    return sorted(manifest(folder))


def together(name: str, other: str) -> bool:
    """Whether both are there, and from the same folder: own weights do not mix with shipped ones."""
    return {name, other} <= set(names()) and _home(name, None) == _home(other, None)


def info(name: str, folder: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """The manifest's entry of `name`."""
    entries = manifest(folder)
    if name not in entries:
        known = ", ".join(sorted(entries)) or "none"
        raise WeightsError(f"There are no weights called {name!r} (there are: {known}).", _REMEDY)
    return entries[name]


def read(name: str, folder: str | os.PathLike[str] | None = None) -> bytes:
    """The checked bytes of a weights file. Raises WeightsError if it is missing or has another hash."""
    entry = info(name, folder)
    path = _home(name, folder) / entry["file"]
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"The weights file {path.name} can't be read.", _REMEDY) from error
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise WeightsError(f"The weights file {path.name} is damaged or of another version.", _REMEDY)
    return data


def path(name: str, folder: str | os.PathLike[str] | None = None) -> Path:
    """Where a weights file lies, after its hash was checked."""
    read(name, folder)
    return _home(name, folder) / info(name, folder)["file"]


def describe(used: Iterable[str], folder: str | os.PathLike[str] | None = None) -> list[dict[str, str]]:
    """[{"name", "sha256"}] of the given weights, for reports."""
    return [{"name": name, "sha256": info(name, folder)["sha256"]} for name in used]


def session(
    name: str, threads: int | None = None, folder: str | os.PathLike[str] | None = None
) -> onnxruntime.InferenceSession:
    """A CPU session of the network `name`.

    Args:
        threads: threads of one run; None: the cores that this process may use, at most `MAX_THREADS`.

    Raises:
        WeightsError: missing, damaged, or not loadable.
        DependencyError: onnxruntime can't be imported.
    """
    data = read(name, folder)
    try:
        import onnxruntime
    except Exception as error:
        raise DependencyError("onnxruntime can't be imported.", "Run: pip install onnxruntime") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or usable_cores()
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # both photos are analysed at once
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exception types are not public
        raise WeightsError(
            f"The weights {name!r} can't be loaded by onnxruntime {onnxruntime.__version__}.",
            "Run: pip install --upgrade onnxruntime",
        ) from error


def usable_cores(most: int = MAX_THREADS) -> int:
    """Cores that this process may use: affinity and container quota, at most `most`, at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            cores = min(cores, -(-int(quota) // int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        pass
    return max(1, min(cores, most))


def _is_entry(entry: object) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("settings", {}), dict):
        return False
    file, digest = entry.get("file"), entry.get("sha256")
    return isinstance(file, str) and isinstance(digest, str) and file == Path(file).name and file not in ("", "..")
