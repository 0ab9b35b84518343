"""Augmentation on the device: truth and inputs change alike, what is moved takes its maps along."""

import pytest

torch = pytest.importorskip("torch")
import numpy as np  # noqa: E402
from tryon.train import toy  # noqa: E402
from tryon.train.augment import DiffAugment, Recolour  # noqa: E402
from tryon.train.samples import SAMPLE_FIELDS, decode, encode  # noqa: E402

from tryon.models.generator import PLATE, WARP, WARP_MASK  # noqa: E402

pytestmark = [pytest.mark.needs_torch, pytest.mark.timeout(240)]


@pytest.fixture
def batch():
    samples = [encode(**toy.draw(seed, (64, 64))) for seed in range(4)]
    return decode(torch.from_numpy(np.stack([np.concatenate([s[n] for n in SAMPLE_FIELDS], 2) for s in samples])))


def test_recolour_changes_inputs_and_truth_alike(batch):
    pytest.importorskip("kornia")
    before = {name: values.clone() for name, values in batch.items()}
    torch.manual_seed(0)
    out = Recolour(0.6, hue_share=1.0)(batch)
    assert all(torch.equal(batch[name], before[name]) for name in batch)  # the caller's tensors stay
    assert out["inputs"].is_contiguous(memory_format=torch.channels_last)
    for name in ("edit", "warp_mask", "garment_true", "skin_true", "valid"):
        assert torch.equal(out[name], batch[name])
    moved = (out["target"] - batch["target"]).abs().mean((1, 2, 3))
    assert (moved > 0.01).all()
    # where the plate was the photo itself it still is, and the hidden background changes nowhere else
    same = ((batch["inputs"][:, PLATE] - batch["target"]).abs().amax(1, keepdim=True) < 1e-6).expand(-1, 3, -1, -1)
    torch.testing.assert_close(out["inputs"][:, PLATE][same], out["target"][same], atol=1e-4, rtol=0)
    covered = (out["inputs"][:, WARP_MASK] > 0).expand(-1, 3, -1, -1)
    assert not out["inputs"][:, WARP][~covered].any()
    # the garment's two stripes keep their places: warp and truth are still explained by each other
    for k in range(4):
        inside = batch["garment_true"][k, 0] > 0.5
        warp, truth = (v[:, inside].flatten() for v in (out["inputs"][k, WARP], out["target"][k]))
        old = torch.corrcoef(
            torch.stack([batch["inputs"][k, WARP][:, inside].flatten(), batch["target"][k][:, inside].flatten()])
        )
        assert torch.corrcoef(torch.stack([warp, truth]))[0, 1] > old[0, 1] - 0.25


def _ramp():
    torch.manual_seed(1)
    picture = torch.rand(3, 3, 32, 32) * 2 - 1
    return picture, (picture.mean(1, keepdim=True) + 2)  # the map is a function of the picture: they can be compared


def test_moved_pictures_take_their_maps_along():
    picture, places = _ramp()
    (one, other), (moved,) = DiffAugment(("translation", "cutout"))([picture, picture * 2], [places])
    torch.testing.assert_close(other, one * 2)
    inside = moved > 0
    torch.testing.assert_close(moved[inside], (one.mean(1, keepdim=True) + 2)[inside])
    assert not one.sum(1, keepdim=True)[~inside].any()
    assert 0.05 < (~inside).float().mean() < 0.7
    assert not torch.equal(one, picture)


def test_colour_keeps_the_maps_and_passes_gradients():
    picture, places = _ramp()
    picture.requires_grad_()
    (changed,), (same,) = DiffAugment(("colour",))([picture], [places])
    assert torch.equal(same, places) and not torch.equal(changed, picture)
    changed.sum().backward()
    assert (picture.grad.abs() > 0).all()


def test_without_policy_nothing_happens():
    picture, places = _ramp()
    (one,), (two,) = DiffAugment(())([picture], [places])
    assert one is picture and two is places
    with pytest.raises(ValueError, match="cutout"):
        DiffAugment(("mixup",))
