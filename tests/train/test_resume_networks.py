"""Parser and garment network: a training that is killed and resumed ends with the weights of one that was not."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import drawn_garments
import drawn_pairs
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("segmentation_models_pytorch")

from safetensors.torch import load_file, save_file  # noqa: E402
from tryon.train.data_people import save_index_png  # noqa: E402
from tryon.train.loop import load_about  # noqa: E402
from tryon.train.parser import label_weights, load_photos, make_net, make_optimizer, step  # noqa: E402
from tryon.train.settings import ParserSettings  # noqa: E402

from tryon.errors import UsageError  # noqa: E402
from tryon.imageio import save  # noqa: E402
from tryon.models.parser import ParserNet  # noqa: E402

pytestmark = [pytest.mark.needs_torch, pytest.mark.timeout(600)]
PROGRAM = Path(__file__).resolve().parents[1] / "kill_training.py"
KILLS = 3
COMMON = {"threads": 1, "precision": "float32", "save_minutes": 0.0, "seed": 5}


def _encoder(path: Path) -> Path:
    """Weights to start an encoder from."""
    torch.manual_seed(0)
    own = {name: value.clone() for name, value in ParserNet().encoder.state_dict().items()}
    own["features.0.0.weight"] = own["features.0.0.weight"][:, :3].contiguous()
    save_file(own, path)
    return path


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Six drawn people as `tryon.train.data_people` leaves them: three labelled, of whom one is held out, two with tags
    only, and one taken for a person by mistake."""
    root = tmp_path_factory.mktemp("people")
    data, cache = root / "data", root / "cache"
    for folder in (data / "photos", cache / "masks", cache / "labels", cache / "labels_raw", cache / "negatives"):
        folder.mkdir(parents=True)
    ids = [f"{i:04d}" for i in range(1, 6)]
    figures = [drawn_pairs.figure(i, 0.4) for i in range(6)]
    for number, (name, person) in enumerate(zip(ids, figures[:5], strict=True)):
        save(data / "photos" / f"{name}.jpg", person.image)
        np.save(cache / "masks" / f"{name}.npy", np.rint(person.pose.mask * 255).astype(np.uint8))
        if number < 3:
            for folder in ("labels", "labels_raw"):
                save_index_png(cache / folder / f"{name}.png", person.parse)
    np.savez(
        cache / "poses.npz",
        ids=np.array(ids),
        keypoints=np.stack([p.pose.keypoints for p in figures[:5]]),
        box=np.array([p.pose.box for p in figures[:5]], np.float32),
        found=np.ones(5, bool),
    )
    save(data / "photos" / "none.jpg", cv2.GaussianBlur(figures[5].image, (0, 0), 9))
    pose = figures[5].pose
    mask = np.rint(pose.mask * 255).astype(np.uint8)
    np.savez(cache / "negatives" / "none.npz", keypoints=pose.keypoints, box=np.array(pose.box), mask=mask)
    (data / "tags.json").write_text(json.dumps({name: ["shirt", "jeans"] for name in ids}))
    (root / "val.txt").write_text("0003\n")
    return root


def _run(spec: dict) -> list[list[int]]:
    command = [sys.executable, str(PROGRAM), json.dumps(spec)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = [line.split() for line in done.stdout.splitlines()]
    return [[int(a) for a in row] for row in rows if len(row) == 2 and all(a.isdigit() for a in row)]


def _assert_same(out: Path, images: list[int]) -> None:
    one, other = out / "whole", out / "killed"
    files = sorted(path.name for path in (one / "checkpoint").glob("*.safetensors"))
    assert files == ["ema.safetensors", "net.safetensors", "optimizer.safetensors"]
    for name in files:
        a, b = (load_file(run / "checkpoint" / name) for run in (one, other))
        assert a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a), name
    states = [json.loads((run / "checkpoint" / "state.json").read_text()) for run in (one, other)]
    assert all(states[0][k] == states[1][k] for k in states[0] if k not in ("spent", "figures"))
    rows = [[json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()] for run in (one, other)]
    timed = ("minutes", "per_second", "waiting")
    curves = [[{k: v for k, v in row.items() if k not in timed} for row in run] for run in rows]
    assert curves[0] == curves[1] and [row["images"] for row in curves[0]] == images
    figures = [json.loads((run / "validation.jsonl").read_text().splitlines()[-1]) for run in (one, other)]
    assert figures[0] | {"minutes": 0} == figures[1] | {"minutes": 0}


@pytest.mark.parametrize("workers", [0, 2])
def test_parser(people, tmp_path, workers):
    settings = {
        "workers": workers,
        "data": str(people / "data"), "cache": str(people / "cache"), "val": str(people / "val.txt"),
        "imagenet": str(_encoder(tmp_path / "imagenet.safetensors")), "negatives": str(people / "data" / "photos"),
        "max_images": 16, "log_images": 2, "report_minutes": 100.0, **COMMON,
    }  # fmt: skip
    constants = {"STAGES": [[0.0, [64, 64], 2], [0.7, [96, 64], 2]], "PSEUDO_AT": [0.4], "NEGATIVE_SHARE": 0.2}
    spec = {"stage": "parser", "settings": settings, "constants": constants, "kills": KILLS, "out": str(tmp_path)}
    ends = _run(spec)
    assert [status for status, _ in ends] == [int(signal.SIGKILL)] * KILLS + [0]
    assert ends[-1][1] == 16 and (tmp_path / "killed" / "pseudo_1.npz").exists()
    _assert_same(tmp_path, list(range(2, 17, 2)))


def _parser_settings(people, **changes):
    paths = {"data": people / "data", "cache": people / "cache", "val": people / "val.txt", "out": people / "run"}
    return ParserSettings(**paths, imagenet=people / "none.safetensors", **changes)


def test_corrected_maps_count_as_labels_and_held_out_photos_stay_out(people):
    for name in ("0003", "0004"):
        (people / "cache" / "corr").mkdir(exist_ok=True)
        shutil.copy(people / "cache" / "labels" / "0001.png", people / "cache" / "corr" / f"{name}.png")
    photos = load_photos(_parser_settings(people, corrected="corr"))
    assert [sample.id for sample in photos.train] == ["0001", "0002", "0004"]
    assert [sample.id for sample in photos.tagged] == ["0005"] and [sample.id for sample in photos.val] == ["0003"]
    assert not photos.train[2].coarse
    with pytest.raises(UsageError, match="no label map of 0001"):
        load_photos(_parser_settings(people, labels="nowhere"))


def test_frozen_blocks_stay_as_they_are(people, tmp_path, monkeypatch):
    monkeypatch.setattr("tryon.train.parser.load_file", lambda path: {})
    monkeypatch.setattr(ParserNet, "load_imagenet", lambda self, state: None)
    net = make_net(_parser_settings(people, frozen=3), torch.device("cpu"))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    optimizer = make_optimizer(net)
    views = [(np.random.default_rng(0).integers(0, 255, (64, 64, 10), np.uint8), np.ones((32, 32), np.uint8))] * 2
    step(net, optimizer, views, label_weights(), 1e-2, "float32")
    changed = {name for name, value in net.state_dict().items() if not torch.equal(value, before[name])}
    frozen = tuple(f"encoder.features.{block}." for block in range(3))
    assert not any(name.startswith(frozen) for name in changed)
    assert any(name.startswith("encoder.features.3.") for name in changed) and "head.1.weight" in changed


@pytest.fixture(scope="module")
def garments(tmp_path_factory):
    """Drawn T-shirts as the garment network's training reads them: one of a held-out sender, one machine-labelled."""
    root = tmp_path_factory.mktemp("garments")
    out = (Path("assets/splits") / "garment_senders_val.txt").read_text().split()[0]
    rows, notes = ["id,sender_id,label"], []
    for folder in ("images", "masks", "machine/masks"):
        (root / folder).mkdir(parents=True)
    for number in range(4):
        name, colour = f"g{number}", (40 + 50 * number, 70, 160 - 30 * number)
        image, mask = drawn_garments.t_shirt(colour, scale=0.5)
        save(root / "images" / f"{name}.jpg", image)
        folder = root / "machine" if number == 3 else root
        save(folder / "masks" / f"{name}.png", np.repeat(np.rint(mask * 255).astype(np.uint8)[..., None], 3, 2))
        rows.append(f"{name},{out if number == 2 else 'drawn'},T-Shirt")
        marks = {k: [x * 0.5, y * 0.5] for k, (x, y) in drawn_garments.MARKS.items()}
        notes.append({"id": name, "label": "T-Shirt", "sleeve": "short", "open": False, "landmarks": marks})
    (root / "garments.csv").write_text("\n".join(rows) + "\n")
    (root / "annotations.json").write_text(json.dumps(notes[:3]))
    (root / "machine" / "annotations.json").write_text(json.dumps([notes[3] | {"machine": True}]))
    return root


def test_garment(garments, tmp_path):
    settings = {
        "data": str(garments), "labels": str(garments / "machine"), "max_images": 12, "batch": 2, "log_images": 2,
        "log_minutes": 100.0, "small_share": 0.8, **COMMON,
    }  # fmt: skip
    spec = {"stage": "garment", "settings": settings, "constants": {"SMALL_VIEW": 64}, "kills": KILLS}
    ends = _run(spec | {"out": str(tmp_path)})
    assert [status for status, _ in ends] == [int(signal.SIGKILL)] * KILLS + [0] and ends[-1][1] == 12
    _assert_same(tmp_path, list(range(2, 13, 2)))
    about = load_about(tmp_path / "killed" / "last.safetensors")
    assert about["training"]["images"] == 12 and 0 <= about["metrics"]["iou"] <= 1
