"""Measures against a true picture: they agree with other implementations, and order what is known."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from tryon.eval import metrics
from tryon.eval.features import LAYERS, MobileNet

from tryon.errors import UsageError

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.needs_torch


def picture(rng: np.random.Generator, height: int = 96, width: int = 80) -> np.ndarray:
    """A picture with structure at several scales: uint8 (h, w, 3)."""
    import cv2

    out = np.zeros((height, width, 3))
    for sigma, amount in ((12, 70), (4, 40), (1, 20)):
        noise = cv2.GaussianBlur(rng.standard_normal((height, width, 3)), (0, 0), sigma)
        out += amount * noise / noise.std()
    return np.clip(out + 128, 0, 255).astype(np.uint8)


@pytest.fixture
def pair(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    truth = picture(rng)
    return np.clip(truth + rng.normal(0, 12, truth.shape), 0, 255).astype(np.uint8), truth


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A MobileNetV2 with random weights of a fixed seed."""
    from safetensors.torch import save_file
    from torchvision.models import mobilenet_v2

    torch.manual_seed(0)
    net = mobilenet_v2()
    with torch.no_grad():  # statistics of the batch norms, without which the features shrink to nothing
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 1.0
        net.features(torch.randn(4, 3, 96, 96))
    path = tmp_path_factory.mktemp("backbone") / "mobilenet.safetensors"
    save_file(net.state_dict(), path)
    return path


def test_ssim_agrees_with_scikit_image(pair: tuple[np.ndarray, np.ndarray]) -> None:
    """Away from the border, where both have all of the window. Ours is float32: 5e-4 at a pixel, 1e-5 in the mean."""
    from skimage.metrics import structural_similarity

    image, truth = pair
    _, ours = metrics.ssim(image, truth)
    _, theirs = structural_similarity(
        image, truth, channel_axis=2, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        full=True,
    )  # fmt: skip
    inner = (slice(5, -5), slice(5, -5))
    np.testing.assert_allclose(ours[inner], theirs.mean(2)[inner], atol=5e-4)
    assert ours[inner].mean() == pytest.approx(theirs.mean(2)[inner].mean(), abs=1e-5)


@pytest.mark.parametrize("height", [64, 511, 513, 517, 1100])
def test_ssim_in_strips_is_ssim(rng: np.random.Generator, height: int) -> None:
    """The strips change nothing: torchmetrics on the whole picture in float64, tolerance 1e-5."""
    from torchmetrics.functional.image import structural_similarity_index_measure

    truth = picture(rng, height, 64)
    image = np.clip(truth + rng.normal(0, 15, truth.shape), 0, 255).astype(np.uint8)
    value, full = metrics.ssim(image, truth)
    pair = (torch.tensor(x.transpose(2, 0, 1)[None], dtype=torch.float64) / 255 for x in (image, truth))
    expected = structural_similarity_index_measure(*pair, data_range=1.0)
    assert full.shape == truth.shape[:2] and value == pytest.approx(float(expected), abs=1e-5)


def test_psnr_agrees_with_scikit_image_and_the_formula(pair: tuple[np.ndarray, np.ndarray]) -> None:
    from skimage.metrics import peak_signal_noise_ratio

    image, truth = pair
    assert metrics.psnr(image, truth) == pytest.approx(peak_signal_noise_ratio(truth, image, data_range=255), abs=1e-4)
    assert metrics.psnr(np.uint8([[10]]), np.uint8([[20]])) == pytest.approx(10 * np.log10(255**2 / 100), abs=1e-4)
    assert metrics.psnr(truth, truth) == metrics.PSNR_MAX


def test_lpips_agrees_with_torchmetrics(pair: tuple[np.ndarray, np.ndarray]) -> None:
    """Same linear layers, same (random) AlexNet in both: tolerance 1e-6. The real AlexNet is not to be had here."""
    from lpips import LPIPS
    from torchmetrics.functional.image.lpips import _LPIPS

    torch.manual_seed(0)
    ours = LPIPS(net="alex", version="0.1", spatial=True, pnet_rand=True, verbose=False)
    theirs = _LPIPS(pretrained=True, net="alex", pnet_rand=True, eval_mode=True)
    theirs.net.load_state_dict(ours.net.state_dict())
    image, truth = pair
    value, full = metrics.lpips_judge(ours)(image, truth)
    with torch.inference_mode():
        expected = float(theirs(metrics.tensor(image), metrics.tensor(truth)))
    assert expected > 1e-3 and value == pytest.approx(expected, abs=1e-6)
    assert full.shape == truth.shape[:2] and full.mean() == pytest.approx(value, rel=0.1)
    assert metrics.lpips_judge(ours)(truth, truth)[0] == 0


def test_lpips_is_reported_as_missing_and_never_loaded_unchecked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    judge, reason = metrics.load_lpips()
    assert judge is None and metrics.ALEXNET in reason
    file = metrics.hub_file(metrics.ALEXNET)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"another file")
    judge, reason = metrics.load_lpips()
    assert judge is None and "damaged" in reason


def test_features_are_those_of_torchvision(
    pair: tuple[np.ndarray, np.ndarray], backbone: Path, rng: np.random.Generator
) -> None:
    """Against a plain computation with torchvision's network; tolerance 1e-4."""
    from safetensors.torch import load_file
    from torch.nn import functional
    from torchvision.models import mobilenet_v2

    net = mobilenet_v2()
    net.load_state_dict(load_file(backbone))
    net.eval()
    image, truth = pair
    ours = MobileNet(backbone)
    assert ours.sha256 == hashlib.sha256(backbone.read_bytes()).hexdigest()
    with torch.inference_mode():
        x, y = (torch.tensor(z.transpose(2, 0, 1)[None] / 127.5 - 1, dtype=torch.float32) for z in (image, truth))
        pooled = functional.adaptive_avg_pool2d(net.features(x), 1).flatten()
        expected = 0.0
        for layer in LAYERS:
            a, b = net.features[: layer + 1](x), net.features[: layer + 1](y)
            a, b = (z / z.norm(dim=1, keepdim=True) for z in (a, b))
            expected += float(((a - b) ** 2).sum(1).mean())
    np.testing.assert_allclose(ours.pooled(image), pooled.numpy(), atol=1e-4)
    assert ours.judge(image, truth)[0] == pytest.approx(expected / len(LAYERS), rel=1e-4)
    assert ours.judge(truth, truth)[0] == 0


def test_another_file_is_no_backbone(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(UsageError, match="no MobileNetV2"):
        MobileNet(tmp_path / "x.safetensors")


def test_worse_pictures_have_worse_figures(rng: np.random.Generator, backbone: Path) -> None:
    import cv2

    truth = picture(rng, 128, 128)
    shown = {
        "same": truth,
        "blurred a little": cv2.GaussianBlur(truth, (0, 0), 0.7),
        "blurred": cv2.GaussianBlur(truth, (0, 0), 2),
        "another": picture(rng, 128, 128),
    }
    shifts = {"same": truth, "by 1": np.roll(truth, 1, 1), "by 3": np.roll(truth, 3, 1), "by 12": np.roll(truth, 12, 1)}
    judges = {"features": MobileNet(backbone).judge}
    for series in (shown, shifts):
        found = [metrics.compare(image, truth, None, judges) for image in series.values()]
        for name in ("ssim", "psnr"):
            values = [row[name] for row in found]
            assert values == sorted(values, reverse=True) and len(set(values)) == len(values), name
        distances = [row["features"] for row in found]
        assert distances[0] == 0 and min(distances[1:]) > 0 and max(distances) == distances[-1]
        assert all(row["ssim_edit"] is None and row["lpips"] is None for row in found)


def test_inside_of_the_mask_only_its_pixels_count(rng: np.random.Generator, backbone: Path) -> None:
    truth = picture(rng, 128, 128)
    image, mask = truth.copy(), np.zeros((128, 128), np.float32)
    mask[:, :40] = 1
    image[:, 90:] = 255 - image[:, 90:]  # damage far from the mask
    judges = {"features": MobileNet(backbone).judge}
    away = metrics.compare(image, truth, mask, judges)
    assert away["ssim_edit"] == pytest.approx(1, abs=1e-4) and away["psnr_edit"] == metrics.PSNR_MAX
    assert away["psnr"] < 30 and away["ssim"] < 0.9
    image = truth.copy()
    image[:, :40] = 255 - image[:, :40]
    within = metrics.compare(image, truth, mask, judges)
    assert within["psnr_edit"] == pytest.approx(metrics.psnr(image[:, :40], truth[:, :40]), abs=1e-6)
    assert within["psnr_edit"] < within["psnr"] and within["ssim_edit"] < within["ssim"]
    assert within["features_edit"] > within["features"] and within["features_edit"] > away["features_edit"]
    assert metrics.compare(image, truth, 0 * mask, judges)["psnr_edit"] is None


def test_large_photos_are_reduced_for_networks_only() -> None:
    seen = []

    def judge(image: np.ndarray, truth: np.ndarray) -> tuple[float, np.ndarray]:
        seen.append(image.shape)
        return 0.5, np.ones(image.shape[:2], np.float32)

    truth = np.zeros((1500, 2000, 3), np.uint8)
    mask = np.zeros((1500, 2000), np.float32)
    mask[300:600, 500:900] = 1
    out = metrics.compare(truth, truth, mask, {"lpips": judge})
    assert seen == [(768, 1024, 3)] and out["lpips"] == 0.5 and out["lpips_edit"] == pytest.approx(1)
