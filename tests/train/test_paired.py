"""Layouts of paired data, drawn; their labels and joints in the project's terms."""

import json

import cv2
import drawn_pairs
import numpy as np
import pytest
from tryon.train.openpose import pose_from_joints, read_joints
from tryon.train.paired import find_pairs, read_parse

from tryon import imageio
from tryon.errors import BadImage, UsageError
from tryon.labels import PALETTE, Label
from tryon.preprocess.body import body_from_pose


def test_viton_hd(tmp_path):
    pairs = find_pairs(drawn_pairs.viton_hd(tmp_path, train=2, test=2))
    assert [(p.split, p.person.name, p.garment.name) for p in pairs] == [
        ("train", "00000_00.jpg", "00000_00.jpg"),
        ("train", "00001_00.jpg", "00001_00.jpg"),
        ("test", "00002_00.jpg", "00002_00.jpg"),  # the worn garment, not the one that the list pairs it with
        ("test", "00003_00.jpg", "00003_00.jpg"),
    ]
    first = pairs[0]
    assert first.category == "upper" and first.person != first.garment
    assert first.garment_mask.parent.name == "cloth-mask" and first.parse.parent.name == "image-parse-v3"
    assert first.keypoints.name == "00000_00_keypoints.json"


def test_viton(tmp_path):
    (pair,) = find_pairs(drawn_pairs.viton(tmp_path))
    assert (pair.person.name, pair.garment.name, pair.split) == ("000001_0.jpg", "000001_1.jpg", "train")
    assert pair.parse.name == "000001_0.png" and pair.garment_mask is None and pair.keypoints is not None


def test_dress_code(tmp_path):
    pairs = find_pairs(drawn_pairs.dress_code(tmp_path))
    assert [p.category for p in pairs] == ["upper", "lower"]
    assert [p.name for p in (pairs[0].person, pairs[0].garment, pairs[0].garment_mask, pairs[0].parse)] == [
        "000007_0.jpg", "000007_1.jpg", "000007_1.png", "000007_4.png",
    ]  # fmt: skip
    assert pairs[0].keypoints.name == "000007_2.json"


def test_without_lists_the_names_decide(tmp_path):
    root = drawn_pairs.viton_hd(tmp_path)
    for file in root.glob("*_pairs.txt"):
        file.unlink()
    (root / "train" / "cloth" / "00000_00.jpg").unlink()  # a person without a garment is no pair
    assert [(p.split, p.person.name) for p in find_pairs(root)] == [("train", "00001_00.jpg"), ("test", "00002_00.jpg")]


def test_a_list_that_names_missing_pictures_is_refused(tmp_path):
    root = drawn_pairs.viton_hd(tmp_path)
    (root / "train_pairs.txt").write_text("00000_00.jpg 00000_00.jpg\n99999_00.jpg 99999_00.jpg\n")
    with pytest.raises(UsageError, match=r"99999_00\.jpg, which is not there"):
        find_pairs(root)


def test_other_folders_hold_no_pairs(tmp_path):
    (tmp_path / "image").mkdir()
    assert find_pairs(tmp_path) == []


def test_labels_come_back_in_our_numbers(tmp_path):
    person = drawn_pairs.figure()
    size = person.image.shape[:2]
    lip = find_pairs(drawn_pairs.viton_hd(tmp_path / "hd"))[0].parse
    atr = find_pairs(drawn_pairs.dress_code(tmp_path / "dc"))[0].parse
    for path, knows_neck in ((lip, False), (atr, True)):
        parse, neck = read_parse(path, size)
        assert neck is knows_neck
        assert np.array_equal(parse, person.parse)
    small, _ = read_parse(find_pairs(drawn_pairs.viton(tmp_path / "v"))[0].parse, size)
    assert small.shape == size and (small == person.parse).mean() > 0.98
    with_neck = np.full((8, 8), 10, np.uint8)
    imageio.atomic_write(tmp_path / "neck.png", imageio.encode_index(with_neck, PALETTE))
    parse, neck = read_parse(tmp_path / "neck.png", (8, 8))
    assert neck and (parse == Label.FACE).all()


def test_pictures_that_are_no_label_maps_are_refused(tmp_path):
    coloured, many, torn = (tmp_path / f"{name}.png" for name in ("coloured", "many", "torn"))
    imageio.save(coloured, np.zeros((8, 8, 3), np.uint8))
    imageio.save(many, np.full((8, 8), 77, np.uint8))
    torn.write_bytes(many.read_bytes()[:40])
    for path, says in ((coloured, "coloured"), (many, "label 77"), (torn, "can't be read")):
        with pytest.raises(BadImage, match=says):
            read_parse(path, (8, 8))


def test_joints_of_all_formats_give_the_body(tmp_path):
    person = drawn_pairs.figure()
    size, silhouette = person.image.shape[:2], (person.parse > 0).astype(np.float32)
    true = body_from_pose(person.pose.keypoints, person.pose.world)
    hd = find_pairs(drawn_pairs.viton_hd(tmp_path / "hd"))[0].keypoints
    dc = find_pairs(drawn_pairs.dress_code(tmp_path / "dc"))[0].keypoints
    table = drawn_pairs.joints(person)
    body25 = tmp_path / "body25.json"
    middle = (table[8] + table[11]) / 2
    twenty_five = np.concatenate([table[:8], middle[None], table[8:], np.zeros((6, 3))])
    body25.write_text(json.dumps({"people": [{"pose_keypoints_2d": twenty_five.ravel().tolist()}]}))
    for path in (hd, dc, body25):
        pose = pose_from_joints(read_joints(path, size), silhouette)
        body = body_from_pose(pose.keypoints, pose.world)
        for name in ("shoulders", "elbows", "wrists", "hips"):
            np.testing.assert_allclose(getattr(body, name), getattr(true, name), atol=0.6)
        assert abs(body.yaw) < 0.05 and body.length == pytest.approx(true.length, rel=0.01)
        assert pose.box[1] < 80 and pose.box[3] > 500


def test_missing_joints_give_no_pose(tmp_path):
    person = drawn_pairs.figure()
    table = drawn_pairs.joints(person)
    table[4] = 0  # the right wrist was not seen
    path = tmp_path / "p.json"
    path.write_text(json.dumps({"people": [{"pose_keypoints_2d": table.ravel().tolist()}]}))
    joints = read_joints(path, (600, 400))
    assert "r_wri" not in joints and pose_from_joints(joints, np.ones((600, 400), np.float32)) is None
    for text in ("", "{}", '{"people": []}', "[1]", '{"people": [{"pose_keypoints_2d": [1]}]}'):
        path.write_text(text)
        assert read_joints(path, (600, 400)) == {}
    assert read_joints(tmp_path / "none.json", (600, 400)) == {}


def test_drawn_figures_are_what_they_say():
    person = drawn_pairs.figure(1)
    inside = cv2.erode((person.parse == Label.TOP).astype(np.uint8), np.ones((5, 5))) > 0
    assert np.abs(person.image[inside].mean(0) - drawn_pairs.COLOURS[1]).max() < 12
