"""Polygons over label maps, from the file to the corrected maps."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from tryon.train.corrections import Correction, correct, correct_all, read, snap  # noqa: E402
from tryon.train.data_people import save_index_png  # noqa: E402
from tryon.train.label_views import PANEL, view, window  # noqa: E402
from tryon.train.people_views import IGNORE, load_index_png  # noqa: E402

from tryon.errors import UsageError  # noqa: E402
from tryon.imageio import save  # noqa: E402
from tryon.labels import PALETTE, Label  # noqa: E402

SIZE = (120, 90)


def photo() -> np.ndarray:
    """A blue coat (rows 30-100, columns 20-69) on grey, with a little noise."""
    image = np.full((*SIZE, 3), 150, np.uint8)
    image[30:100, 20:70] = (30, 40, 140)
    noise = np.random.default_rng(0).integers(-6, 7, image.shape)
    return np.clip(image.astype(int) + noise, 0, 255).astype(np.uint8)


def present() -> np.ndarray:
    """The coat's lower half is called a dress."""
    labels = np.zeros(SIZE, np.uint8)
    labels[30:65, 20:70], labels[65:100, 20:70] = Label.OUTERWEAR, Label.DRESS
    return labels


def written(folder: Path, *entries: object) -> Path:
    file = folder / "fixes.jsonl"
    file.write_text("\n".join(e if isinstance(e, str) else json.dumps(e) for e in entries) + "\n\n")
    return file


def only(folder: Path, *fixes: dict) -> Correction:
    return read(written(folder, {"id": "a", "fix": list(fixes)}))["a"]


def test_a_loose_polygon_changes_the_named_label_alone(tmp_path: Path) -> None:
    fix = {"poly": [[0, 40], [89, 40], [89, 119], [0, 119]], "from": ["DRESS"], "to": "OUTERWEAR"}
    out = correct(photo(), present(), only(tmp_path, fix))
    assert (out[30:100, 20:70] == Label.OUTERWEAR).all() and (out != 0).sum() == 70 * 50


def test_an_outline_against_the_background_moves_to_the_edge_of_the_photo(tmp_path: Path) -> None:
    labels = np.where(present() == Label.DRESS, np.uint8(0), present())  # the lower half was overlooked
    fix = {"poly": [[24, 60], [73, 60], [73, 104], [24, 104]], "from": ["BACKGROUND"], "to": "OUTERWEAR"}
    found = correct(photo(), labels, only(tmp_path, fix)) == Label.OUTERWEAR
    drawn = correct(photo(), labels, only(tmp_path, {**fix, "exact": True})) == Label.OUTERWEAR
    coat = present() > 0

    def iou(mask: np.ndarray) -> float:
        return float((mask & coat).sum() / (mask | coat).sum())

    assert iou(drawn) < 0.93 < 0.975 < iou(found)


def test_snap_leaves_alone_what_it_cannot_judge() -> None:
    region = np.zeros(SIZE, bool)
    region[40:44, 40:44] = True
    polygon = np.array([[40, 40], [43, 40], [43, 43], [40, 43]], np.float32)
    assert (snap(photo(), polygon, region) == region).all()
    outside = np.array([[400, 400], [430, 400], [430, 430]], np.float32)
    assert not snap(photo(), outside, np.zeros(SIZE, bool)).any()


def test_fixes_go_on_top_of_each_other_and_the_last_line_of_a_photo_counts(tmp_path: Path) -> None:
    whole = [[0, 0], [89, 0], [89, 119], [0, 119]]
    lines = read(
        written(
            tmp_path,
            {"id": "a", "fix": [{"poly": whole, "from": "*", "to": "BAG", "exact": True}]},
            {"id": "b", "drop": True},
            {
                "id": "a",
                "fix": [
                    {"poly": whole, "from": ["DRESS"], "to": "LOWER"},
                    {"poly": whole, "from": ["LOWER"], "to": "UNKNOWN"},
                ],
            },
        )
    )
    out = correct(photo(), present(), lines["a"])
    assert lines["b"].drop and set(np.unique(out)) == {0, int(Label.OUTERWEAR), IGNORE}


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"fix": []}',
        '{"id": "../a", "fix": []}',
        '{"id": 7, "fix": []}',
        '{"id": "a", "fix": [{"poly": [[0, 0], [1, 1]], "from": ["TOP"], "to": "BAG"}]}',
        '{"id": "a", "fix": [{"poly": [[0, 0], [1, 1], [2, NaN]], "from": ["TOP"], "to": "BAG"}]}',
        '{"id": "a", "fix": [{"poly": [[0, 0], [1, 1], [2, 0]], "from": ["COAT"], "to": "BAG"}]}',
        '{"id": "a", "fix": [{"poly": [[0, 0], [1, 1], [2, 0]], "from": ["TOP"], "to": "*"}]}',
        '{"id": "a", "fix": [{"poly": [[0, 0], [1, 1], [2, 0]], "from": ["TOP"]}]}',
        '{"id": "a", "fix": [7]}',
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(UsageError, match="line 2") as caught:
        read(written(tmp_path, {"id": "fine", "fix": []}, line))
    assert "\n" not in str(caught.value)


def test_maps_are_written_for_the_photos_that_were_looked_at(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "maps").mkdir()
    for name in ("a", "b", "c"):
        save(tmp_path / "photos" / f"{name}.jpg", photo())
        save_index_png(tmp_path / "maps" / f"{name}.png", present())
    fix = [{"poly": [[0, 40], [89, 40], [89, 119]], "from": ["DRESS"], "to": "UNKNOWN"}]
    file = written(
        tmp_path,
        {"id": "a", "fix": fix},
        {"id": "b", "drop": True},
    )
    command = [sys.executable, "-m", "tryon.train.corrections", "--photos", tmp_path / "photos"]
    command += ["--labels", tmp_path / "maps", "--corrections", file, "--out", tmp_path / "out"]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0 and "1 maps: 1 fixes in 1, 1 dropped" in done.stdout
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a.png"]
    expected = correct(photo(), present(), only(tmp_path, *fix))
    assert (load_index_png(tmp_path / "out" / "a.png") == expected).all() and (expected == IGNORE).any()


def test_missing_photos_and_maps_of_another_size_are_errors(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "maps").mkdir()
    save(tmp_path / "photos" / "a.jpg", photo())
    corrections = {"a": Correction("a")}
    with pytest.raises(UsageError, match="missing"):
        correct_all(tmp_path / "photos", tmp_path / "maps", corrections, tmp_path / "out")
    save_index_png(tmp_path / "maps" / "a.png", present()[:-1])
    with pytest.raises(UsageError, match="size"):
        correct_all(tmp_path / "photos", tmp_path / "maps", corrections, tmp_path / "out")


def test_views_show_photo_and_corrected_labels_under_a_grid_in_photo_pixels(tmp_path: Path) -> None:
    image, labels = photo(), present()
    shown = view(image, labels)
    assert shown.dtype == np.uint8 and shown.shape[0] <= PANEL[0] + 22 and shown.shape[1] <= 2 * PANEL[1]
    x0, y0, x1, y1 = window(labels)
    assert (x0, y0) <= (20, 30) and x1 >= 70 and y1 >= 100
    scale = (shown.shape[0] - 22) / (y1 - y0)
    half = shown.shape[1] // 2
    row, column = 22 + round((80 - y0) * scale), half + round((35 - x0) * scale)
    tint = np.array(PALETTE[Label.DRESS]) * 0.6 + image[80, 35] * 0.4
    assert np.abs(shown[row, column] - tint).max() < 12
    line = shown[30:-30, round((50 - x0) * scale)]
    assert (line[:, 2] < line[:, 0]).mean() > 0.5, "a yellow line at x = 50"
    for folder in ("photos", "maps"):
        (tmp_path / folder).mkdir()
    save(tmp_path / "photos" / "a.png", image)
    save_index_png(tmp_path / "maps" / "a.png", labels)
    command = [sys.executable, "-m", "tryon.train.label_views", "--photos", tmp_path / "photos"]
    command += ["--labels", tmp_path / "maps", "--out", tmp_path / "views"]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0 and (tmp_path / "views" / "a.png").exists(), done.stdout + done.stderr
    nothing = view(image, np.zeros_like(labels))
    assert nothing.shape[0] > 200, "without labels the whole photo is shown"
