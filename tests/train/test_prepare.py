"""`tryon prepare` and `tryon render`: photos to a data set to training samples."""

import json
import shutil
from pathlib import Path

import drawn_pairs
import drawn_person
import numpy as np
import pytest
from drawn_garments import t_shirt

from tryon import imageio
from tryon.cli import main
from tryon.errors import BadImage, ManifestError, UsageError
from tryon.labels import Label
from tryon.preprocess.body import body_from_pose

pytest.importorskip("torch")

from tryon.train import prepare as prepare_module  # noqa: E402
from tryon.train.dataset import Dataset  # noqa: E402
from tryon.train.prepare import find_jobs, in_val, make_id, prepare  # noqa: E402
from tryon.train.render_dataset import Mix, Source, render_dataset  # noqa: E402
from tryon.train.shards import ShardReader  # noqa: E402
from tryon.train.synth import sleeve_ends  # noqa: E402

pytestmark = [pytest.mark.needs_torch, pytest.mark.timeout(240)]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def paired(tmp_path_factory):
    """Drawn pairs, prepared: given labels and joints, the own network for landmarks."""
    folder = tmp_path_factory.mktemp("paired")
    drawn_pairs.viton_hd(folder / "data", train=2, test=1)
    counts = prepare(folder / "data", folder / "set", own_parse=False)
    return folder, counts


def test_pairs_are_prepared_with_what_came_with_them(paired):
    folder, counts = paired
    assert {k: counts[k] for k in ("done", "people", "garments", "pairs", "refused")} == {
        "done": 6, "people": 3, "garments": 3, "pairs": 3, "refused": 0,
    }  # fmt: skip
    data = Dataset(folder / "set")
    assert len(data.usable("pair", "train")) == 2 and len(data.usable("pair", "val")) == 1
    true = drawn_pairs.figure(0)
    (key,) = [k for k, row in data.rows.items() if row.get("file") == "train/image/00000_00.jpg"]
    row, person = data.rows[key], data.person(key)
    assert row["given"] == ["parse", "pose"] and row["quality"] > 0.5
    assert row["attributes"]["colours"][0]["name"] == "blue" and row["attributes"]["pattern"] == "plain"
    assert row["attributes"]["bare_arms"] > 0.7  # a short sleeve
    changed = person.parse != true.parse  # only the neck, which these labels do not know
    assert changed.mean() < 0.01 and (person.parse[changed] == Label.FACE).all()
    np.testing.assert_allclose(person.pose.keypoints[11:17, :2], true.pose.keypoints[11:17, :2], atol=0.5)
    (garment_key,) = [k for k, row in data.rows.items() if row.get("file") == "train/cloth/00000_00.jpg"]
    garment, mask = data.garment(garment_key), t_shirt(drawn_pairs.COLOURS[0], (250, 250, 250))[1]
    assert data.rows[garment_key]["given"] == ["mask"] and garment.category == "upper" and garment.sleeve == "short"
    assert np.abs(garment.mask - mask).mean() < 0.01
    assert garment.landmarks["armpit_left"] is not None and (folder / "set" / "thumbs" / f"{garment_key}.jpg").exists()


def test_samples_of_pairs_teach_the_whole_photo(paired, tmp_path):
    folder, _ = paired
    done = render_dataset(
        folder / "set", tmp_path / "s", count=4, mix=Mix(1.0, 0.0, 0.0, surroundings=0.0, occluders=0.0)
    )
    assert done["made"] == 4 and done["from"] == "2 people, 2 garments, 2 pairs"
    reader = ShardReader(tmp_path / "s")
    assert {row["meta"]["kind"] for row in reader.rows} == {"paired"}
    for k in range(4):
        fields = {name: part.astype(float) for name, part in reader.split(reader[k]).items()}
        assert fields["valid"].min() == 255
        edit, shown = fields["edit"][..., 0] > 127, fields["garment_true"][..., 0] > 250
        kept = ~edit & (fields["edit"][..., 0] == 0)
        assert np.abs(fields["plate"] - fields["target"])[kept].max() <= 1  # outside of the edit region nothing changes
        both = shown & (fields["warp_mask"][..., 0] > 250)
        assert both.sum() > 0.6 * shown.sum()  # the flat garment lies where the worn one is
        warp, truth = fields["warp"][both].mean(0), fields["target"][both].mean(0)
        assert np.abs(warp - truth).max() < 40  # and has its colour
    again = render_dataset(folder / "set", tmp_path / "s", count=4)
    assert (again["made"], again["samples"]) == (0, 4)
    more = render_dataset(
        folder / "set", tmp_path / "s", count=5, mix=Mix(0.0, 0.0, 0.0, surroundings=1.0, occluders=1.0)
    )
    assert more["samples"] == 5 and ShardReader(tmp_path / "s").rows[-1]["meta"]["kind"] == "worn"


def test_kinds_without_photos_give_their_share_away(paired):
    folder, _ = paired
    source = Source(Dataset(folder / "set"), "train", Mix(0.0, 1.0, 0.0))
    kinds = {s.kind for seed in range(3) if (s := source.draw(np.random.default_rng(seed)))}
    assert kinds == {"transplant"}
    source.garments = []
    assert source.draw(np.random.default_rng(0)).kind == "worn"
    with pytest.raises(UsageError, match="add up"):
        Mix(0.8, 0.4)


def test_rejected_photos_take_their_pairs_along(paired, tmp_path):
    shutil.copytree(paired[0] / "set", tmp_path / "set")
    data = Dataset(tmp_path / "set")
    victim = data.rows[data.usable("pair", "train")[0]]["garment"]
    (tmp_path / "set" / "rejected.txt").write_text(victim + "\n")
    assert len(data.usable("pair", "train")) == 1 and victim not in data.usable("garment")


def test_a_changed_photo_is_analysed_again_and_a_torn_row_too(paired, tmp_path, monkeypatch):
    for name in ("data", "set"):
        shutil.copytree(paired[0] / name, tmp_path / name, copy_function=shutil.copy2)
    header = tmp_path / "set" / "dataset.json"
    header.write_text(json.dumps({"version": 1, "root": str(tmp_path / "data")}))
    manifest = tmp_path / "set" / "manifest.jsonl"
    lines = manifest.read_text().splitlines(keepends=True)
    cloth = next(i for i, line in enumerate(lines) if '"file": "test/cloth' in line)
    last = lines.pop(cloth)
    manifest.write_text("".join(lines) + last[:100])  # killed while it wrote this row
    picture = tmp_path / "data" / "train" / "image" / "00001_00.jpg"
    imageio.save(picture, drawn_pairs.figure(4).image)
    seen = []
    real = prepare_module.Analyser.__call__
    monkeypatch.setattr(prepare_module.Analyser, "__call__", lambda self, job: seen.append(job.file) or real(self, job))
    counts = prepare(tmp_path / "data", tmp_path / "set", own_parse=False)
    assert sorted(f.relative_to(tmp_path / "data").as_posix() for f in seen) == [
        "test/cloth/00002_00.jpg", "train/image/00001_00.jpg",
    ]  # fmt: skip
    assert (counts["done"], counts["kept"], counts["pairs"]) == (2, 4, 3)
    assert prepare(tmp_path / "data", tmp_path / "set", own_parse=False)["done"] == 0


def test_raw_photos_are_sorted_by_the_own_networks(tmp_path, capsys):
    raw = tmp_path / "raw"
    (raw / "deep er").mkdir(parents=True)
    shutil.copy(ROOT / "assets" / "demo" / "person.png", raw / "deep er" / "person.png")
    imageio.save(raw / "shirt.jpg", t_shirt()[0])
    imageio.save(raw / "wall.png", np.random.default_rng(0).integers(90, 110, (200, 200, 3)).astype(np.uint8))
    (raw / "torn.jpg").write_bytes((raw / "shirt.jpg").read_bytes()[:300])
    (raw / "notes.txt").write_text("not a photo")
    command = ["prepare", str(raw), "--out", str(tmp_path / "set"), "--held-out", "0"]
    assert main(command) == 0
    assert "4 photos analysed, 0 kept: 1 people, 1 garments, 0 pairs, 2 refused" in capsys.readouterr().out
    rows = {row["file"]: row for row in Dataset(tmp_path / "set").rows.values()}
    assert [rows[name]["kind"] for name in ("deep er/person.png", "shirt.jpg")] == ["person", "garment"]
    assert rows["torn.jpg"]["error"]["code"] == "bad_image"
    assert (
        "As a person: " in rows["wall.png"]["error"]["message"]
        and "As a garment: " in rows["wall.png"]["error"]["message"]
    )
    assert rows["shirt.jpg"]["attributes"]["colours"][0]["name"] == "blue"
    assert main(command) == 0
    assert "0 photos analysed, 4 kept" in capsys.readouterr().out
    assert main([*command, "--retry"]) == 0
    assert "2 photos analysed, 2 kept" in capsys.readouterr().out
    sample = Source(Dataset(tmp_path / "set"), "train", Mix()).draw(np.random.default_rng(1))
    assert sample is None or sample.kind in ("worn", "transplant")
    assert main(["render", str(tmp_path / "set"), "--out", str(tmp_path / "s"), "--count", "2"]) == 0
    assert "2 samples from 1 people, 1 garments, 0 pairs" in capsys.readouterr().out


def test_ids_are_safe_and_differ():
    root = Path("/r")
    names = [
        "a.jpg",
        "a.png",
        "b/a.jpg",
        "b__a.jpg",
        "b a.jpg",
        "b-a.jpg",
        "ä.jpg",
        "ö.jpg",
        ".hidden.jpg",
        "../x.jpg"[3:],
    ]
    ids = [make_id(root / name, root) for name in names]
    assert len(set(ids)) == len(names)
    assert all(set(i) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") for i in ids)
    assert ids[:3] == ["a.jpg", "a.png", "b__a.jpg"] and not any(i.startswith(".") for i in ids)


def test_held_out_photos_stay_held_out():
    keys = [f"{n:05d}.jpg" for n in range(4000)]
    small, large = ({k for k in keys if in_val(k, share)} for share in (0.05, 0.2))
    assert small < large and 0.03 < len(small) / 4000 < 0.07 and not any(in_val(k, 0.0) for k in keys)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["prepare", "nowhere", "--out", "o"], "nowhere. Give the folder"),
        (["prepare", ".", "--out", "o"], "There are no photos"),
        (["prepare", ".", "--out", "o", "--held-out", "2"], "not a share"),
        (["prepare", ".", "--out", "o", "--limit", "-1"], "not a whole number"),
        (["render", "nowhere", "--out", "o"], "no prepared data set"),
    ],
)
def test_mistakes_are_usage_errors(arguments, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_damaged_manifests_and_other_photos_are_refused(paired, tmp_path):
    shutil.copytree(paired[0] / "set", tmp_path / "set")
    with pytest.raises(UsageError, match="Choose another --out"):
        Dataset.create(tmp_path / "set", tmp_path)
    with open(tmp_path / "set" / "manifest.jsonl", "a") as file:
        file.write("[]\n")
    with pytest.raises(ManifestError, match="is no row"):
        Dataset(tmp_path / "set")
    (tmp_path / "set" / "dataset.json").write_text('{"root": "x", "version": 99}')
    with pytest.raises(UsageError, match="another version"):
        Dataset(tmp_path / "set")


def test_a_wrong_label_map_refuses_its_photo_only(tmp_path):
    root = drawn_pairs.viton_hd(tmp_path / "data", train=1, test=0)
    imageio.save(root / "train" / "image-parse-v3" / "00000_00.png", np.zeros((600, 400, 3), np.uint8))
    counts = prepare(root, tmp_path / "set", own_parse=False)
    assert counts["refusals"] == {BadImage.code: 1} and counts["garments"] == 1 and counts["pairs"] == 0
    jobs, _ = find_jobs(root, own=True)
    assert all(job.parse is None and job.mask is None for job in jobs)


def test_page(paired, tmp_path, browser):
    folder = tmp_path / "set"
    shutil.copytree(paired[0] / "set", folder)
    page = browser.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto((folder / "index.html").as_uri())
    assert page.locator("article").count() == 6
    page.wait_for_function("[...document.images].every((i) => i.complete && i.naturalWidth > 0)")
    page.select_option("#kind", "garment")
    assert page.locator("article").count() == 3
    first = page.locator("article").first
    name = first.locator("p").first.inner_text()
    first.get_by_role("button").click()
    assert page.locator("#count").inner_text() == "1 rejected"
    with page.expect_download() as waiting:
        page.click("#save")
    waiting.value.save_as(folder / "rejected.txt")
    assert Dataset(folder).rejected() == {name.replace("/", "__")}
    page.reload()
    assert page.locator("#count").inner_text() == "1 rejected"
    assert not errors
    page.close()


@pytest.mark.parametrize(("long_sleeves", "low", "high"), [(True, 1.8, 2.0), (False, 0.6, 0.95)])
def test_sleeves_end_where_the_worn_ones_do(long_sleeves, low, high):
    person = drawn_person.person(1.0, long_sleeves)
    body = body_from_pose(person.pose.keypoints, person.pose.world)
    ends = sleeve_ends((person.parse == Label.TOP).astype(np.float32), body)
    assert all(low <= end <= high for end in ends)
    assert sleeve_ends(np.zeros(person.parse.shape, np.float32), body) == (0.0, 0.0)
