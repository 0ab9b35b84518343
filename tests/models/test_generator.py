"""The generator: shapes, what an untrained network gives, crops against the whole, remedies in errors."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tryon.models.generator import (  # noqa: E402
    EDIT,
    IN_CHANNELS,
    INPUT_CHANNELS,
    PLATE,
    SKIN_PRIOR,
    WARP,
    WARP_MASK,
    Generator,
    Layers,
    composite,
    lit,
)

pytestmark = pytest.mark.needs_torch


def _inputs(h: int = 64, w: int = 96, batch: int = 2, seed: int = 0) -> "torch.Tensor":
    x = torch.rand(batch, IN_CHANNELS, h, w, generator=torch.Generator().manual_seed(seed))
    x[:, PLATE] = x[:, PLATE] * 2 - 1
    x[:, EDIT] = (x[:, EDIT] > 0.3).float()
    x[:, WARP_MASK] = (x[:, WARP_MASK] > 0.5).float()
    x[:, WARP] = (x[:, WARP] * 2 - 1) * x[:, WARP_MASK]
    return x


def _shaken(net: Generator, scale: float = 0.02) -> Generator:
    """Heads away from zero, as after some training."""
    torch.manual_seed(1)
    for head in (net.head, net.light):
        torch.nn.init.normal_(head.weight, std=scale)
    return net


def test_channel_list_is_consistent():
    assert len(INPUT_CHANNELS) == len(set(INPUT_CHANNELS)) == IN_CHANNELS == 21
    assert INPUT_CHANNELS[EDIT.start] == "edit"
    assert INPUT_CHANNELS[WARP_MASK.start] == "warp_mask"


@pytest.mark.parametrize("gain_channels", [1, 3])
def test_shapes_and_ranges(gain_channels):
    net = _shaken(Generator(width=8, gain_channels=gain_channels), 1.0)
    x = _inputs()
    rgb, alpha, gain = net(x)
    assert rgb.shape == (2, 3, 64, 96)
    assert alpha.shape == (2, 1, 64, 96)
    assert gain.shape == (2, gain_channels, 64, 96)
    assert rgb.abs().max() <= 1
    assert alpha.min() >= 0 and alpha.max() <= 1
    assert gain.min() >= 0.49 and gain.max() <= 2.02
    assert (alpha[x[:, WARP_MASK] == 0] == 0).all()


def test_untrained_network_gives_the_geometric_picture():
    x = _inputs()
    layers = Generator(width=8)(x)
    torch.testing.assert_close(layers.rgb, x[:, PLATE])
    assert (layers.gain == 1).all()
    shown = x[:, WARP_MASK] * x[:, EDIT]
    plain = shown * x[:, WARP] + (1 - shown) * x[:, PLATE]
    assert (composite(x, layers) - plain).abs().max() < 0.04


def test_composite_leaves_the_plate_outside_of_the_edit_mask():
    x = _inputs()
    out = composite(x, _shaken(Generator(width=8), 1.0)(x))
    keep = (x[:, EDIT] == 0).expand_as(out)
    assert torch.equal(out[keep], x[:, PLATE][keep])


def test_gain_acts_on_unit_range():
    warp = torch.tensor([-1.0, 0.0, 1.0]).view(1, 3, 1, 1)
    got = lit(warp, torch.full((1, 1, 1, 1), 0.5))
    torch.testing.assert_close(got.flatten(), torch.tensor([-1.0, -0.5, 0.0]))


def test_a_crop_computes_the_same_as_the_whole_inside():
    """Only the zero padding may differ, so the middle of a large crop agrees."""
    net = _shaken(Generator(width=8)).eval()
    x = _inputs(512, 384, 1)
    with torch.no_grad():
        whole, crop = net(x), net(x[:, :, 64:448, 32:352])
    for a, b in zip(whole, crop, strict=True):
        a = a[:, :, 64:448, 32:352][:, :, 160:224, 128:192]
        assert (a - b[:, :, 160:224, 128:192]).abs().max() < 2e-2


def test_batch_equals_singles():
    net = _shaken(Generator(width=8)).eval()
    x = _inputs()
    with torch.no_grad():
        both, first = net(x), net(x[:1])
    for a, b in zip(both, first, strict=True):
        torch.testing.assert_close(a[:1], b, atol=1e-4, rtol=0)


def test_save_and_load_give_the_same_output(tmp_path):
    from safetensors.torch import load_file, save_file

    net = _shaken(Generator(width=8)).eval()
    save_file(net.state_dict(), str(tmp_path / "g.safetensors"))
    other = Generator(**net.settings).eval()
    other.load_state_dict(load_file(str(tmp_path / "g.safetensors")))
    x = _inputs()
    with torch.no_grad():
        for a, b in zip(net(x), other(x), strict=True):
            assert torch.equal(a, b)


def test_every_parameter_gets_a_gradient():
    net = _shaken(Generator(width=8))
    x = _inputs()
    composite(x, net(x)).square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() and p.grad.any() for p in net.parameters())


@pytest.mark.parametrize("shape", [(1, 21, 60, 64), (1, 21, 64, 50), (1, 20, 64, 64), (21, 64, 64)])
def test_wrong_shapes_name_the_remedy(shape):
    with pytest.raises(ValueError, match=r"multiples of 32: pad or crop|INPUT_CHANNELS"):
        Generator(width=8)(torch.zeros(shape))


def test_wrong_numbers():
    with pytest.raises(ValueError, match="gain_channels"):
        Generator(width=8, gain_channels=2)


def test_layers_have_the_names_of_the_graph():
    from tryon.models.generator import ONNX_OUTPUTS

    assert Layers._fields == ONNX_OUTPUTS
    assert np.dtype(np.float32) == Generator(width=8)(_inputs()).rgb.detach().numpy().dtype


def test_a_confined_generator_leaves_the_plate_alone_far_from_skin_and_garment():
    torch.manual_seed(0)
    inputs = torch.rand(1, IN_CHANNELS, 128, 96)
    inputs[:, SKIN_PRIOR] = 0
    inputs[:, WARP_MASK] = 0
    inputs[:, WARP_MASK, 40:60, 40:60] = 1
    for confined in (True, False):
        net = Generator(width=8, bottleneck=1, confined=confined).eval()
        with torch.no_grad():
            net.head.weight.normal_(std=0.5)
            difference = (net(inputs).rgb - inputs[:, PLATE]).abs()
        assert difference[..., 40:60, 40:60].max() > 0.05
        assert (difference[..., 100:, :].max() == 0) == confined
