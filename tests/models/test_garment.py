"""Contract of the garment network."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("segmentation_models_pytorch")

from tryon.models.garment import OUTPUTS, GarmentNet  # noqa: E402
from tryon.preprocess.landmarks import ATTRIBUTES, MIRROR, POINTS  # noqa: E402

pytestmark = pytest.mark.timeout(120)  # on a busy machine the network takes its time


@pytest.fixture(scope="module")
def net() -> GarmentNet:
    torch.manual_seed(0)
    return GarmentNet()


def test_output_shapes(net: GarmentNet) -> None:
    outputs = dict(zip(OUTPUTS, net.eval()(torch.zeros(2, 3, 64, 96)), strict=True))
    assert outputs["matte"].shape == (2, 1, 32, 48)
    assert outputs["heatmaps"].shape == (2, len(POINTS), 32, 48)
    for name, meanings in ATTRIBUTES.items():
        assert outputs[name].shape == (2, len(meanings))


def test_every_parameter_gets_a_gradient(net: GarmentNet) -> None:
    net.train().zero_grad()
    sum(output.float().pow(2).mean() for output in net(torch.randn(2, 3, 64, 64))).backward()
    assert [name for name, p in net.named_parameters() if p.grad is None] == []


def test_a_batch_equals_its_singles(net: GarmentNet) -> None:
    images = torch.rand(3, 3, 64, 64) * 2 - 1
    together = net.eval()(images)
    for i in range(3):
        for batch, single in zip(together, net(images[i : i + 1]), strict=True):
            torch.testing.assert_close(batch[i : i + 1], single, atol=1e-4, rtol=0)


@pytest.mark.parametrize("shape", [(1, 3, 60, 64), (1, 4, 64, 64)])
def test_a_wrong_shape_names_the_remedy(net: GarmentNet, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="letterbox"):
        net(torch.zeros(shape))


def test_save_and_load_give_the_same_output(net: GarmentNet, tmp_path: Path) -> None:
    from tryon.train.export import load_module, save_module

    save_module(net, tmp_path / "net.safetensors")
    other = GarmentNet()
    load_module(other, tmp_path / "net.safetensors")
    image = torch.rand(1, 3, 64, 64)
    for a, b in zip(net.eval()(image), other.eval()(image), strict=True):
        assert torch.equal(a, b)


def test_mirror_swaps_left_and_right() -> None:
    for i, j in enumerate(MIRROR):
        assert MIRROR[j] == i
        assert POINTS[i].replace("left", "right") == POINTS[j].replace("left", "right")
    for name in ("neck_front", "crotch"):
        assert POINTS[MIRROR[POINTS.index(name)]] == name


def test_attribute_heads_start_from_given_imagenet_weights_only(net: GarmentNet) -> None:
    with pytest.raises(ValueError, match="ImageNet weights lack"):
        net.load_imagenet({})
