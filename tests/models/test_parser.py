"""The contract of the parser network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("segmentation_models_pytorch")

from tryon.labels import NUM_LABELS  # noqa: E402
from tryon.models.parser import ParserNet  # noqa: E402
from tryon.preprocess.parsing import PLANES  # noqa: E402


def planes(batch: int = 1, height: int = 64, width: int = 96) -> torch.Tensor:
    return torch.randint(
        0, 256, (batch, len(PLANES), height, width), generator=torch.Generator().manual_seed(0)
    ).float()


@pytest.fixture
def net() -> ParserNet:
    torch.manual_seed(0)
    return ParserNet()


def test_forward_and_backward(net: ParserNet) -> None:
    logits = net.train()(planes(2))
    assert logits.shape == (2, NUM_LABELS, 64, 96)
    logits.square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())


def test_half_logits_are_half_the_size(net: ParserNet) -> None:
    assert net.eval().half_logits(planes()).shape == (1, NUM_LABELS, 32, 48)


@pytest.mark.parametrize("size", [(65, 96), (64, 80), (50, 50)])
def test_odd_sizes_name_the_remedy(net: ParserNet, size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="multiples of 32"):
        net(planes(1, *size))


def test_batch_equals_singles(net: ParserNet) -> None:
    x = planes(3)
    with torch.no_grad():
        together = net.eval()(x)
        alone = torch.cat([net(x[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_save_and_load_give_the_same_output(net: ParserNet, tmp_path: Path) -> None:
    from tryon.train.export import load_module, save_module

    save_module(net, tmp_path / "net.safetensors")
    other = ParserNet()
    load_module(other, tmp_path / "net.safetensors")
    with torch.no_grad():
        assert torch.equal(net.eval()(planes()), other.eval()(planes()))


def test_export_agrees_with_torch_and_is_half_size(net: ParserNet, tmp_path: Path) -> None:
    from tryon.train.export import export_onnx, register

    path = tmp_path / "net.onnx"
    worst = export_onnx(net, (planes(2),), path, ["planes"], ["logits"])
    assert worst <= 1e-3
    assert path.stat().st_size < 2.4 * sum(p.numel() for p in net.parameters())
    entry = register("parser", path, metrics={"a": 1}, folder=tmp_path / "weights")
    assert entry["inputs"] == {"planes": ["batch", len(PLANES), 64, 96]}

    from tryon import weights

    session = weights.session("parser", 1, tmp_path / "weights")
    with torch.no_grad():
        expected = net(planes(3)).numpy()
    got = session.run(None, {"planes": planes(3).numpy()})[0]
    np.testing.assert_allclose(got, expected, atol=1e-3)


def test_imagenet_weights_must_be_whole(net: ParserNet) -> None:
    with pytest.raises(ValueError, match="MobileNetV2"):
        net.load_imagenet({})


def test_quicken_changes_no_value(net: ParserNet) -> None:
    from tryon.train.parser import quicken

    with torch.no_grad():
        before = net.eval()(planes())
        quicken(net)
        torch.testing.assert_close(net(planes()), before, atol=1e-5, rtol=1e-5)
