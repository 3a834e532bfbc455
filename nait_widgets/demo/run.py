"""The whole method on the embedded model and samples, and whether it finds what was planted there."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nait_widgets import demo
from nait_widgets.capturing import capture
from nait_widgets.demo.telling import Figures, Result, table, write_page
from nait_widgets.errors import NaitError
from nait_widgets.fitting import fit_direction
from nait_widgets.methods import embedding_centroid, length, random
from nait_widgets.models import load_model
from nait_widgets.scoring import score
from nait_widgets.selection import arithmetic, select
from nait_widgets.store import ActivationStore, open_store
from nait_widgets.store.mapping import one_thread_each

if TYPE_CHECKING:
    import numpy.typing as npt

    from nait_widgets.models import CausalLM

    Rows = npt.NDArray[np.int64]

TARGETS = ("arithmetic", "python", "translation")
FRACTION = 0.10
SITE = "mlp_act"  # the better one for `paper` on this model; for `robust` they differ little (docs/design.md)
PRESETS = ("paper", "robust")
RANDOM_SEEDS = 20  # the control is their mean: one draw of some hundred rows can be lucky
_IN_DOMAIN_POOLS = ("mean", "first", "last", "content_last")  # what both presets and the centroid need


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo found and wrote.

    Attributes:
        figures: The shares that the table shows.
        files: What was written: the store, the report, and each selection's rows, recipe, card and direction.
        seconds: How long everything took.
        table: Figures and files as text for a terminal.
    """

    figures: Figures
    files: list[Path]
    seconds: float
    table: str


def run_demo(out: Path) -> DemoResult:
    """Capture the embedded candidates, fit, score, select 10 %, export, write a report, and count what was found.

    Args:
        out: Folder to write into; made where it is missing. What an earlier demo wrote there is replaced.

    Raises:
        NaitError: The folder can't be written, or holds a store that isn't the demo's.
    """
    started = time.perf_counter()
    path = _store_path(out)
    chosen: dict[str, dict[str, list[Rows]]] = {}
    results: dict[str, dict[str, Result]] = {}
    # The model is too small for a second thread to pay; where others use the machine too, waiting for one costs much.
    with one_thread_each(), tempfile.TemporaryDirectory(prefix="nait-demo-") as folder:
        model = load_model(demo.MODEL)
        pool = capture(model, demo.POOL, path, site=SITE, overwrite=True)
        for target in TARGETS:
            in_domain = _capture_in_domain(model, target, Path(folder) / f"{target}.zarr")
            results[target] = {preset: _select(pool, in_domain, target, preset) for preset in PRESETS}
            chosen[target] = _controls(pool, in_domain)
            chosen[target] |= {preset: [result.selection.rows] for preset, result in results[target].items()}
    figures = _count(pool, chosen)
    files = [path, write_page(out / "report.html", figures, results, RANDOM_SEEDS)]
    for target in TARGETS:
        files += results[target]["robust"].selection.export(out / f"{target}.jsonl")
    seconds = time.perf_counter() - started
    return DemoResult(figures, files, seconds, table(figures, out, seconds))


def _store_path(out: Path) -> Path:
    """Where the candidates' store goes, unless somebody's own store is there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NaitError(f"{out} can't be made a folder ({error.strerror}); name another with --out") from error
    path = out / "pool.zarr"
    if path.exists():
        provenance = open_store(path).provenance
        found = provenance["model"]["name"], provenance["source"]["name"]
        if found != (demo.MODEL.name, demo.POOL.name):
            raise NaitError(f"{path} is a store of {found[1]}, not the demo's; name another folder with --out")
    return path


def _capture_in_domain(model: CausalLM, target: str, path: Path) -> ActivationStore:
    """The in-domain samples once, for both presets and for the centroid, in the precision that fitting uses."""
    return capture(
        model, demo.in_domain(target), path, site=SITE, pools=_IN_DOMAIN_POOLS, store_dtype="float32", text=False
    )


def _select(pool: ActivationStore, in_domain: ActivationStore, target: str, preset: str) -> Result:
    direction = fit_direction(in_domain, name=target, preset=preset, background=pool)
    scores = score(pool, direction)
    return Result(scores, select(scores, fraction=FRACTION))


def _controls(pool: ActivationStore, in_domain: ActivationStore) -> dict[str, list[Rows]]:
    """What the standing controls choose; random several times."""
    last = len(pool.layout.layers) - 1
    embeddings = np.concatenate([values.copy() for _, values in pool.pool("mean").chunks(last)])
    centroid = in_domain.statistics("mean").mean[last]
    k = arithmetic.size(FRACTION, int(np.count_nonzero(pool.selectable)))

    def top(scores: npt.NDArray[np.float64]) -> Rows:
        return arithmetic.top(np.where(pool.selectable, scores, np.nan), k)

    return {
        "random": [top(random(len(pool), seed)) for seed in range(RANDOM_SEEDS)],
        "length": [top(length(pool.n_response_tokens))],
        "centroid": [top(embedding_centroid(embeddings, centroid))],
    }


def _count(pool: ActivationStore, chosen: dict[str, dict[str, list[Rows]]]) -> Figures:
    """How many of the chosen rows truly carry their target: are labelled so, with nothing planted to spoil them."""
    labels = [(row["capability"], row["quality"]) for row in pool.originals(np.arange(len(pool)))]
    capability, quality = np.array(labels).T
    clean, valid = quality == "clean", pool.selectable
    true = {target: valid & clean & (capability == target) for target in TARGETS}
    k, n_valid = len(chosen[TARGETS[0]]["robust"][0]), int(np.count_nonzero(valid))

    def mean_share(mask: npt.NDArray[np.bool_], draws: list[Rows]) -> float:
        return float(np.mean([mask[rows].mean() for rows in draws]))

    return Figures(
        n_valid=n_valid,
        n_chosen=k,
        base={target: float(mask[valid].mean()) for target, mask in true.items()},
        best={target: min(1.0, int(mask.sum()) / k) for target, mask in true.items()},
        shares={t: {method: mean_share(true[t], draws) for method, draws in chosen[t].items()} for t in TARGETS},
        base_defects=float((~clean[valid]).mean()),
        defects={
            method: float(np.mean([mean_share(~clean, chosen[t][method]) for t in TARGETS]))
            for method in chosen[TARGETS[0]]
        },
    )
