"""Shards and samples: what is written comes back, crops fit, mirrors swap the limbs."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tryon.train import toy  # noqa: E402
from tryon.train.samples import MIRROR_ORDER, SAMPLE_FIELDS, CropSampler, decode, encode, mirror  # noqa: E402
from tryon.train.shards import ShardReader, ShardWriter, edit_box  # noqa: E402

from tryon.models.generator import EDIT, INPUT_CHANNELS, LAYOUT, PLATE, SKIN_PRIOR, WARP  # noqa: E402

pytestmark = pytest.mark.needs_torch

FIELDS = {"rgb": 3, "mask": 1}


def _sample(seed: int, h: int = 8, w: int = 6) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {"rgb": random.integers(0, 256, (h, w, 3), np.uint8), "mask": random.integers(0, 256, (h, w), np.uint8)}


def test_round_trip_over_several_files(tmp_path):
    samples = [_sample(k, 8 + k, 6) for k in range(5)]
    with ShardWriter(tmp_path, FIELDS, max_bytes=400) as writer:
        for k, sample in enumerate(samples):
            writer.add(sample, {"id": str(k)})
    assert len(list(tmp_path.glob("*.bin"))) > 1
    reader = ShardReader(tmp_path)
    assert len(reader) == 5
    for k, sample in enumerate(samples):
        got = reader.split(reader[k])
        assert np.array_equal(got["rgb"], sample["rgb"])
        assert np.array_equal(got["mask"][..., 0], sample["mask"])
        assert reader.rows[k]["meta"] == {"id": str(k)}


def test_a_folder_can_be_continued_and_read_while_it_grows(tmp_path):
    with ShardWriter(tmp_path / "a", FIELDS) as writer:
        writer.add(_sample(0))
    reader = ShardReader(tmp_path)
    assert np.array_equal(reader[0][..., :3], _sample(0)["rgb"])
    with ShardWriter(tmp_path / "a", FIELDS) as writer:
        writer.add(_sample(1))
        with open(tmp_path / "a" / "index.jsonl", "a") as file:
            file.write('{"file": "shard')  # a row that is still being written
        assert reader.refresh() == 2
    assert np.array_equal(reader[1][..., :3], _sample(1)["rgb"])


def test_wrong_samples_are_refused(tmp_path):
    with ShardWriter(tmp_path, FIELDS) as writer:
        with pytest.raises(ValueError, match="fields"):
            writer.add({"rgb": _sample(0)["rgb"]})
        with pytest.raises(ValueError, match="uint8"):
            writer.add({**_sample(0), "mask": np.zeros((8, 6), np.float32)})
    with pytest.raises(ValueError, match="empty folder"):
        ShardWriter(tmp_path, {"rgb": 3})
    with pytest.raises(FileNotFoundError, match="render samples"):
        ShardReader(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("hit", "expected"),
    [((200, 150, 210, 160), (64, 48)), ((0, 0, 5, 5), (64, 48)), ((10, 10, 300, 200), (320, 224))],
)
def test_edit_box(hit, expected):
    edit = np.zeros((512, 384), np.float32)
    y0, x0, y1, x1 = hit
    edit[y0:y1, x0:x1] = 1
    a, b, c, d = edit_box(edit, pad=8, minimum=(64, 48), multiple=32 if expected[0] > 64 else 16)
    assert (c - a, d - b) == expected
    assert a >= 0 and b >= 0 and c <= 512 and d <= 384
    assert edit[a:c, b:d].sum() == edit.sum()


def test_edit_box_of_an_empty_mask_is_inside():
    assert edit_box(np.zeros((512, 384)), minimum=(256, 256)) == (0, 0, 256, 256)


def test_encode_and_decode_agree():
    sample = toy.draw(3, (64, 64))
    packed = np.concatenate([encode(**sample)[name] for name in SAMPLE_FIELDS], axis=2)
    batch = decode(torch.from_numpy(packed[None]))
    inputs = batch["inputs"][0].numpy()
    assert batch["inputs"].is_contiguous(memory_format=torch.channels_last)
    for where, tolerance in ((PLATE, 1 / 254), (WARP, 1 / 254), (EDIT, 0), (LAYOUT, 0), (SKIN_PRIOR, 0)):
        assert np.abs(inputs[where] - sample["inputs"][where]).max() <= tolerance + 1e-6
    assert np.abs(batch["target"][0].numpy() - sample["target"]).max() <= 1 / 254 + 1e-6
    assert set(batch) == {"inputs", "target", "edit", "warp_mask", "valid", "garment_true", "skin_true"}
    assert json.dumps(SAMPLE_FIELDS)


def test_mirror_swaps_left_and_right_limbs():
    assert sorted(MIRROR_ORDER) == list(range(len(INPUT_CHANNELS)))
    left = INPUT_CHANNELS.index("limb_left_forearm")
    assert INPUT_CHANNELS[MIRROR_ORDER[left]] == "limb_right_forearm"
    inputs = torch.rand(1, len(INPUT_CHANNELS), 4, 6)
    batch = {"inputs": inputs, "target": torch.rand(1, 3, 4, 6)}
    twice = mirror(mirror(batch))
    assert all(torch.equal(twice[name], batch[name]) for name in batch)


def test_crops(tmp_path):
    toy.write(tmp_path, 3, (96, 128))
    sampler = CropSampler(ShardReader(tmp_path), (64, 64), seed=1)
    batches = sampler.batches(4)
    for _ in range(3):
        batch = next(batches)
        assert batch["inputs"].shape == (4, len(INPUT_CHANNELS), 64, 64)
        assert batch["target"].abs().max() <= 1
    batches.close()
    focused = CropSampler(ShardReader(tmp_path), (64, 64), seed=1, skin_focus=1.0)
    skin = list(SAMPLE_FIELDS).index("skin_true")
    column = sum(list(SAMPLE_FIELDS.values())[:skin])
    assert (focused.packed(focused.draw(6))[..., column].reshape(6, -1).max(1) > 0).all()


def test_crops_larger_than_the_samples_name_the_remedy(tmp_path):
    toy.write(tmp_path, 1, (64, 64))
    with pytest.raises(ValueError, match="smaller crops"):
        next(CropSampler(ShardReader(tmp_path), (96, 96)).batches(1))
