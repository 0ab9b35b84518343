"""Losses: known answers, masks that mask, gradients that flow."""

import math

import pytest

torch = pytest.importorskip("torch")

from tryon.train import losses  # noqa: E402

from tryon.models.discriminator import Verdict  # noqa: E402

pytestmark = pytest.mark.needs_torch

SHAPE = (2, 3, 32, 32)
ONES = torch.ones(2, 1, 32, 32)


def _pair(seed: int = 0):
    g = torch.Generator().manual_seed(seed)
    return torch.rand(SHAPE, generator=g) * 2 - 1, torch.rand(SHAPE, generator=g) * 2 - 1


def _left() -> "torch.Tensor":
    mask = ONES.clone()
    mask[..., 16:] = 0
    return mask


@pytest.mark.parametrize("loss", [losses.l1, losses.gradient])
def test_zero_when_equal_and_blind_outside_of_the_weights(loss):
    a, b = _pair()
    assert loss(a, a, ONES) == 0
    assert loss(a, b, ONES) > 0
    mixed = torch.where(_left() > 0, a, b)
    inner = _left()
    inner[..., 15:] = 0  # differences across the border belong to nobody
    assert loss(mixed, a, inner) == 0
    assert loss(a, b, ONES * 0) == 0


def test_l1_is_the_mean_over_the_region():
    a = torch.zeros(SHAPE)
    b = torch.where(_left() > 0, 0.5, 0.0).expand(SHAPE)
    torch.testing.assert_close(losses.l1(b, a, ONES), torch.tensor(0.25))
    torch.testing.assert_close(losses.l1(b, a, _left()), torch.tensor(0.5))


def test_region_weights():
    skin = torch.zeros_like(ONES)
    skin[..., :4] = 1
    valid = ONES.clone()
    valid[:, :, :8] = 0
    got = losses.region_weights(_left(), valid, skin, skin=6.0)
    assert got[0, 0, 20].tolist() == [6.0] * 4 + [1.0] * 12 + [0.0] * 16
    assert not got[:, :, :8].any()
    banded = losses.region_weights(ONES, ONES, ONES * 0, edge=_left(), edge_gain=3.0)
    assert banded[0, 0, 10, 15] == 3 and banded[0, 0, 10, 2] == 1 and banded[0, 0, 10, 30] == 1
    less = losses.region_weights(ONES, ONES, ONES * 0, edge=_left(), edge_gain=1.0, elsewhere=0.25)
    assert less[0, 0, 10, 2] == 1 and less[0, 0, 10, 30] == 0.25


def test_alpha_bce_known_answers():
    half = ONES * 0.5
    torch.testing.assert_close(losses.alpha_bce(half, ONES, ONES, ONES), torch.tensor(math.log(2)))
    assert losses.alpha_bce(ONES, ONES, ONES, ONES) < 1e-3
    assert losses.alpha_bce(half, ONES, ONES * 0, ONES) == 0  # nothing is warped there
    alpha = half.clone().requires_grad_()
    losses.alpha_bce(alpha, ONES, _left(), ONES).backward()
    assert (alpha.grad[..., :16] < 0).all() and not alpha.grad[..., 16:].any()


def test_gain_smoothness():
    assert losses.gain_smoothness(ONES, ONES) == 0
    steps = torch.where(_left() > 0, 1.0, 2.0)
    flat = ONES * 2
    assert losses.gain_smoothness(steps, ONES) > losses.gain_smoothness(flat, ONES) > 0


def _verdict(value: float, size: int = 4) -> list[Verdict]:
    scores = torch.full((2, 1, size, size), value, requires_grad=True)
    return [Verdict(scores, [scores * 2, scores * 3])]


@pytest.mark.parametrize(
    ("kind", "real", "fake", "expected"),
    [("lsgan", 1.0, 0.0, 0.0), ("lsgan", 0.0, 0.0, 0.5), ("hinge", 1.0, -1.0, 0.0), ("hinge", 0.0, 0.0, 1.0),
     ("bce", 0.0, 0.0, math.log(2)), ("wgan-gp", 3.0, 1.0, -1.0)],
)  # fmt: skip
def test_discriminator_loss_known_answers(kind, real, fake, expected):
    got = losses.discriminator_loss(_verdict(real), _verdict(fake), ONES, kind)
    assert got.item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("kind", losses.ADVERSARIAL_KINDS)
def test_generator_wants_higher_scores_on_changed_patches_only(kind):
    verdicts = _verdict(0.0, 8)
    losses.generator_adversarial(verdicts, _left(), kind).backward()
    slope = verdicts[0].scores.grad
    assert (slope[..., :4] < 0).all()
    assert not slope[..., 6:].any()


def test_gradient_penalty_knows_the_slope_of_a_critic():
    real, fake = _pair()

    def critic(gain):  # the mean score of a picture rises by `gain` per unit length along the all-ones direction
        def judge(picture):
            scores = picture.sum(1, keepdim=True) * gain * math.sqrt(32 * 32 / 3)
            return [Verdict(scores, [])]

        return judge

    for gain, expected in ((1.0, 0.0), (3.0, 4.0), (0.0, 1.0)):
        got = losses.gradient_penalty(critic(gain), real, fake, ONES)
        assert got.item() == pytest.approx(expected, abs=1e-3)
    assert losses.gradient_penalty(critic(3.0), real, fake, ONES * 0) == 0  # nothing was changed, nothing is judged
    gain = torch.tensor(3.0, requires_grad=True)
    losses.gradient_penalty(critic(gain), real, fake, ONES).backward()
    assert gain.grad > 0  # the penalty pulls the slope down


def test_unknown_kind():
    with pytest.raises(ValueError, match="lsgan"):
        losses.generator_adversarial(_verdict(0.0), ONES, "wasserstein")


def test_feature_matching():
    assert losses.feature_matching(_verdict(1.0), _verdict(1.0), ONES) == 0
    assert losses.feature_matching(_verdict(1.0), _verdict(2.0), ONES).item() == pytest.approx(1.0)
    real = _verdict(1.0)
    losses.feature_matching(real, _verdict(2.0), ONES).backward()
    assert real[0].scores.grad is None


def test_patch_accuracy():
    assert losses.patch_accuracy(_verdict(1.0), _verdict(0.0), ONES) == 1
    assert losses.patch_accuracy(_verdict(0.0), _verdict(1.0), ONES) == 0
    assert losses.patch_accuracy(_verdict(0.0), _verdict(1.0), ONES * 0) == 0.5


def test_adaptive_weight_is_capped():
    a = torch.ones(4)
    assert losses.adaptive_weight(a, a, share=0.5) == pytest.approx(0.5)
    assert losses.adaptive_weight(a, a * 1e-6, share=0.5, cap=2.0) == 2.0
    assert losses.adaptive_weight(a, a * 0, share=0.5, cap=2.0) == 2.0


def test_perceptual_loss(tmp_path):
    pytest.importorskip("torchvision")
    from safetensors.torch import save_file
    from torchvision.models import mobilenet_v2

    torch.manual_seed(0)
    save_file(mobilenet_v2().state_dict(), str(tmp_path / "m.safetensors"))
    net = losses.PerceptualLoss(tmp_path / "m.safetensors")
    a, b = (torch.nn.functional.interpolate(v, scale_factor=2.0) for v in _pair())
    ones = torch.ones(2, 1, 64, 64)
    a.requires_grad_()
    assert net(a, a.detach(), ones) == 0
    loss = net(a, b, ones)
    loss.backward()
    assert loss > 0 and a.grad.abs().sum() > 0
    assert not any(p.requires_grad for p in net.parameters())
    assert net(a, b, ones * 0) == 0


def test_perceptual_loss_folds_batch_norm_exactly(tmp_path):
    pytest.importorskip("torchvision")
    from safetensors.torch import save_file
    from torchvision.models import mobilenet_v2

    torch.manual_seed(0)
    full = mobilenet_v2()
    for module in full.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    save_file(full.state_dict(), str(tmp_path / "m.safetensors"))
    x = torch.rand(1, 3, 64, 64)
    expected = full.eval().features[:11](x)
    got = losses.PerceptualLoss(tmp_path / "m.safetensors").features(x)[-1]
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-3)
