"""From a torch module to a shipped weights file: ONNX stored in half precision, checked against torch, registered."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..weights import FOLDER, MANIFEST

OPSET = 17
#: Initializers with fewer values stay float32: they save nothing, and shapes and constants are among them.
HALF_FROM = 1024
#: Largest difference allowed between ONNX Runtime and torch, absolute.
TOLERANCE = 1e-3


def round_to_half(module: nn.Module) -> None:
    """Round large parameters of `module` in place to values that float16 can hold: storing them then loses nothing.

    Raises:
        ValueError: a weight lies outside of float16's range.
    """
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.numel() >= HALF_FROM and parameter.dtype == torch.float32:
                rounded = parameter.half().float()
                if not torch.isfinite(rounded).all():
                    raise ValueError(f"{name} has values that float16 can't hold: train with weight decay or clip them")
                parameter.copy_(rounded)


def _store_half(model: onnx.ModelProto) -> None:
    """Replace large float32 initializers by float16 ones followed by a Cast (ONNX Runtime folds it at load)."""
    graph = model.graph
    casts, kept = [], []
    for initializer in graph.initializer:
        values = numpy_helper.to_array(initializer)
        if initializer.data_type != TensorProto.FLOAT or values.size < HALF_FROM:
            kept.append(initializer)
            continue
        stored = f"{initializer.name}_half"
        kept.append(numpy_helper.from_array(values.astype(np.float16), stored))
        casts.append(
            helper.make_node("Cast", [stored], [initializer.name], to=TensorProto.FLOAT, name=f"{stored}_cast")
        )
    nodes = [*casts, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)


def _run_ort(path: Path, input_names: list[str], inputs: list[Tensor]) -> list[np.ndarray]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, {name: value.numpy() for name, value in zip(input_names, inputs, strict=True)})


def export_onnx(
    module: nn.Module,
    example_inputs: tuple[Tensor, ...],
    path: Path,
    input_names: list[str],
    output_names: list[str],
    dynamic_batch: bool = True,
    half_storage: bool = True,
) -> float:
    """Write `module` as an ONNX file and check that ONNX Runtime computes what torch does.

    Spatial sizes are those of the examples. With `half_storage`, the module's large parameters are rounded in place to
    float16-representable values first; arithmetic stays float32.

    Args:
        module: its forward takes and returns tensors only; it is put into eval mode, on the CPU.
        example_inputs: float32 tensors; their values also serve the check, so take real ones.
        path: file to write.
        input_names, output_names: of the graph.

    Returns:
        The largest absolute difference between ONNX Runtime and torch on the examples.

    Raises:
        RuntimeError: the two differ by more than `TOLERANCE`.
    """
    module = module.eval().cpu().float()
    if half_storage:
        round_to_half(module)
    inputs = tuple(value.detach().cpu().float().contiguous() for value in example_inputs)
    axes = {name: {0: "batch"} for name in [*input_names, *output_names]} if dynamic_batch else None
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        draft = Path(folder) / "model.onnx"
        torch.onnx.export(
            module,
            inputs,
            str(draft),
            input_names=input_names,
            output_names=output_names,
            dynamic_axes=axes,
            opset_version=OPSET,
            # Norms are not fused here, as fused weights would not be half-representable; ONNX Runtime fuses them.
            training=torch.onnx.TrainingMode.PRESERVE,
            dynamo=False,
        )
        model = onnx.load(str(draft))
        if half_storage:
            _store_half(model)
        onnx.checker.check_model(model)
        onnx.save(model, str(draft))
        expected = module(*inputs)
        expected = [expected] if isinstance(expected, Tensor) else list(expected)
        worst = _difference(_run_ort(draft, input_names, list(inputs)), expected)
        if dynamic_batch:
            single = [value[:1] for value in inputs]
            worst = max(worst, _difference(_run_ort(draft, input_names, single), [value[:1] for value in expected]))
        if not worst <= TOLERANCE:
            raise RuntimeError(f"ONNX Runtime and torch differ by {worst:.2e}, more than {TOLERANCE:.0e}")
        shutil.copyfile(draft, path)
    return worst


def _difference(got: list[np.ndarray], expected: list[Tensor]) -> float:
    return max(float(np.abs(a - b.numpy()).max()) for a, b in zip(got, expected, strict=True))


def register(
    name: str,
    path: Path,
    metrics: dict[str, Any] | None = None,
    licence: str = "Apache-2.0",
    folder: Path = FOLDER,
    settings: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Copy an exported network to the shipped weights and write its entry into the manifest.

    Args:
        name: "parser", "garment" or "generator".
        metrics: figures that describe it, JSON values.
        settings: what the network was built with, where the run time has to know.

    Returns:
        The manifest's new entry.
    """
    data = path.read_bytes()
    model = onnx.load_from_string(data)
    inputs = {
        value.name: [dim.dim_value or dim.dim_param for dim in value.type.tensor_type.shape.dim]
        for value in model.graph.input
    }
    return register_file(name, f"{name}.onnx", data, metrics, licence, folder, inputs, settings)


def register_file(
    name: str,
    file: str,
    data: bytes,
    metrics: dict[str, Any] | None = None,
    licence: str = "Apache-2.0",
    folder: Path = FOLDER,
    inputs: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Write `data` as the shipped weights `name` and its entry into the manifest; see `register`."""
    entry = {
        "file": file,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "licence": licence,
        "inputs": inputs or {},
        "metrics": metrics or {},
        **({"settings": settings} if settings else {}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / file, data)
    manifest = folder / MANIFEST
    entries = json.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else {}
    entries[name] = entry
    _write(manifest, (json.dumps(entries, indent=2, sort_keys=True) + "\n").encode())
    return entry


def _write(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}.part")
    draft.write_bytes(data)
    os.replace(draft, path)


def save_module(module: nn.Module, path: Path, config: dict[str, Any] | None = None) -> None:
    """Save a module's weights as safetensors; `config` (JSON values) travels in the file's metadata."""
    state = {key: value.detach().cpu().contiguous() for key, value in module.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, str(path), metadata={"config": json.dumps(config or {})})


def load_module(module: nn.Module, path: Path) -> None:
    """Load what `save_module` wrote; every weight must be there."""
    module.load_state_dict(load_file(str(path)))
