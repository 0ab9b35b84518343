"""Lengths read from a parse: where a sleeve ends."""

from __future__ import annotations

import numpy as np

from ..labels import TORSO_CLOTHING, Label
from ..preprocess.arms import arm_stations
from ..preprocess.body import Body

#: Stations along the arm: from the shoulder's outer edge to the wrist.
_T = np.linspace(0.15, 2.0, 38)
#: Share of the stations that must show sleeve or skin.
_SEEN = 0.6
_CLOTH = [int(label) for label in TORSO_CLOTHING]


def sleeve_end(parse: np.ndarray, body: Body, side: int) -> float | None:
    """How far a sleeve reaches: 0 shoulder, 1 elbow, 2 wrist; None where too little of the arm is seen.

    The arm's axis is cut where garment above and skin below agree best with the parse.

    Args:
        parse: uint8 (h, w) of `Label`; body: in its pixels; side: 0 or 1 as in `Body`.
    """
    points, radii = arm_stations(body, side, float(_T[0]), float(_T[-1]), len(_T))
    cloth, skin = np.zeros(len(_T)), np.zeros(len(_T))
    across = np.gradient(points, axis=0)
    across = np.stack([-across[:, 1], across[:, 0]], 1) / np.maximum(np.linalg.norm(across, axis=1), 1e-6)[:, None]
    for offset in (-0.5, -0.25, 0.0, 0.25, 0.5):
        at = np.floor(points + across * (offset * radii)[:, None]).astype(int)
        inside = (at >= 0).all(1) & (at[:, 0] < parse.shape[1]) & (at[:, 1] < parse.shape[0])
        labels = np.full(len(_T), int(Label.BACKGROUND))
        labels[inside] = parse[at[inside, 1], at[inside, 0]]
        cloth += np.isin(labels, _CLOTH)
        skin += labels == int(Label.ARMS)
    seen = cloth + skin > 0
    if seen.mean() < _SEEN:
        return None
    margin = np.where(seen, (cloth - skin) / np.maximum(cloth + skin, 1), 0.0)
    # agreement of a cut before station i: garment above counts for it, garment below against it
    agreement = np.concatenate([[0.0], 2 * np.cumsum(margin)]) - margin.sum()
    cut = int(np.argmax(agreement))
    step = _T[1] - _T[0]
    return 0.0 if cut == 0 else float(_T[cut - 1] + step / 2)
