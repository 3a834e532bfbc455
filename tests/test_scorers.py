"""Scorers on stores, each against a reference that loops over samples, and their files."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from conftest import EMPTY_ROW, LONG_ROW, Row, make_rows
from safetensors.numpy import load_file, save_file
from test_store import read_all
from tiny import tiny_model

import nait_widgets as nait
from nait_widgets import Scorer, capture, scorer
from nait_widgets.errors import ScorerError, StoreError
from nait_widgets.models import CausalLM
from nait_widgets.scorers import KINDS, RDS, TargetScorer
from nait_widgets.store import ActivationStore

Floats = npt.NDArray[np.float64]
UNTARGETED = [kind for kind, cls in KINDS.items() if not issubclass(cls, TargetScorer)]
TARGETED = [kind for kind in KINDS if kind not in UNTARGETED]


@pytest.fixture(scope="module")
def targets(lm: CausalLM, in_domain_rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    """The in-domain samples; the third can't be used."""
    rows = [dict(row) for row in in_domain_rows]
    rows[2]["output"] = " "
    return capture(lm, rows, tmp_path_factory.mktemp("targets") / "sums.zarr", extras="all", template="plain")


@pytest.fixture(scope="module")
def bare(lm: CausalLM, in_domain_rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    """A store without extras and text."""
    return capture(lm, in_domain_rows, tmp_path_factory.mktemp("bare") / "bare.zarr", template="plain", text=False)


def made(kind: str, targets: ActivationStore, **options: Any) -> Scorer:
    return scorer(kind, targets if kind in TARGETED else None, **options)


# -- what each gives, from the formula


def length(store: ActivationStore, _: ActivationStore, /, of: str) -> Floats:
    tokens = {"response": store.n_response_tokens, "sample": store.n_tokens}[of]
    return tokens.astype(np.float64)


def loss(store: ActivationStore, _: ActivationStore, /) -> Floats:
    return store.response_loss.astype(np.float64)


def perplexity(store: ActivationStore, _: ActivationStore, /) -> Floats:
    return np.array([math.exp(value) for value in store.response_loss.tolist()])


def ifd(store: ActivationStore, _: ActivationStore, /, form: str, at_most_one: bool) -> Floats:
    values = []
    for given, alone in zip(store.response_loss.tolist(), store.response_alone_loss.tolist(), strict=True):
        value = given / alone if form == "loss" else math.exp(given) / math.exp(alone)
        values.append(math.nan if at_most_one and value > 1 else value)
    return np.array(values)


def diversity(store: ActivationStore, _: ActivationStore, /, quantile: float, pool: str = "mean") -> Floats:
    activations = read_all(store.pool(pool))
    n, n_layers, n_neurons = activations.shape
    m = max(1, math.floor((1 - quantile) * n_neurons + 0.5))
    active: list[set[tuple[int, int]]] = []
    for i in range(n):
        mine: set[tuple[int, int]] = set()
        for layer in range(n_layers):
            sizes = [abs(value) for value in activations[i, layer].tolist()]
            least = sorted(sizes)[-m]
            mine |= {(layer, j) for j in range(n_neurons) if sizes[j] >= least}
        active.append(mine if store.selectable[i] else set())
    frequency: dict[tuple[int, int], int] = {}
    for mine in active:
        for neuron in mine:
            frequency[neuron] = frequency.get(neuron, 0) + 1
    n_valid = int(store.selectable.sum())
    return np.array([sum(math.log(n_valid / frequency[neuron]) for neuron in mine) for mine in active])


def normed(a: Floats) -> Floats:
    return a / math.sqrt(float(a @ a))


def cosine(a: Floats, b: Floats) -> float:
    return float(normed(a) @ normed(b))


def embedded(store: ActivationStore, pool: str) -> list[Floats]:
    return [e.astype(np.float64) for e, ok in zip(store.embedding(pool), store.selectable, strict=True) if ok]


def spread(store: ActivationStore, values: list[float]) -> Floats:
    scores = np.full(len(store), np.nan)
    scores[store.selectable] = values
    return scores


def centroid(store: ActivationStore, targets: ActivationStore, /, pool: str = "mean") -> Floats:
    center = np.mean(embedded(targets, pool), axis=0)
    return spread(store, [cosine(e, center) for e in embedded(store, pool)])


def knn(store: ActivationStore, targets: ActivationStore, /, k: int, pool: str = "mean") -> Floats:
    wanted = [normed(t) for t in embedded(targets, pool)]
    near = [sorted(float(normed(e) @ t) for t in wanted)[-k:] for e in embedded(store, pool)]
    return spread(store, [sum(values) / k for values in near])


def rds_max(store: ActivationStore, targets: ActivationStore, /, aggregate: str) -> Floats:  # noqa: ARG001
    wanted = [normed(t) for t in embedded(targets, "weighted")]
    return spread(store, [max(float(normed(e) @ t) for t in wanted) for e in embedded(store, "weighted")])


def nag(store: ActivationStore, targets: ActivationStore, /) -> Floats:
    tops, wanted = store.up_neurons.tolist(), targets.up_neurons[targets.selectable].tolist()
    values = []
    for top in tops:
        share = 0.0
        for layer, neurons in enumerate(top):
            places = [neuron for target in wanted for neuron in target[layer]]
            share += sum(places.count(neuron) for neuron in neurons) / len(places)
        values.append(share / len(top))
    return np.array(values)


@pytest.mark.parametrize(
    ("kind", "options", "reference"),
    [
        ("length", {"of": "response"}, length),
        ("length", {"of": "sample"}, length),
        ("loss", {}, loss),
        ("perplexity", {}, perplexity),
        ("ifd", {"form": "loss", "at_most_one": False}, ifd),
        ("ifd", {"form": "perplexity", "at_most_one": True}, ifd),
        ("diversity", {"quantile": 0.9}, diversity),
        ("diversity", {"quantile": 0.5, "pool": "response_mean"}, diversity),
        ("centroid", {}, centroid),
        ("centroid", {"pool": "weighted"}, centroid),
        ("knn", {"k": 3}, knn),
        ("knn", {"k": 1, "pool": "weighted"}, knn),
        ("rds", {"aggregate": "max"}, rds_max),
        ("nag", {}, nag),
    ],
)
def test_a_scorer_gives_what_its_formula_says(
    pool: ActivationStore,
    targets: ActivationStore,
    kind: str,
    options: dict[str, Any],
    reference: Callable[..., Floats],
) -> None:
    scores = made(kind, targets, **options).score(pool)
    expected = np.where(pool.selectable, reference(pool, targets, **options), np.nan)
    assert scores.dtype == np.float64
    assert np.isnan(scores[[EMPTY_ROW, LONG_ROW]]).all()
    assert np.unique(scores[~np.isnan(scores)]).size > 5  # it tells samples apart
    np.testing.assert_allclose(scores, expected, rtol=2e-6, atol=1e-6)


def test_the_top_of_rds_is_what_a_round_robin_takes_first(pool: ActivationStore, targets: ActivationStore) -> None:
    scores = scorer("rds", targets).score(pool)
    assert np.sort(-scores[pool.selectable]).tolist() == list(range(1, int(pool.selectable.sum()) + 1))
    candidates = dict(
        zip(np.flatnonzero(pool.selectable).tolist(), map(normed, embedded(pool, "weighted")), strict=True)
    )
    wanted = [normed(target) for target in embedded(targets, "weighted")]
    for turn, row in enumerate(np.argsort(-np.nan_to_num(scores, nan=-np.inf))[:100].tolist()):
        target = wanted[turn % len(wanted)]
        best = (np.stack(list(candidates.values())) @ target).max()
        assert candidates.pop(row) @ target == pytest.approx(best, abs=1e-6)


def test_stratified_random_draws_from_every_stratum(lm: CausalLM, tmp_path: Path) -> None:
    rows = make_rows(60)
    for i, row in enumerate(rows):
        row["topic"] = ["sums", "words", None][min(i % 6, 2)]  # 10, 10 and 40 rows
    rows[7].pop("topic")
    rows[13].pop("topic")  # no topic is what None is
    store = capture(lm, rows, tmp_path / "s.zarr", template="plain")
    topics = np.array([str(row.get("topic")) for row in rows])
    for seed in range(5):
        top = np.argsort(-scorer("stratified-random", by="topic", seed=seed).score(store))[:30]
        counts = {topic: int((topics[top] == topic).sum()) for topic in ("sums", "words", "None")}
        assert abs(counts["sums"] - 5) <= 1
        assert abs(counts["words"] - 4) <= 1
        top = np.argsort(-scorer("stratified-random", seed=seed).score(store))[:30]
        tenth = np.argsort(np.argsort(store.n_tokens, kind="stable"), kind="stable") // 6
        assert (np.abs(np.bincount(tenth[top], minlength=10) - 3) <= 1).all()
    with pytest.raises(ScorerError, match=r"no row of .* has a field 'topik'"):
        scorer("stratified-random", by="topik").score(store)


def test_random_is_one_draw_a_seed(pool: ActivationStore) -> None:
    first, again, other = (scorer("random", seed=seed).score(pool) for seed in (1, 1, 2))
    assert np.array_equal(first, again, equal_nan=True)
    valid = pool.selectable
    assert abs(np.corrcoef(first[valid], other[valid])[0, 1]) < 0.15
    assert abs(np.mean(first[valid]) - 0.5) < 0.05
    assert np.isnan(first[~valid]).all()


@pytest.mark.parametrize("kind", ["diversity", "knn", "rds", "nag", "ifd"])
def test_a_packed_store_scores_alike(
    pool: ActivationStore, packed: ActivationStore, targets: ActivationStore, kind: str
) -> None:
    one = made(kind, targets)
    assert np.array_equal(one.score(pool), one.score(packed), equal_nan=True)


# -- values that can be named, saved and told apart


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_saved_scorer_comes_back_whole(
    kind: str, pool: ActivationStore, targets: ActivationStore, tmp_path: Path
) -> None:
    one = made(kind, targets, name="mine")
    back = Scorer.load(one.save(tmp_path / "one.scorer"))
    assert type(back) is type(one)
    assert (back.name, back.options, back.digest, back.space) == ("mine", one.options, one.digest, one.space)
    assert np.array_equal(back.score(pool), one.score(pool), equal_nan=True)


def test_names_say_what_it_is_and_digests_what_it_does(targets: ActivationStore, bare: ActivationStore) -> None:
    assert (scorer("length").name, scorer("knn", targets).name) == ("length", "knn sums")
    assert scorer("knn", targets, name="near").name == scorer("knn", targets).named("near").name == "near"
    assert scorer("knn", targets, name="knn").name == "knn"  # not taken for none
    assert scorer("length").named("x").digest == scorer("length").digest
    several = [scorer("length"), scorer("length", of="sample"), scorer("random"), scorer("random", seed=1)]
    several += [scorer("knn", targets), scorer("knn", targets, k=4), scorer("rds", targets), scorer("nag", targets)]
    assert len({one.digest for one in several}) == len(several)
    assert repr(scorer("length")) == "Length(name='length', of='response')"
    assert scorer("knn", targets).origin["source"] == targets.provenance["source"]  # type: ignore[attr-defined]
    assert bare.layout.extras == ()
    assert scorer("diversity", quantile=0).score(bare).tolist() == [0.0] * len(bare)  # all are active in all


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("lenght", {}, "there is no scorer 'lenght'; there are random, stratified-random, length"),
        ("length", {"kk": 1}, "scorer 'length' has no option 'kk'; its options: of"),
        ("loss", {"kk": 1}, "scorer 'loss' has no option 'kk'; its options: none"),
        ("length", {"of": "prompt"}, "of of scorer 'length' is 'prompt', but must be response or sample"),
        ("random", {"seed": 1.5}, "seed of scorer 'random' is 1.5, but must be a whole number"),
        ("random", {"seed": True}, "seed of scorer 'random' is True, but must be a whole number"),
        ("stratified-random", {"seed": -1}, "seed of scorer 'stratified-random' is -1, but must be 0 or more"),
        ("ifd", {"at_most_one": "no"}, "at_most_one of scorer 'ifd' is 'no', but must be true or false"),
        ("ifd", {"form": "nll"}, "form of scorer 'ifd' is 'nll', but must be loss or perplexity"),
        ("diversity", {"quantile": 1}, "quantile of scorer 'diversity' is 1, but must be from 0 to below 1"),
        ("length", {"name": 3}, "name of scorer 'length' is 3, but must be text"),
        ("knn", {}, "scorer 'knn' needs targets"),
    ],
)
def test_what_cannot_be_made_is_refused(kind: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ScorerError, match=re.escape(words)):
        scorer(kind, **options)


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("knn", {"k": 0}, "k of scorer 'knn' is 0, but must be 1 or more"),
        ("knn", {"k": 40}, "k of scorer 'knn' is 40, but {path} has 39 samples that can be used; give a smaller k"),
        ("centroid", {"pool": "last"}, "pool of scorer 'centroid' is 'last', but must be mean or weighted"),
        ("rds", {"aggregate": "mean"}, "aggregate of scorer 'rds' is 'mean', but must be round-robin or max"),
        ("length", {}, "scorer 'length' compares with no targets; leave {path} out"),
    ],
)
def test_what_does_not_fit_targets_is_refused(
    targets: ActivationStore, kind: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ScorerError, match=re.escape(words.format(path=targets.path))):
        scorer(kind, targets, **options)


def test_a_store_that_lacks_something_is_refused_before_any_work(
    lm: CausalLM, bare: ActivationStore, targets: ActivationStore, tmp_path: Path
) -> None:
    for kind, extras in [("perplexity", "loss"), ("ifd", "loss,ifd"), ("rds", "embedding"), ("nag", "nag")]:
        with pytest.raises(ScorerError, match=f"lacks; capture it again with `--extras {extras}`"):
            made(kind, targets).score(bare)
    with pytest.raises(ScorerError, match="'knn' needs embedding, which"):
        scorer("knn", bare)
    with pytest.raises(StoreError, match="was captured without text"):
        scorer("stratified-random", by="topic").score(bare)
    with pytest.raises(StoreError, match="but not 'last'"):
        scorer("diversity", pool="last").score(bare)
    long = [{"instruction": "stone " * 300, "output": "a"}]
    with pytest.raises(ScorerError, match="'centroid' can't be fitted: no sample of"):
        scorer("centroid", capture(lm, long, tmp_path / "long.zarr", template="plain", extras="all"))
    with pytest.raises(ScorerError, match="'rds' needs targets: fit it"):
        RDS().score(targets)
    with pytest.raises(ScorerError, match="'rds' needs targets: fit it"):
        nait.score(targets, [RDS(), KINDS["knn"]()])


def test_targets_of_another_origin_are_refused(
    lm: CausalLM, pool: ActivationStore, in_domain_rows: list[Row], tmp_path: Path
) -> None:
    def fitted(kind: str, name: str, model: CausalLM, **options: Any) -> Scorer:
        return scorer(kind, capture(model, in_domain_rows, tmp_path / f"{name}.zarr", extras="all", **options))

    with pytest.raises(ScorerError, match="of another model than"):
        fitted("knn", "model", tiny_model("llama", seed=1), template="plain").score(pool)
    with pytest.raises(ScorerError, match=r"of another template than .*alpaca.*plain"):
        fitted("knn", "template", lm, template="alpaca").score(pool)
    with pytest.raises(ScorerError, match=r"have layers \(0, 2\), .* has \(0, 1, 2\)"):
        fitted("nag", "layers", lm, template="plain", layers=(0, 2)).score(pool)
    # another site is no matter
    assert np.isfinite(fitted("nag", "site", lm, template="plain", site="mlp_act").score(pool)[0])


def test_files_that_are_not_what_was_saved_are_refused(targets: ActivationStore, tmp_path: Path) -> None:
    path = scorer("knn", targets).save(tmp_path / "knn.scorer")
    with pytest.raises(ScorerError, match="there is no scorer file at"):
        Scorer.load(tmp_path / "other.scorer")
    (tmp_path / "cut.scorer").write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ScorerError, match="can't be read as a scorer"):
        Scorer.load(tmp_path / "cut.scorer")
    flipped = bytearray(path.read_bytes())
    flipped[-1] ^= 1
    (tmp_path / "flipped.scorer").write_bytes(flipped)
    with pytest.raises(ScorerError, match="its numbers are not those that were saved"):
        Scorer.load(tmp_path / "flipped.scorer")

    about = _about(path)
    header = json.loads(about["scorer"])
    changes: list[tuple[dict[str, Any], str]] = [
        ({"options": {"k": 4, "pool": "mean"}}, "isn't the scorer that its digest names"),
        ({"options": {"pool": "mean"}}, "can't be read as a scorer: 'k'"),
        ({"options": {"k": [], "pool": "mean"}}, "k of scorer 'knn' is \\[\\], but must be a whole number"),
        ({"origin": {"model": 3}}, "can't be read as a scorer"),
        ({"kind": "unheard-of"}, "changed.scorer is a scorer of kind 'unheard-of', .*: install the one that it was"),
        ({"kind": "length"}, "can't be read as a scorer"),
    ]
    for change, words in changes:
        changed = tmp_path / "changed.scorer"
        save_file(load_file(path), changed, {**about, "scorer": json.dumps({**header, **change})})
        with pytest.raises(ScorerError, match=words):
            Scorer.load(changed)
    save_file(load_file(path), tmp_path / "foreign.scorer", {"format": "nait-direction-1"})
    with pytest.raises(ScorerError, match="is not a scorer of format nait-scorer-1"):
        Scorer.load(tmp_path / "foreign.scorer")


def _about(path: Path) -> dict[str, str]:
    data = path.read_bytes()
    header: dict[str, str] = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    return header


@dataclass(frozen=True, eq=False)
class Misshapen(Scorer):
    kind = "misshapen"
    factor: float = 1.0

    def compute(self, store: ActivationStore) -> Floats:
        return np.full((len(store), 2), self.factor)


def test_scores_of_the_wrong_shape_are_refused(pool: ActivationStore) -> None:
    with pytest.raises(ScorerError, match=re.escape("'misshapen' gave values of shape (700, 2) for 700 samples")):
        Misshapen().score(pool)
    with pytest.raises(ScorerError, match="factor of scorer 'misshapen' is None, but must be a number"):
        Misshapen(factor=None)  # type: ignore[arg-type]
