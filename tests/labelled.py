"""The demo's model and part of its labelled pool, captured once: candidates whose capability is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from nait_widgets import Direction, capture, demo, fit_direction, load_model
from nait_widgets.models import CausalLM
from nait_widgets.store import ActivationStore

ROWS = 600

Fit = Callable[..., Direction]


def in_domain(capability: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in demo.in_domain(capability).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="session")
def demo_lm() -> CausalLM:
    return load_model(demo.MODEL, device="cpu")


@pytest.fixture(scope="session")
def labelled(demo_lm: CausalLM, tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    """The first rows of the demo's pool, `mlp_act`."""
    rows = [json.loads(line) for line in demo.POOL.read_text(encoding="utf-8").splitlines()[:ROWS]]
    return capture(demo_lm, rows, tmp_path_factory.mktemp("labelled") / "pool.zarr", site="mlp_act", pools=("mean",))


@pytest.fixture(scope="session")
def capabilities(labelled: ActivationStore) -> npt.NDArray[np.str_]:
    """What each candidate is labelled: (sample,)."""
    return np.array([row["capability"] for row in labelled.originals(range(len(labelled)))])


@pytest.fixture(scope="session")
def fit(demo_lm: CausalLM, labelled: ActivationStore) -> Fit:
    """Fit a direction to some rows against the labelled pool, preset robust unless told otherwise."""

    def fitted(rows: list[dict[str, Any]], **options: Any) -> Direction:
        asked: dict[str, Any] = {"name": "d", "preset": "robust", "background": labelled, **options}
        return fit_direction(demo_lm, rows, **asked)

    return fitted
