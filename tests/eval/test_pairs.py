"""Which person wears which garment, and which systems are meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from tryon.eval.pairs import read_pairs
from tryon.eval.systems import AffineSystem, EngineSystem, FolderSystem, make_systems

from tryon import weights
from tryon.errors import UsageError


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    persons, garments = tmp_path / "persons", tmp_path / "garments"
    persons.mkdir()
    garments.mkdir()
    for name in ("a.jpg", "b.PNG", "c.jpg", "notes.txt"):
        (persons / name).write_bytes(b"")
    for name in ("a.png", "c.jpg", "shirt.v2.jpg"):
        (garments / name).write_bytes(b"")
    (tmp_path / "secret.jpg").write_bytes(b"")
    return persons, garments


def listing(folder: Path, text: str) -> Path:
    path = folder / "pairs.csv"
    path.write_text(text, encoding="utf-8-sig")
    return path


def test_a_list_keeps_its_order_and_finds_files_without_endings(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    text = "set,person,garment,category\nx,c,shirt.v2,upper\ny,a.jpg,a.png,\nx,b.PNG,a,\n"
    pairs = read_pairs(listing(tmp_path, text), *folders)
    assert [pair.id for pair in pairs] == ["c_shirt.v2", "a", "b_a"]
    assert [pair.person.name for pair in pairs] == ["c.jpg", "a.jpg", "b.PNG"]
    assert [pair.category for pair in pairs] == ["upper", "auto", "auto"]
    chosen = read_pairs(listing(tmp_path, text), *folders, where="set=x", limit=1)
    assert [pair.id for pair in chosen] == ["c_shirt.v2"]


def test_folders_alone(folders: tuple[Path, Path]) -> None:
    paired = read_pairs(None, *folders, protocol="paired")
    assert [(p.id, p.garment.name) for p in paired] == [("a", "a.png"), ("c", "c.jpg")]
    unpaired = read_pairs(None, *folders)
    assert [(p.person.name, p.garment.name) for p in unpaired] == [
        ("a.jpg", "c.jpg"),
        ("b.PNG", "shirt.v2.jpg"),
        ("c.jpg", "a.png"),
    ]
    alone = read_pairs(None, folders[0], None, protocol="self")
    assert [(p.id, p.garment) for p in alone] == [("a", None), ("b", None), ("c", None)]


def test_in_self_a_person_counts_once(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    pairs = read_pairs(listing(tmp_path, "person,garment\na,a\na,c\nb.PNG,a\n"), folders[0], None, protocol="self")
    assert [pair.id for pair in pairs] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("person,garment\na,../secret\n", "There is no photo '../secret'"),
        ("person,garment\n../secret.jpg,a\n", "There is no photo"),
        ("person,garment\nnobody,a\n", "There is no photo 'nobody'"),
        ("person\na\n", "Line 2 of .* lacks garment"),
        ("person,garment\na,a\na.jpg,a.png\n", "Two pairs have the id 'a'"),
        ("person,garment\n", "There are no pairs"),
        ("", "There are no pairs"),
    ],
)
def test_lists_that_can_not_be_used(tmp_path: Path, folders: tuple[Path, Path], text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_pairs(listing(tmp_path, text), *folders)


def test_ids_are_names_of_files(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    text = "id,person,garment\n../../x y|z,a,a\n.hidden,b.PNG,a\n" + "n" * 300 + ",c,a\n"
    ids = [pair.id for pair in read_pairs(listing(tmp_path, text), *folders)]
    assert ids == ["-..-x-y-z", "hidden", "n" * 120]


def test_systems_by_name_file_and_folder(tmp_path: Path) -> None:
    (tmp_path / "v1.safetensors").write_bytes(b"x")
    (tmp_path / "mine").mkdir()
    (tmp_path / "exported").mkdir()
    (tmp_path / "exported" / weights.MANIFEST).write_bytes((weights.FOLDER / weights.MANIFEST).read_bytes())
    text = f"affine,geometric,now=onnx,v1={tmp_path}/v1.safetensors,new={tmp_path}/exported,other={tmp_path}/mine"
    systems = make_systems(text, "unpaired")
    assert [s.name for s in systems] == ["affine", "geometric", "now", "v1", "new", "other"]
    assert [s.kind for s in systems] == ["affine", "engine", "engine", "weights", "weights", "folder"]
    assert isinstance(systems[0], AffineSystem) and isinstance(systems[5], FolderSystem)
    assert all(isinstance(s, EngineSystem) for s in systems[1:5])
    assert systems[3].detail.startswith("torch") and systems[4].detail.startswith("onnx")
    assert len({s.fingerprint(None) for s in systems[:5]}) == 4, "now and new are the same weights"  # type: ignore
    with pytest.raises(UsageError, match="self can't measure 'affine'"):
        make_systems("geometric,affine", "self")
