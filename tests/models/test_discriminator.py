"""The patch discriminator: shapes, receptive field, gradients, remedies."""

import pytest

torch = pytest.importorskip("torch")

from tryon.models.discriminator import CONDITION_CHANNELS, Discriminator, PatchDiscriminator, conditions  # noqa: E402
from tryon.models.generator import EDIT, IN_CHANNELS  # noqa: E402

pytestmark = pytest.mark.needs_torch


@pytest.mark.parametrize("norm", ["spectral", "instance", "none"])
def test_scores_and_features(norm):
    net = Discriminator(width=8, scales=2, norm=norm)
    verdicts = net(torch.randn(2, 3, 96, 64), torch.rand(2, CONDITION_CHANNELS, 96, 64))
    assert [tuple(v.scores.shape) for v in verdicts] == [(2, 1, 10, 6), (2, 1, 4, 2)]
    assert all(len(v.features) == 4 for v in verdicts)
    sum(v.scores.mean() for v in verdicts).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())


def test_receptive_field_is_70():
    net = PatchDiscriminator(3, width=8, norm="none")
    x = torch.randn(1, 3, 160, 160, requires_grad=True)
    scores = net(x).scores
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    rows = x.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    assert int(rows.max() - rows.min() + 1) == 70


def test_conditions_come_from_the_generators_input():
    x = torch.rand(1, IN_CHANNELS, 8, 8)
    got = conditions(x)
    assert got.shape == (1, CONDITION_CHANNELS, 8, 8)
    assert torch.equal(got[:, :1], x[:, EDIT])


def test_wrong_numbers_name_the_remedy():
    with pytest.raises(ValueError, match="spectral, instance or none"):
        Discriminator(norm="batch")
    with pytest.raises(ValueError, match="larger crops"):
        Discriminator(width=8)(torch.zeros(1, 3, 32, 64), torch.zeros(1, CONDITION_CHANNELS, 32, 64))
