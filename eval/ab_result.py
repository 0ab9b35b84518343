"""Sums up the result files of blind votes."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

from ..errors import UsageError
from .ab import FORMAT

_MAX_BYTES = 10_000_000


@dataclass(frozen=True)
class Tally:
    """Votes for the two systems, and ties."""

    first: int
    second: int
    ties: int

    @property
    def decided(self) -> int:
        return self.first + self.second

    @classmethod
    def of(cls, signs: Iterable[int]) -> Tally:
        """Count votes: 1 for the first system, -1 for the second, 0 for a tie."""
        votes = list(signs)
        return cls(votes.count(1), votes.count(-1), votes.count(0))


def wilson(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share (E. B. Wilson, 1927, J. Am. Stat. Assoc. 22:209); (0, 1) without trials."""
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials} is no share")
    if trials == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share, shrink = successes / trials, 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / shrink
    half = z / shrink * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return low, high


def read_votes(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Result files of one pair of systems. A voter's session that occurs several times counts once, its longest file.

    Raises:
        UsageError: a file can't be read, is no result, or compares other systems than the first one.
    """
    sessions: dict[tuple[str, int], dict[str, Any]] = {}
    systems: list[str] | None = None
    for path in paths:
        ballot = _read(path)
        systems = systems or ballot["systems"]
        if sorted(ballot["systems"]) != sorted(systems):
            raise UsageError(
                f"{path} compares {' and '.join(ballot['systems'])}, the others {' and '.join(systems)}.",
                "Give files of the same two systems.",
            )
        key = (ballot["page"], ballot["seed"])
        if key not in sessions or len(sessions[key]["votes"]) < len(ballot["votes"]):
            sessions[key] = {**ballot, "systems": systems}
    return list(sessions.values())


def _read(path: Path) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            ballot = json.loads(file.read(_MAX_BYTES).decode("utf-8"))
        systems = ballot["systems"]
        right = (
            ballot["kind"] == "tryon-ab"
            and ballot["format"] == FORMAT
            and isinstance(ballot["page"], str)
            and isinstance(ballot["seed"], int)
            and len(set(systems)) == len(systems) == 2
            and all(isinstance(name, str) for name in systems)
            and all(isinstance(vote["pair"], str) and vote["better"] in (*systems, None) for vote in ballot["votes"])
        )
    except OSError as error:
        raise UsageError(f"{path} can't be read.", "Check the name.") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(f"{path} is not a result of a blind vote.", "Give what the page saved.") from error
    if not right:
        raise UsageError(f"{path} is not a result of a blind vote.", "Give what the page saved.")
    return ballot


def describe(ballots: list[dict[str, Any]]) -> list[str]:
    """The sum in lines for people: all votes, cases by majority when there are several voters, each category."""
    first, second = ballots[0]["systems"]
    signs: list[int] = []
    by_case: dict[str, int] = defaultdict(int)
    by_category: dict[str, list[int]] = defaultdict(list)
    for ballot in ballots:
        for vote in ballot["votes"]:
            sign = {first: 1, second: -1, None: 0}[vote["better"]]
            signs.append(sign)
            by_case[vote["pair"]] += sign
            by_category[str(vote.get("category"))].append(sign)
    voters = len(ballots)
    lines = [f"{len(signs)} votes, {voters} voter{'s' if voters > 1 else ''}, {len(by_case)} cases"]
    lines.append("all votes: " + _share(Tally.of(signs), first, second))
    if voters > 1:
        majority = Tally.of((total > 0) - (total < 0) for total in by_case.values())
        lines.append("cases by majority: " + _share(majority, first, second))
        lines.append(
            "Votes of several voters on one case are not independent: the interval of the cases is the safer one."
        )
    if len(by_category) > 1:
        lines += [f"{name}: " + _share(Tally.of(by_category[name]), first, second) for name in sorted(by_category)]
    return lines


def _share(tally: Tally, first: str, second: str) -> str:
    ties = f"{tally.ties} tie{'' if tally.ties == 1 else 's'}"
    if tally.decided == 0:
        return f"nothing decided ({ties})"
    ahead, count = (first, tally.first) if tally.first >= tally.second else (second, tally.second)
    low, high = wilson(count, tally.decided)
    verdict = f"{ahead} is preferred" if low > 0.5 else "no preference shown"
    share = f"{ahead} in {count / tally.decided:.1%} of the decided votes"
    interval = f"95 % interval {low:.1%} to {high:.1%} (Wilson, ties left out)"
    return f"{first} {tally.first}, {second} {tally.second}, {ties}; {share}, {interval}: {verdict}"
