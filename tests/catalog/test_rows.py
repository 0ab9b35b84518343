"""Rows of a catalog: grids, lists, names that stay inside of the folder."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tryon.catalog.rows import BadRow, Row, fold, grid, listed, slug
from tryon.errors import ManifestError


def _touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def _csv(folder: Path, text: str, name: str = "pairs.csv") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def _good(rows: list[Row | BadRow]) -> list[Row]:
    assert not [row for row in rows if isinstance(row, BadRow)]
    return [row for row in rows if isinstance(row, Row)]


def test_a_grid_is_every_person_with_every_garment_in_blocks(tmp_path: Path) -> None:
    _touch(tmp_path, *(f"p/{n:02d}.jpg" for n in range(10)), *(f"g/{n:02d}.png" for n in range(9)))
    _touch(tmp_path, "p/notes.txt", "p/.hidden.jpg")
    rows = _good(grid([str(tmp_path / "p")], [str(tmp_path / "g" / "*.png")], "auto", ".webp"))
    assert {(row.person[-6:], row.garment[-6:]) for row in rows} == {
        (f"{p:02d}.jpg", f"{g:02d}.png") for p in range(10) for g in range(9)
    }
    assert len({row.id for row in rows}) == len({row.out for row in rows}) == 90
    assert [row.line for row in rows] == list(range(1, 91)) and rows[0].out == "00__00.webp"
    assert len({row.person for row in rows[:64]}) == 8 and len({row.garment for row in rows[:64]}) == 8


def test_same_stems_do_not_collide(tmp_path: Path) -> None:
    _touch(tmp_path, "a/x.jpg", "a/x.png", "b/x.jpg", "b/X.jpg", "g.png")
    rows = _good(grid([str(tmp_path / "a"), str(tmp_path / "b")], [str(tmp_path / "g.png")], "auto", ".png"))
    assert len(rows) == 4 and len({fold(row.out) for row in rows}) == 4


@pytest.mark.parametrize("wrong", ["nothing.jpg", "none/*.jpg", "", "a\0b"])
def test_a_grid_without_pictures_is_refused(tmp_path: Path, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(_touch(tmp_path, "g.png"))
    (tmp_path / "empty").mkdir()
    for persons in ([wrong or "empty"], ["g.png", wrong or "empty"][1:]):
        with pytest.raises(ManifestError) as error:
            grid(persons, ["g.png"], "auto", ".png")
        assert error.value.remedy


def test_a_list_has_options_for_each_row_and_paths_beside_it(tmp_path: Path) -> None:
    text = (
        "\ufeffID, Person,garment,category,person_box,out,price\n"
        'one,p.jpg,sub/g.png,upper,"1,2,30,40",sub/one.webp,9\n'
        "\n"
        ",/abs/p.jpg,g.png,,1;2;3;4,,\n"
    )
    first, second = _good(listed(_csv(tmp_path, text), "dress", ".png"))
    assert (first.id, first.category, first.person_box, first.out) == ("one", "upper", (1, 2, 30, 40), "sub/one.webp")
    assert first.garment_path == str(tmp_path / "sub/g.png") and second.person_path == "/abs/p.jpg"
    assert second.category == "dress" and second.person_box == (1, 2, 3, 4) and second.out.endswith(".png")


def test_parquet_gives_the_same_rows(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="SKIPPED, NOT CHECKED: pyarrow is not installed")
    from pyarrow import parquet

    table = arrow.table(
        {"person": ["p.jpg", "q.jpg"], "garment": ["g.png", None], "person_box": [[1.0, 2.0, 3.0, 4.0], None]}
    )
    parquet.write_table(table, tmp_path / "pairs.parquet")
    good, bad = listed(str(tmp_path / "pairs.parquet"), "auto", ".png")
    (same,) = listed(_csv(tmp_path, "person,garment,person_box\np.jpg,g.png,1 2 3 4\n"), "auto", ".png")
    assert good == same and isinstance(bad, BadRow) and bad.failure.code == "bad_row"
    (tmp_path / "torn.parquet").write_bytes((tmp_path / "pairs.parquet").read_bytes()[:60])
    with pytest.raises(ManifestError):
        listed(str(tmp_path / "torn.parquet"), "auto", ".png")


@pytest.mark.parametrize(
    "text", ["", "person\np.jpg\n", "person,garment\n", "a;b\n1;2\n", "person,garment\n\x00\x00\n" + '"' * 400_000]
)
def test_a_list_that_is_none_is_refused_with_a_remedy(tmp_path: Path, text: str) -> None:
    with pytest.raises(ManifestError) as error:
        listed(_csv(tmp_path, text), "auto", ".png")
    assert error.value.remedy
    with pytest.raises(ManifestError):
        listed(str(tmp_path / "missing.csv"), "auto", ".png")
    with pytest.raises(ManifestError):
        listed(str(tmp_path), "auto", ".png")


def test_a_bad_row_costs_itself_only(tmp_path: Path) -> None:
    lines = ["p.jpg,g.png,,,", "p.jpg,,,,", "p.jpg,g.png,hat,,", 'p.jpg,g.png,,"5,5,1,1",', "p.jpg,h.png,,,../x.png"]
    lines += ["p.jpg,i.png,,,a.png", "q.jpg,i.png,,,A.png", "q.jpg,g.png,,,x.gif", "short"]
    rows = listed(_csv(tmp_path, "person,garment,category,person_box,out\n" + "\n".join(lines)), "auto", ".png")
    codes = [row.failure.code if isinstance(row, BadRow) else "" for row in rows]
    assert codes == ["", *["bad_row"] * 4, "", "duplicate_row", "bad_row", "bad_row"]
    assert all(row.failure.remedy and "\n" not in row.failure.message for row in rows if isinstance(row, BadRow))


ATTACKS = [
    *("../" * n + "x.png" for n in range(1, 20)),
    *(f"a/{'../' * n}x.png" for n in range(1, 15)),
    *("/x.png", "//x.png", "/etc/x.png", "~/x.png/..", "./x.png", "a/./x.png", "a//x.png", "x.png/", "x.png/.", ""),
    *(
        "..",
        ".",
        "...",
        "a/..",
        "a/...png",
        ".png",
        ".x.png",
        "a/.x.png",
        "..x.png",
        ".tryon/journal.jsonl",
        ".tryon/x.png",
    ),
    *("..\\x.png", "a\\..\\x.png", "C:\\x.png", "C:x.png", "\\\\host\\x.png", "x.png\\", "%2e%2e/x.png\0", "x\0.png"),
    *("x\n.png", "x\r.png", "x\t.png", "\x1b[0m.png", "x\u202egnp.png", "x\u200b.png", "\ufeff.png", "\ud800.png"),
    *("CON.png", "nul.png", "PRN.png", "aux.png", "COM1.png", "lpt9.jpg", "con/x.png", "a/NUL.tar.png", "Aux.x/x.png"),
    *(" x.png", "x.png ", "a /x.png", "a./x.png", "x.png.", "x", "x.exe", "x.png.exe", "x.gif", "x.svg", "index.html"),
    *("x" * 200 + ".png", "ü" * 80 + ".png", "a/" * 9 + "x.png", "/".join(["y" * 100] * 6) + "/x.png"),
    *("x*.png", "x?.png", "x|.png", "x<.png", "x>.png", 'x".png', "x:y.png", "..;/x.png\u2028", "․․/x.png\u0085"),
]


def test_there_are_a_hundred_attacks() -> None:
    assert len(set(ATTACKS)) >= 100


@pytest.mark.parametrize("out", [a for a in dict.fromkeys(ATTACKS) if a], ids=ascii)
def test_output_names_that_leave_the_folder_are_bad_rows(tmp_path: Path, out: str) -> None:
    from tryon.catalog import rows

    record = {"person": "p.jpg", "garment": "g.png", "out": out}
    row = rows._parse(1, record, tmp_path, "auto")
    if isinstance(row, Row):  # spaces at the ends of a cell do not count
        assert row.out == out.strip() and row.out in ("x.png",)
    else:
        assert row.failure.code == "bad_row"


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_any_text_becomes_a_plain_name(text: str) -> None:
    name = slug(text)
    assert name and "/" not in name and "\\" not in name and "\0" not in name and name.isprintable()
    assert not name.startswith(".") and not name.endswith(".") and len(name.encode()) <= 120
    assert PurePosixPath(name).name == name


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=20), st.text(max_size=20))
def test_different_texts_keep_different_names(one: str, other: str) -> None:
    if one != other and slug(one) == slug(other):
        assert fold(one) == fold(other)  # two spellings of the same letters; the ids tell them apart
