from __future__ import annotations

import json
import pickle
from hashlib import sha256
from itertools import pairwise, product
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from conftest import Row, make_rows
from plain import activations, close, pooled, principal
from safetensors.numpy import load_file, save_file
from test_store import read_all
from tiny import tiny_model

from nait_widgets import PRESETS, Direction, capture, fit_direction, score
from nait_widgets.errors import DirectionError, StoreError
from nait_widgets.methods import FitOptions, ScoreOptions
from nait_widgets.methods.options import CandidatePool, Center, Difference, LastToken, Sign, Similarity, Truncated
from nait_widgets.methods.principal import point, principal_components
from nait_widgets.methods.resampling import Kind, resample
from nait_widgets.models import CausalLM
from nait_widgets.records import Renderer, read_records
from nait_widgets.store import POOLS, ActivationStore


@pytest.fixture(scope="module")
def in_domain(lm: CausalLM, in_domain_rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    """The in-domain samples with every pool; two of them are truncated."""
    rows = [dict(row) for row in in_domain_rows]
    for i in (4, 9):
        rows[i]["output"] = "two " * 100
    path = tmp_path_factory.mktemp("in-domain") / "s.zarr"
    return capture(lm, rows, path, pools=POOLS, template="plain", store_dtype="float32", max_length=90)


def fit(in_domain: ActivationStore, background: ActivationStore | None, **options: Any) -> Direction:
    return fit_direction(in_domain, name="d", background=background, **options)


# -- fitting


@pytest.mark.parametrize("truncated", get_args(Truncated))
@pytest.mark.parametrize("sign", get_args(Sign))
@pytest.mark.parametrize("last_token", get_args(LastToken))
@pytest.mark.parametrize("difference", get_args(Difference))
def test_every_way_to_fit_is_what_its_words_say(
    in_domain: ActivationStore, pool: ActivationStore, difference: str, last_token: str, sign: str, truncated: str
) -> None:
    direction = fit(in_domain, pool, difference=difference, last_token=last_token, sign=sign, truncated=truncated)
    keep = in_domain.status == 0 if truncated == "drop" else in_domain.selectable
    assert direction.samples["used"] == keep.sum() == (38 if truncated == "drop" else 40)
    assert direction.samples["truncated"] == 2
    a = {name: read_all(in_domain.pool(name))[keep].astype(np.float64) for name in POOLS}
    background = read_all(pool.pool("mean"))[pool.selectable].astype(np.float64).mean(0)
    last = a["content_last" if last_token == "content" else "last"]
    drift = {
        "last-first": last - a["first"], "mean-first": a["mean"] - a["first"], "mean": a["mean"], "contrast": a["mean"]
    }[difference]  # fmt: skip
    for layer in range(3):
        against = a["mean"][:, layer].mean(0) - background[layer]
        if difference == "contrast":
            expected = against / np.linalg.norm(against)
        else:
            expected = principal(drift[:, layer], against if sign == "pool" else drift[:, layer].mean(0))
        assert close(direction.vectors[layer], expected, 2e-3)
    assert close(direction.in_domain_mean, a["mean"].mean(0), 1e-6)


def test_difference_and_candidate_pool_are_told_apart_where_they_share_one(in_domain: ActivationStore) -> None:
    """The pool that candidates are read from may be one that the difference is made of."""
    one = fit(in_domain, None, difference="mean-first", pool="mean")
    other = fit(in_domain, None, difference="mean-first", pool="weighted")
    np.testing.assert_array_equal(one.vectors, other.vectors)
    last = fit(in_domain, None, pool="last")
    np.testing.assert_array_equal(last.vectors, fit(in_domain, None).vectors)
    assert close(last.in_domain_mean, read_all(in_domain.pool("last")).mean(0), 1e-6)


def test_a_direction_is_the_same_from_a_model_and_from_nothing_but_numpy(
    lm: CausalLM, direction: Direction, in_domain_rows: list[Row]
) -> None:
    renderer = Renderer(lm.tokenizer, template="plain")
    samples = renderer.render(list(read_records(in_domain_rows)))
    special = set(lm.tokenizer.all_special_ids)
    pools = [pooled(activations(lm, sample)["resid_post"], sample, special) for sample in samples]
    drift = np.stack([p["delta"] for p in pools])
    for layer in range(3):
        expected = principal(drift[:, layer], drift[:, layer].mean(0))
        assert expected @ direction.vectors[layer] == pytest.approx(1, abs=1e-6)
        centred = drift[:, layer] - drift[:, layer].mean(0)
        singular = np.linalg.svd(centred, compute_uv=False) ** 2
        assert direction.explained[layer] == pytest.approx(singular[0] / singular.sum(), rel=1e-4)
        mean = drift[:, layer].mean(0)
        assert direction.margin[layer] == pytest.approx(expected @ mean / np.linalg.norm(mean), rel=1e-3)


@pytest.mark.parametrize("shape", [(5, 40), (40, 5), (20, 20), (300, 200)])
def test_principal_components_are_the_svds_of_the_samples_as_often_as_each_was_drawn(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    samples = rng.normal(size=shape) * np.linspace(1, 3, shape[1]) + 7
    drawn = [np.arange(shape[0]), rng.integers(shape[0], size=shape[0]), np.array([0, 3, 4])]
    shares = np.stack([np.bincount(rows, minlength=shape[0]) / len(rows) for rows in drawn])
    vectors, explained = principal_components(samples, shares)
    for rows, vector, share in zip(drawn, vectors, explained, strict=True):
        _, values, expected = np.linalg.svd(samples[rows] - samples[rows].mean(0))
        assert abs(vector @ expected[0]) == pytest.approx(1, abs=1e-10)
        assert share == pytest.approx(values[0] ** 2 / np.square(values).sum())


def test_samples_that_do_not_differ_have_no_component() -> None:
    samples = np.full((4, 5), 0.1, np.float32)
    samples[3] = 1e4 * np.arange(5)
    vectors, explained = principal_components(samples, np.array([[1 / 3, 1 / 3, 1 / 3, 0], [0.25] * 4]))
    assert not vectors[0].any()
    assert np.isnan(explained[0])
    assert np.linalg.norm(vectors[1]) == pytest.approx(1)
    assert explained[1] == pytest.approx(1)


def test_masking_outliers_keeps_a_massive_constant_from_deciding_the_sign() -> None:
    vector = np.ones(50) / np.sqrt(50)
    along = np.ones(50)
    along[3] = -1000
    assert (point(vector, along)[0] == -vector).all()
    pointed, margin = point(vector, along, mask_outliers=True)
    assert (pointed == vector).all()
    assert margin == pytest.approx(np.sqrt(49 / 50))


def test_robust_needs_a_background_and_takes_the_run_from_it(
    lm: CausalLM, in_domain_rows: list[Row], tmp_path: Path
) -> None:
    with pytest.raises(DirectionError, match=r"preset 'robust' .*compares with the pool of candidates.*background="):
        fit_direction(lm, in_domain_rows, name="d", preset="robust")
    background = capture(
        lm, make_rows(30), tmp_path / "b.zarr", site="mlp_act", layers=[0, 2], template="alpaca", max_length=200
    )
    direction = fit_direction(lm, in_domain_rows, name="d", preset="robust", background=background)
    assert (direction.site, direction.layers) == ("mlp_act", (0, 2))
    assert (direction.template["name"], direction.template["max_length"]) == ("alpaca", 200)
    assert direction.fit == PRESETS["robust"].fit
    assert np.isfinite(score(background, direction)["score"].values).all()


def test_a_background_of_another_kind_is_refused(
    lm: CausalLM, in_domain_rows: list[Row], pool: ActivationStore
) -> None:
    for options, message in (
        ({"template": "alpaca"}, "another template than the background"),
        ({"site": "mlp_out"}, "another site than the background"),
        ({"layers": [1]}, r"have layers \(1,\), the background \(0, 1, 2\)"),
    ):
        asked: dict[str, Any] = options
        with pytest.raises(DirectionError, match=message):
            fit_direction(lm, in_domain_rows, name="d", preset="robust", background=pool, **asked)
    with pytest.raises(DirectionError, match="another model than the background"):
        fit_direction(tiny_model("llama", 1), in_domain_rows, name="d", preset="robust", background=pool)


def test_a_folder_is_run_in_the_backgrounds_dtype(lm: CausalLM, in_domain_rows: list[Row], tmp_path: Path) -> None:
    lm.model.save_pretrained(tmp_path / "model")
    lm.tokenizer.save_pretrained(tmp_path / "model")
    options: dict[str, Any] = {"template": "plain", "device": "cpu"}
    half = capture(tmp_path / "model", make_rows(9), tmp_path / "b.zarr", dtype="bfloat16", **options)
    direction = fit_direction(
        tmp_path / "model", in_domain_rows, name="d", preset="robust", background=half, device="cpu"
    )
    assert direction.model["dtype"] == "bfloat16"


def test_what_can_not_be_fitted_is_refused(lm: CausalLM, in_domain: ActivationStore, pool: ActivationStore) -> None:
    refused: list[tuple[Any, Any, dict[str, Any], str]] = [
        (lm, None, {}, "in-domain samples are missing"),
        (in_domain, make_rows(3), {}, "a store holds its samples already"),
        (in_domain, None, {"site": "mlp_act"}, "a store holds its samples already"),
        (lm, make_rows(1), {}, "1 of 1 in-domain samples can be used, and a direction needs 2"),
        (lm, make_rows(3), {"preset": "best"}, "no preset 'best'; choose one of paper, robust"),
        (lm, make_rows(3), {"sing": "pool"}, "no option 'sing'; choose among pool, center, similarity, layers"),
        (lm, make_rows(3), {"sign": "plus"}, "sign is 'plus', but must be one of drift, drift_masked, pool"),
        (lm, make_rows(3), {"similarity": "l2"}, "similarity is 'l2', but must be one of dot, cosine, zscore"),
    ]
    for model, data, options, message in refused:
        with pytest.raises(DirectionError, match=message):
            fit_direction(model, data, name="d", **options)
    lean = capture(lm, make_rows(4), pool.path.parent / "lean.zarr", template="plain")
    with pytest.raises(StoreError, match="but not 'last'"):
        fit_direction(lean, name="d")


@pytest.mark.parametrize("pool", get_args(CandidatePool))
def test_every_option_of_scoring_can_be_asked_for(in_domain: ActivationStore, pool: Any) -> None:
    for center, similarity in product(get_args(Center), get_args(Similarity)):
        direction = fit(in_domain, None, pool=pool, center=center, similarity=similarity)
        assert direction.score == ScoreOptions(pool, center, similarity)
        assert direction.fit == FitOptions()


# -- the in-domain samples drawn again


@pytest.mark.parametrize("n", [2, 3, 4, 41, 300, 1025])
def test_drawings_are_what_their_names_say(n: int) -> None:
    drawn, shares = resample(n)
    assert shares.shape == (len(drawn), n)
    np.testing.assert_allclose(shares.sum(1), 1)
    counts = np.rint(shares * [[which.rows] for which in drawn]).astype(int)
    np.testing.assert_allclose(counts / counts.sum(1, keepdims=True), shares)
    by_kind = {kind: [i for i, which in enumerate(drawn) if which.kind == kind] for kind in get_args(Kind)}
    halves, bootstraps, firsts = by_kind["half"], by_kind["bootstrap"], by_kind["first"]
    assert len(halves) == (8 if n >= 4 else 0)
    for a, b in zip(halves[::2], halves[1::2], strict=True):
        assert drawn[a] == drawn[b]
        assert counts[a].sum() == counts[b].sum() == n // 2
        assert (counts[a] + counts[b]).max() == 1
    assert n < 41 or len({counts[i].tobytes() for i in halves}) == 8
    assert len(bootstraps) == 8
    assert (counts[bootstraps].sum(1) == n).all()
    assert [drawn[i].rows for i in firsts] == [size for size in (16, 64, 256, 1024) if size < n]
    assert [counts[i].sum() for i in firsts] == [drawn[i].rows for i in firsts]
    for smaller, larger in pairwise(firsts):
        assert (counts[smaller] <= counts[larger]).all()
    np.testing.assert_array_equal(resample(n)[1], shares)
    assert (resample(n, seed=1)[1] != shares).any()


@pytest.mark.parametrize("options", [{}, {"sign": "pool", "last_token": "content"}, {"preset": "robust"}])
def test_a_refit_is_the_fit_to_the_samples_that_were_drawn(
    lm: CausalLM, in_domain_rows: list[Row], pool: ActivationStore, options: dict[str, Any]
) -> None:
    """Each drawing's rows are captured and fitted on their own, a row that was drawn twice given twice."""
    rows = in_domain_rows[:20]

    def fitted(rows: list[Row]) -> Direction:
        unnamed = [{key: value for key, value in row.items() if key != "id"} for row in rows]
        return fit_direction(lm, unnamed, name="d", template="plain", background=pool, **options)

    whole = fitted(rows)
    drawn, shares = resample(len(rows))
    assert whole.resamples == drawn
    assert whole.resampled.dtype == np.float16
    for i in (0, 1, 9, len(drawn) - 1):  # two halves, a bootstrap and the first sixteen
        counts = np.rint(shares[i] * drawn[i].rows).astype(int)
        expected = fitted([rows[j] for j in np.repeat(np.arange(len(rows)), counts)]).vectors
        np.testing.assert_allclose((expected * whole.resampled[i]).sum(1), 1, atol=2e-3)


def test_fitting_again_gives_the_same_bits(in_domain: ActivationStore, pool: ActivationStore) -> None:
    for preset in PRESETS:
        one, two = (fit(in_domain, pool, preset=preset) for _ in range(2))
        assert one.resamples == two.resamples
        for name in ("vectors", "resampled", "explained", "margin", "in_domain_mean"):
            assert getattr(one, name).tobytes() == getattr(two, name).tobytes()


def test_arithmetic_keeps_no_refits_and_names_do(direction: Direction) -> None:
    made = [direction + direction, direction - direction, 2 * direction, -direction]
    for combined in made:
        assert not len(combined.resamples)
        assert combined.resampled.shape == (0, 0, 0)
    for same in (direction.named("x"), direction.scored_by(pool="last")):
        assert same.resamples == direction.resamples
        assert same.resampled is direction.resampled
    assert np.isnan((direction + direction).explained).all()
    assert np.isnan((direction + direction).margin).all()
    np.testing.assert_array_equal((-direction).explained, direction.explained)


def test_a_file_from_before_there_were_refits_is_read(direction: Direction, tmp_path: Path) -> None:
    path = direction.save(tmp_path / "d.direction")
    tensors = load_file(path)
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))["__metadata__"]
    for name in ("resampled", "group_mean", "held_out"):
        del tensors[name]
    values = json.loads(header["direction"])
    del values["resamples"]
    for key in ("pool", "same_last_token", "same_content_token", "tokens", "groups"):
        del values["samples"][key]
    names = ("vectors", "explained", "margin", "in_domain_mean")
    digest = sha256(b"".join(tensors[name].tobytes() for name in names)).hexdigest()
    save_file(tensors, path, {**header, "direction": json.dumps(values), "sha256": digest})
    old = Direction.load(path)
    assert (old.resamples, old.resampled.shape) == ((), (0, 0, 0))
    assert (old.group_mean.shape, old.held_out.shape) == ((0, 0, 0), (0, 0))
    assert old.digest == direction.digest
    np.testing.assert_array_equal(old.vectors, direction.vectors)
    Direction.load(old.save(path))
    # Refits that nobody describes, or descriptions without refits, are damage.
    save_file(load_file(path), path, {**header, "sha256": digest})
    with pytest.raises(DirectionError, match="its resamples are not those that were saved"):
        Direction.load(path)


# -- the value


def test_arithmetic(direction: Direction) -> None:
    other = direction.named("other") * 0.5
    assert other.name == "0.5·other"
    np.testing.assert_array_equal((direction + other).vectors, direction.vectors * np.float32(1.5))
    np.testing.assert_array_equal((direction - other).vectors, direction.vectors * np.float32(0.5))
    np.testing.assert_array_equal((-direction).vectors, -direction.vectors)
    np.testing.assert_array_equal((2 * direction).vectors, 2 * direction.vectors)
    assert ((direction + other).name, (-direction).name) == ("sums + 0.5·other", "−sums")
    with pytest.raises(AttributeError):
        direction.name = "x"  # type: ignore[misc]


def test_scores_of_a_combination_are_the_combination_of_the_scores(pool: ActivationStore, direction: Direction) -> None:
    other = direction.named("other").scored_by() * -3
    scores = score(pool, [direction, other, direction + other])["score"].values[pool.selectable]
    assert close(scores[:, 2], scores[:, 0] + scores[:, 1], 1e-5)


def test_saving_and_loading(robust: Direction, tmp_path: Path) -> None:
    path = robust.scored_by(layers=[0, 2]).save(tmp_path / "d.direction")
    loaded = Direction.load(path)
    for name in Direction.__slots__:
        mine, theirs = getattr(robust.scored_by(layers=[0, 2]), name), getattr(loaded, name)
        if isinstance(mine, np.ndarray):
            np.testing.assert_array_equal(theirs, mine)
            assert theirs.dtype == mine.dtype
        else:
            assert theirs == mine, name
            assert type(theirs) is type(mine)
    assert loaded.digest == robust.scored_by(layers=[0, 2]).digest
    assert list(tmp_path.iterdir()) == [path]


def test_the_digest_tells_what_scores_differently(direction: Direction) -> None:
    others = [-direction, direction * 2, direction.scored_by(pool="last"), direction.scored_by(layers=[0])]
    assert len({d.digest for d in [direction, *others]}) == 5
    assert direction.named("x").digest == direction.digest


def test_files_that_are_no_direction(direction: Direction, tmp_path: Path) -> None:
    path = direction.save(tmp_path / "d.direction")
    sound = path.read_bytes()
    with pytest.raises(DirectionError, match="no direction file at"):
        Direction.load(tmp_path / "absent.direction")

    class Bomb:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "exploded",)

    length = int.from_bytes(sound[:8], "little")
    header = json.loads(sound[8 : 8 + length])
    # One of them is a pickle that makes a file where anybody unpickles it: `load` never does.
    for data in (
        b"", b"text", pickle.dumps(Bomb()), sound[: len(sound) // 2], sound[:-1], sound[:40] + b"\0" + sound[41:]
    ):  # fmt: skip
        path.write_bytes(data)
        with pytest.raises(DirectionError, match="can't be read as a direction"):
            Direction.load(path)
    assert not (tmp_path / "exploded").exists()
    for position in range(8 + length, len(sound), 97):
        flipped = bytearray(sound)
        flipped[position] ^= 1
        path.write_bytes(flipped)
        with pytest.raises(DirectionError, match="is damaged"):
            Direction.load(path)
    path.write_bytes(sound)
    tensors = load_file(path)
    save_file(tensors, path, header["__metadata__"] | {"format": "other"})
    with pytest.raises(DirectionError, match="not a direction of format nait-direction-1"):
        Direction.load(path)
    del tensors["margin"]
    save_file(tensors, path, header["__metadata__"])
    with pytest.raises(DirectionError, match="can't be read as a direction"):
        Direction.load(path)
    values = json.loads(header["__metadata__"]["direction"])
    del values["site"]
    save_file(load_file(direction.save(path)), path, header["__metadata__"] | {"direction": json.dumps(values)})
    with pytest.raises(DirectionError, match="can't be read as a direction"):
        Direction.load(path)


def test_directions_of_other_origin_do_not_mix(
    lm: CausalLM, direction: Direction, in_domain_rows: list[Row], pool: ActivationStore
) -> None:
    foreign = {
        "model": fit_direction(tiny_model("llama", 1), in_domain_rows, name="f", template="plain"),
        "site": fit_direction(lm, in_domain_rows, name="f", template="plain", site="mlp_out"),
        "template": fit_direction(lm, in_domain_rows, name="f", template="alpaca"),
    }
    for kind, other in foreign.items():
        labels = f"{direction.space[kind].label}, there {other.space[kind].label}"
        with pytest.raises(DirectionError, match=f"'sums' is of another {kind} than direction 'f' .{labels}.") as error:
            direction + other
        assert "; fit it with the same" in str(error.value)
        with pytest.raises(DirectionError, match=f"'f' is of another {kind} than store {pool.path}"):
            score(pool, other)
    with pytest.raises(DirectionError, match=r"have other layers \(\(0, 1, 2\) and \(1,\)\)"):
        direction + fit_direction(lm, in_domain_rows, name="f", template="plain", layers=[1])
    with pytest.raises(DirectionError, match="are applied in different ways"):
        direction + direction.scored_by(similarity="cosine")
