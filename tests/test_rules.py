"""Rules about the source that a type checker does not know."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tryon import errors

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(path for folder in ("tryon", "train", "eval", "scripts") for path in (ROOT / folder).rglob("*.py"))
CORE = [path for path in SOURCES if path.is_relative_to(ROOT / "tryon")]
ERRORS = {n for n, k in vars(errors).items() if isinstance(k, type) and issubclass(k, errors.TryOnError)}
DECODERS = {"cv2.imread", "cv2.imdecode", "cv2.imwrite", "cv2.imencode", "Image.open", "plt.imread", "mpimg.imread"}
CODE_RUNNERS = {"torch.load", "pickle.load", "pickle.loads", "os.system", "eval", "exec"}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def imports(path: Path) -> set[str]:
    """Absolute modules that a file imports anywhere."""
    found = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module)
    return found


def calls(path: Path) -> set[str]:
    """Functions called, as written."""
    return {ast.unparse(node.func) for node in nodes(path) if isinstance(node, ast.Call)}


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_nothing_runs_what_it_reads(path: Path) -> None:
    assert not calls(path) & CODE_RUNNERS
    assert "allow_pickle=True" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [p for p in CORE if p.name != "imageio.py"], ids=name)
def test_only_imageio_decodes_and_encodes(path: Path) -> None:
    assert not calls(path) & DECODERS


@pytest.mark.parametrize("path", CORE, ids=name)
def test_dependencies_point_one_way(path: Path) -> None:
    modules = {module.split(".")[0] for module in imports(path)}
    assert not {module for module in imports(path) if module.startswith(("tryon.train", "tryon.eval"))}
    relative = {n.module or "" for n in nodes(path) if isinstance(n, ast.ImportFrom) and n.level > 0}
    assert not {module for module in relative if module.split(".")[0] in ("train", "eval")}
    if not (path.is_relative_to(ROOT / "tryon" / "models") or path.name == "torch.py"):
        assert not modules & {"torch", "torchvision", "kornia", "segmentation_models_pytorch", "onnx", "matplotlib"}


@pytest.mark.parametrize("path", CORE, ids=name)
def test_every_error_has_a_remedy(path: Path) -> None:
    for node in nodes(path):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS):
            continue
        where = f"{name(path)}:{node.lineno}"
        remedy = (
            node.args[1] if len(node.args) > 1 else next((k.value for k in node.keywords if k.arg == "remedy"), None)
        )
        assert remedy is not None, f"{where}: an error without a remedy"
        assert not (isinstance(remedy, ast.Constant) and not remedy.value), f"{where}: an empty remedy"
        for argument in node.args:
            if isinstance(argument, ast.Constant):
                assert "\n" not in str(argument.value), f"{where}: more than one line"


def test_the_core_runs_without_torch() -> None:
    code = "import sys, tryon, tryon.cli, tryon.imageio, tryon.weights, tryon.compose, tryon.doctor, tryon.explain\n"
    if (ROOT / "tryon" / "pipeline.py").exists():
        code += "import tryon.pipeline\n"
    code += (
        "heavy = {'torch', 'torchvision', 'kornia', 'onnx'} & set(sys.modules); sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_public_names() -> None:
    import tryon

    assert tryon.TryOnError is errors.TryOnError
    with pytest.raises(AttributeError):
        _ = tryon.nonsense


def test_errors_map_to_exit_codes() -> None:
    codes = {n: vars(errors)[n].exit_code for n in ERRORS}
    assert codes["UsageError"] == 2 and codes["WeightsError"] == codes["DependencyError"] == 4
    assert set(codes.values()) == {2, 3, 4}
    labels = [vars(errors)[n].code for n in ERRORS if n != "DecoderMissing"]  # a kind of DependencyError
    assert len(set(labels)) == len(labels)
