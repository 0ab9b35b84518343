"""Ablations on drawn samples: smaller canvases, unwarped garments, and a table with the runs."""

import drawn_pairs
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision")

from tryon.train import ablate, ablate_samples, toy  # noqa: E402
from tryon.train.ablate_samples import FIELDS, FULL, HELD_OUT, OTHERS, flat_view, one_draw  # noqa: E402
from tryon.train.loop import save_module  # noqa: E402
from tryon.train.samples import decode, encode  # noqa: E402
from tryon.train.shards import ShardWriter  # noqa: E402
from tryon.train.synth import ALL, Ingredients, paint_old, worn_sample  # noqa: E402

from tryon.models.generator import EDIT, WARP_MASK, Generator, composite  # noqa: E402

pytestmark = [pytest.mark.needs_torch, pytest.mark.timeout(240)]


def _parts(seed: int) -> dict[str, np.ndarray]:
    parts = encode(**toy.draw(seed, (128, 128)))
    flat, mask = flat_view(parts["warp"], parts["warp_mask"][..., 0] / 255.0, (128, 128))
    return {name: v[..., None] if v.ndim == 2 else v for name, v in (parts | {"flat": flat, "flat_mask": mask}).items()}


def _batch(parts: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    packed = np.concatenate([v if v.ndim == 3 else v[..., None] for v in parts.values()], 2)
    return decode(torch.from_numpy(packed[None]), {name: v.shape[2] if v.ndim == 3 else 1 for name, v in parts.items()})


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    for number, name in enumerate(FULL + OTHERS + HELD_OUT):
        with ShardWriter(folder / name, FIELDS) as writer:
            writer.add(_parts(number), {"kind": name})
    return folder


def test_a_flat_view_fills_the_window():
    mask = np.zeros((60, 40), np.float32)
    mask[10:50, 5:25] = 1
    picture = np.full((60, 40, 3), 90, np.uint8)
    colour, alpha = flat_view(picture, mask, (100, 100))
    rows, columns = np.flatnonzero(alpha.max(1) > 127), np.flatnonzero(alpha.max(0) > 127)
    assert len(rows) == 92 and len(columns) == 46 and abs(rows.mean() - 49.5) <= 1 and abs(columns.mean() - 49.5) <= 1
    assert (colour[alpha > 200] == 90).all() and not colour[alpha == 0].any()


def test_a_smaller_canvas_shows_the_same_garment():
    parts = _parts(0)
    small = ablate.resized(parts, 0.5, False)
    assert all(v.shape[:2] == (64, 64) for v in small.values()) and set(small) == set(FIELDS) - {"flat", "flat_mask"}
    cover = small["warp_mask"][..., 0]
    whole, inside = cover == 255, parts["warp_mask"][..., 0] == 255
    assert np.abs(small["warp"][whole].mean(0) - parts["warp"][inside].mean(0)).max() < 6
    edge = (cover > 20) & ~whole  # no grey from outside mixed in
    near = np.abs(small["warp"][edge].astype(int)[:, None] - np.unique(parts["warp"][inside], axis=0)[None]).sum(2)
    assert np.median(near.min(1)) < 40
    assert np.array_equal(ablate.resized(parts, 1.0, True)["warp"], parts["flat"])


def test_layers_of_a_smaller_canvas_fit_the_large_one():
    parts = _parts(1)
    large, small = _batch(ablate.resized(parts, 1.0, False)), _batch(ablate.resized(parts, 0.5, False))
    net = Generator(width=8).eval()
    with torch.no_grad():
        same = ablate.enlarged(net(large["inputs"]), large, large)
        up = ablate.enlarged(net(small["inputs"]), small, large)
        mine = net(large["inputs"])
    assert torch.allclose(composite(large["inputs"], same), composite(large["inputs"], mine), atol=1e-4)
    assert torch.allclose(composite(large["inputs"], up), composite(large["inputs"], mine), atol=0.02)


def test_the_plain_network_shows_no_warped_garment():
    inputs = _batch(ablate.resized(_parts(2), 1.0, True))["inputs"]
    layers = ablate.PlainNet(width=8)(inputs)
    assert inputs[:, WARP_MASK].max() == 1 and not layers.alpha.any()
    assert torch.equal(composite(inputs, layers), composite(inputs, layers._replace(gain=layers.gain * 2)))


def test_a_shift_takes_pixels_from_beside():
    x = torch.arange(48.0).reshape(1, 1, 6, 8)
    shift = torch.zeros(1, 2, 6, 8)
    assert torch.allclose(ablate.moved(x, shift), x, atol=1e-4)
    shift[:, 0] = 2
    assert torch.allclose(ablate.moved(x, shift)[..., :6], x[..., 2:], atol=1e-4)
    assert not ablate.moved(x, shift)[..., 7].any()
    shift[:, 0], shift[:, 1] = 0, -1
    assert torch.allclose(ablate.moved(x, shift)[:, :, 1:], x[:, :, :5], atol=1e-4)


def test_the_flow_starts_at_rest_and_is_bounded():
    inputs = _batch(ablate.resized(_parts(3), 1.0, False))["inputs"]
    net = ablate.FlowNet(width=8)
    start = composite(inputs, net(inputs))
    assert torch.allclose(start, composite(inputs, Generator(width=8)(inputs)), atol=2e-3)
    with torch.no_grad():
        net.light.bias[-2:] = 1e4  # as far right and down as it goes
    pushed = net(inputs).rgb
    far = round(ablate.FLOW_RANGE)
    cover = inputs[:, WARP_MASK]
    gone = (cover > 0.99) & (torch.nn.functional.max_pool2d(1 - cover, 2 * far + 3, 1, far + 1) < 0.01)
    expected = torch.roll(inputs[:, 4:7], (-far, -far), (2, 3))
    inner = torch.roll(gone, (-far, -far), (2, 3)) & gone
    error = (pushed - expected).abs().mean(1, keepdim=True)[inner]
    assert error.numel() > 50 and error.mean() < 0.2


def test_runs_become_rows(shards, tmp_path, monkeypatch):
    from torchvision.models import mobilenet_v2

    monkeypatch.setattr(ablate, "CROP", 128)
    monkeypatch.setattr(ablate, "run_time", lambda *_: 1.0)
    perceptual = tmp_path / "features.safetensors"
    save_module(perceptual, mobilenet_v2().state_dict(), {})
    case = ablate.Case("plain", "plain", flat=True, settings=ablate.NO_LAYERS | {"width": 8})
    row = ablate.run(case, shards, tmp_path, 4, perceptual, 128)
    assert row["images"] == 4 and row["samples"] == len(FULL) and row["worn"]["alpha"] == 0
    assert (tmp_path / "plain" / "worn.png").exists() and not (tmp_path / "plain" / "shards").exists()
    monkeypatch.setattr(ablate, "fit", None)  # what is done is not done again
    assert ablate.run(case, shards, tmp_path, 4, perceptual, 128) == row
    lines = ablate.table({"geometric": {k: row[k] for k in ("worn", "transplant")}, "plain": row}, ("plain",), "")
    assert len(lines.splitlines()) == 4 and f"{row['worn']['l1']:.4f}" in lines


def test_one_draw_is_made_in_all_ways(monkeypatch):
    class Drawn:
        def draw(self, rng):
            return "given", "predicted"

    calls = {}

    def made(person, garment, rng, use=ALL):
        return {"person": person, "garment": garment, "use": use, "random": rng.random()}

    monkeypatch.setattr(ablate_samples, "_make", made)
    for number in range(40):
        found = one_draw(Drawn(), ["top"], 0, number)
        (name,) = [n for n in found if n in FULL]
        first = found.pop(name)
        kind, parse = name.split("_")
        assert first["person"] == parse and first["garment"] == ("top" if kind == "transplant" else None)
        wanted = {
            "no_old": first | {"use": Ingredients(old=False)},
            "no_jitter": first | {"use": Ingredients(jitter=False)},
        }
        if kind == "transplant":
            wanted["more_worn"] = first | {"garment": None}
        if parse == "predicted":
            wanted["more_given"] = first | {"person": "given"}
        assert found == wanted
        calls[name] = calls.get(name, 0) + 1
    assert set(calls) == set(FULL) and 4 <= calls["transplant_given"] + calls["transplant_predicted"] <= 22


def test_without_an_old_garment_only_the_worn_one_is_erased():
    person = drawn_pairs.figure(0, 0.6)
    areas = []
    for old in (True, False):
        sample = worn_sample(person, np.random.default_rng(1), Ingredients(old=old, jitter=False))
        areas.append((sample.inputs[EDIT] > 0.5).sum() / (sample.garment_true > 0.5).sum())
    assert areas[0] > 1.5 * areas[1] and areas[1] < 1.6


def test_a_painted_old_garment_is_in_the_photo_and_not_in_the_truth():
    person = drawn_pairs.figure(0, 0.6)
    where = np.zeros(person.parse.shape, bool)
    where[60:140, 40:90] = True
    for seed in range(5):
        seen = paint_old(person.image, where, np.random.default_rng(seed)).astype(int)
        change = np.abs(seen - person.image).max(-1)
        assert change[80:120, 55:75].mean() > 10 and not change[:30].any() and not change[180:].any()
    plain, painted = (
        worn_sample(person, np.random.default_rng(3), Ingredients(painted=painted, jitter=False))
        for painted in (False, True)
    )
    away = painted.inputs[3] == 0
    assert np.abs(plain.target - painted.target).max() == 0
    assert np.abs(plain.inputs[:3] - painted.inputs[:3]).max() > 0.05
    assert (np.abs(painted.inputs[:3] - painted.target)[:, away] < 0.01).mean() > 0.95
