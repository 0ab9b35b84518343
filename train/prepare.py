"""`tryon prepare`: photos become a data set (see `dataset`), with the project's own networks.

A row of the manifest
    id, kind      "person", "garment", "pair", or "unknown" where the photo is refused
    status        "ok" or "refused"; then `error` {code, message, remedy}
    split         "train" or "val", by photo, never by crop; pairs of a test list are "val"
    file, bytes, changed    relative to the root; a photo whose size or time differs is analysed again
    given         what came with the data: "pose", "parse", "mask"
    flags         codes of warnings, and "blurred", "dark", "overexposed" (see `attributes`)
    quality       0 to 1, orders the photos
    attributes    measured: colours, pattern; of people bare_arms and yaw
    person, garment   ids, of a pair

The rest of a row is what `dataset` needs to give the person or garment back.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .. import imageio
from ..errors import BadImage, PersonError, TryOnError, UsageError
from ..labels import TORSO_CLOTHING, Label
from ..preprocess.arms import arm_mask
from ..preprocess.body import body_from_pose, neck_mask
from ..preprocess.garment import GarmentAnalyser
from ..preprocess.person import PersonAnalyser
from ..preprocess.worn import settle_category
from ..types import Garment, Notice, Person
from . import attributes, openpose, paired
from .dataset import Dataset, Row, garment_fields, person_fields
from .prepare_page import thumbnail, write_page

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
_JOINTS = (11, 12, 13, 14, 15, 16, 23, 24)


@dataclass(frozen=True)
class Job:
    """A photo to be analysed.

    Args:
        kind: "auto", "person" or "garment".
        category: what the garment is known to be, or "auto".
        parse, keypoints, mask: given files, None where there are none.
        own_parse: also ask the own parser where a parse is given.
    """

    id: str
    file: Path
    kind: str
    split: str
    category: str = "auto"
    parse: Path | None = None
    keypoints: Path | None = None
    mask: Path | None = None
    own_parse: bool = True


def make_id(file: Path, root: Path) -> str:
    """A name for files: letters, digits, `_`, `.`, `-`; different photos have different ids, and always the same."""
    name = file.relative_to(root).as_posix()
    safe = _UNSAFE.sub("-", name.replace("/", "__")).lstrip(".")[:120]
    if safe.replace("__", "/") == name:
        return safe
    return f"{safe}-{hashlib.sha1(name.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def in_val(key: str, share: float) -> bool:
    """Whether a photo is held out: decided by its id, so that new photos move no old ones."""
    return int(hashlib.sha1(key.encode()).hexdigest()[:8], 16) < share * 2**32


def find_jobs(
    root: Path, kind: str = "auto", held_out: float = 0.05, own: bool = False, own_parse: bool = True
) -> tuple[list[Job], list[Row]]:
    """The photos of a folder and the rows of its pairs.

    Args:
        root: paired data in a known layout (`paired`), or any folder with photos, which is searched in depth.
        own: ignore given parses, keypoints and masks.

    Raises:
        UsageError: there are no photos, or a pairs file is wrong.
    """
    if not root.is_dir():
        raise UsageError(f"There is no folder {root}.", "Give the folder with the photos.")
    jobs: dict[str, Job] = {}
    rows: list[Row] = []
    for pair in paired.find_pairs(root) if kind == "auto" else []:
        who, what = make_id(pair.person, root), make_id(pair.garment, root)
        split = "val" if pair.split == "test" else "train"
        jobs.setdefault(who, Job(who, pair.person, "person", split, parse=pair.parse, keypoints=pair.keypoints))
        jobs.setdefault(what, Job(what, pair.garment, "garment", split, pair.category, mask=pair.garment_mask))
        rows.append(
            {"id": f"{who}+{what}", "kind": "pair", "status": "ok", "split": split, "person": who, "garment": what}
        )
    if not rows:
        for file in sorted(root.rglob("*")):
            if file.suffix.lower() in imageio.FORMATS and file.is_file():
                key = make_id(file, root)
                jobs[key] = Job(key, file, kind, "val" if in_val(key, held_out) else "train")
    if not jobs:
        raise UsageError(f"There are no photos in {root}.", f"Photos end in {', '.join(imageio.FORMATS)}.")
    found = [replace(job, own_parse=own_parse) for job in jobs.values()]
    if own:
        found = [replace(job, parse=None, keypoints=None, mask=None) for job in found]
    return found, rows


class Analyser:
    """Analyses jobs; holds the networks of one process.

    Args:
        dataset: where maps and thumbnails are written.
    """

    def __init__(self, dataset: Dataset, threads: int = 1) -> None:
        self.dataset = dataset
        self.people, self.garments = PersonAnalyser(), GarmentAnalyser(threads=threads)

    def __call__(self, job: Job) -> Row:
        """The row of a job. Photos that can't be used give a row too; only trouble with the disk is raised."""
        row = {"id": job.id, "kind": "unknown", "status": "ok", "split": job.split, **_stamp(job, self.dataset.root)}
        try:
            loaded = imageio.load(job.file)
            imageio.save(self.dataset.path("thumbs", job.id), thumbnail(loaded.image), quality=85)
            if job.kind == "person":
                fields = self._person(job, loaded.image)
            elif job.kind == "garment":
                fields = self._garment(job, loaded.image, loaded.alpha)
            else:
                try:
                    fields = self._person(job, loaded.image)
                except PersonError as error:
                    fields = self._garment_or(error, job, loaded)
            return {**row, **fields}
        except TryOnError as error:
            if error.exit_code == 4 or error.code == "output":
                raise
            trouble = {"code": error.code, "message": error.message, "remedy": error.remedy}
        except (ValueError, ArithmeticError, IndexError, cv2.error) as error:  # one photo must not end a long run
            trouble = {"code": "unexpected", "message": f"{type(error).__name__}: {error}"[:300], "remedy": ""}
        kind = job.kind if job.kind != "auto" else "unknown"
        return {**row, "kind": kind, "status": "refused", "error": trouble}

    def _garment_or(self, no_person: PersonError, job: Job, loaded: imageio.Loaded) -> Row:
        try:
            return self._garment(job, loaded.image, loaded.alpha)
        except TryOnError as error:
            if error.exit_code == 4:
                raise
            message = f"As a person: {no_person.message} As a garment: {error.message}"
            raise BadImage(message, "Say what it is: --kind person or --kind garment.") from error

    def _person(self, job: Job, image: np.ndarray) -> Row:
        given, own = [], None
        parse, knows_neck = None, True
        if job.parse is not None:
            parse, knows_neck = paired.read_parse(job.parse, (image.shape[0], image.shape[1]))
            given.append("parse")
        pose = None
        if job.keypoints is not None and parse is not None:
            joints = openpose.read_joints(job.keypoints, (image.shape[0], image.shape[1]))
            pose = openpose.pose_from_joints(joints, (parse != Label.BACKGROUND).astype(np.float32))
        if parse is not None and pose is not None:
            given.append("pose")
            if job.own_parse:
                own = self.people.parser(image, pose)
            person = Person(image, pose, parse)
        else:
            person = self.people(image)
            if parse is not None:
                own = person.parse if job.own_parse else None
                person = replace(person, parse=parse)
        if parse is not None and not knows_neck:
            person = replace(person, parse=with_neck(parse, person))
        self.dataset.save_person(job.id, person, own)
        imageio.save(self.dataset.path("thumbs", job.id), thumbnail(person), quality=85)
        return {"kind": "person", "given": given, **person_fields(person), **describe_person(person)}

    def _garment(self, job: Job, image: np.ndarray, alpha: np.ndarray | None) -> Row:
        given = []
        if job.mask is not None:
            mask = imageio.load(job.mask).image[..., 0].astype(np.float32) / 255
            size = (image.shape[1], image.shape[0])
            alpha = np.clip(cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR), 0, 1)
            given.append("mask")
        garment = self.garments(image, alpha, job.category)  # type: ignore[arg-type]
        garment = settle_category(garment) if job.category == "auto" else garment
        self.dataset.save_garment(job.id, garment)
        imageio.save(self.dataset.path("thumbs", job.id), thumbnail(garment), quality=85)
        return {"kind": "garment", "given": given, **garment_fields(garment), **describe_garment(garment)}


def with_neck(parse: np.ndarray, person: Person) -> np.ndarray:
    """Labels without a neck call it background: bare neck between face and collar becomes FACE."""
    body = body_from_pose(person.pose.keypoints, person.pose.world)
    neck = (neck_mask(body, parse.shape) > 0.5) & (parse == Label.BACKGROUND)
    return np.where(neck, np.uint8(Label.FACE), parse)


def _codes(warnings: tuple[Notice, ...]) -> list[str]:
    return [notice.code for notice in warnings]


def describe_person(person: Person) -> Row:
    """Flags, quality and attributes of a person."""
    pose, parse = person.pose, person.parse
    body = body_from_pose(pose.keypoints, pose.world)
    arms = [arm_mask(body, side, parse.shape, 0.8, 0.9, 1.9) > 0.5 for side in (0, 1)]
    bare = [float((parse[arm] == Label.ARMS).mean()) for arm in arms if arm.any()]
    worn = np.isin(parse, TORSO_CLOTHING)
    seen = float(np.clip(pose.keypoints[list(_JOINTS), 2], 0, 1).mean())
    frontal = float(np.clip(1.15 - 0.5 * abs(body.yaw), 0.4, 1))
    flags = _codes(person.warnings) + attributes.flags(person.image, parse != Label.BACKGROUND)
    return {
        "flags": flags,
        "quality": round(seen**0.5 * frontal * 0.8 ** len(flags), 3),
        "attributes": {
            "colours": attributes.colours(person.image, worn),
            "pattern": attributes.pattern(person.image, worn),
            "bare_arms": round(float(np.mean(bare)), 3) if bare else None,
            "yaw": round(float(np.degrees(body.yaw)), 1),
        },
    }


def describe_garment(garment: Garment) -> Row:
    """Flags, quality and attributes of a garment."""
    inside = garment.mask > 0.5
    flags = _codes(garment.warnings) + attributes.flags(garment.image, inside)
    return {
        "flags": flags,
        "quality": round(garment.confidence * 0.8 ** len(flags), 3),
        "attributes": {
            "colours": attributes.colours(garment.image, inside),
            "pattern": attributes.pattern(garment.image, inside),
        },
    }


def _stamp(job: Job, root: Path) -> Row:
    status = job.file.stat()
    name = job.file.relative_to(root).as_posix() if job.file.is_relative_to(root) else str(job.file)
    return {"file": name, "bytes": status.st_size, "changed": status.st_mtime_ns}


_ANALYSER: Analyser | None = None


def _start(folder: Path) -> None:
    global _ANALYSER
    cv2.setNumThreads(1)
    _ANALYSER = Analyser(Dataset(folder))


def _work(job: Job) -> Row:
    assert _ANALYSER is not None
    return _ANALYSER(job)


def _analysed(jobs: list[Job], dataset: Dataset, workers: int) -> Iterator[Row]:
    """Rows as they become ready."""
    if workers == 1:
        yield from map(Analyser(dataset), jobs)
        return
    with ProcessPoolExecutor(workers, initializer=_start, initargs=(dataset.folder,)) as pool:
        try:
            for done in as_completed([pool.submit(_work, job) for job in jobs]):
                yield done.result()
        except BrokenProcessPool as error:
            raise TryOnError("A worker died.", "Run again, it goes on; with --workers 1 if memory is short.") from error
        finally:
            pool.shutdown(cancel_futures=True)


def prepare(
    root: Path,
    out: Path,
    *,
    kind: str = "auto",
    held_out: float = 0.05,
    own: bool = False,
    own_parse: bool = True,
    retry: bool = False,
    workers: int = 1,
    limit: int | None = None,
    bar: Any = None,
) -> dict[str, Any]:
    """Analyse every photo that is new or has changed; the rest stays. Can be stopped and started at any time.

    Args:
        root, kind, held_out, own, own_parse: see `find_jobs`.
        retry: also photos that were refused before.
        limit: stop after this many photos.
        bar: stream for the progress bar, which shows on terminals only; default stderr.

    Returns:
        Counts: `done` now, `kept` from before, `ok` and `refused` in all, `refusals` by code.
    """
    from tqdm import tqdm

    root = root.resolve()
    jobs, pairs = find_jobs(root, kind, held_out, own, own_parse)
    dataset = Dataset.create(out, root)
    todo = [job for job in jobs if not _is_done(dataset.rows.get(job.id), job, root, retry)][:limit]
    for row in tqdm(
        _analysed(todo, dataset, workers), total=len(todo), unit="photo", desc="prepare", file=bar, disable=None
    ):
        dataset.add(row)
    for row in pairs:
        if dataset.rows.get(row["id"]) != row:
            dataset.add(row)
    photos = [row for row in dataset.rows.values() if row["kind"] != "pair"]
    refused = Counter(row["error"]["code"] for row in photos if row["status"] == "refused")
    write_page(dataset)
    return {
        "done": len(todo),
        "kept": len(jobs) - len(todo),
        "people": len(dataset.usable("person")),
        "garments": len(dataset.usable("garment")),
        "pairs": len(dataset.usable("pair")),
        "refused": refused.total(),
        "refusals": dict(refused.most_common()),
    }


def _is_done(row: Row | None, job: Job, root: Path, retry: bool) -> bool:
    if row is None or (retry and row["status"] == "refused"):
        return False
    return all(row.get(key) == value for key, value in _stamp(job, root).items()) and row["split"] == job.split


def summary(counts: dict[str, Any]) -> str:
    """One line for people."""
    kinds = f"{counts['people']} people, {counts['garments']} garments, {counts['pairs']} pairs"
    refusals = f" ({json.dumps(counts['refusals'])})" if counts["refused"] else ""
    return f"{counts['done']} photos analysed, {counts['kept']} kept: {kinds}, {counts['refused']} refused{refusals}"
