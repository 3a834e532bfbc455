"""The kernel's half of the inspector, against the model run by hand."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import plain
import pytest
from conftest import EMPTY_ROW, make_rows
from tiny import tiny_model

from nait_widgets import Curator, Direction, capture, score
from nait_widgets.errors import SelectionError, StoreError
from nait_widgets.models import CausalLM
from nait_widgets.records import Renderer, read_records
from nait_widgets.store import ActivationStore
from nait_widgets.widgets.inspector import TOP, Inspector

if TYPE_CHECKING:
    import xarray as xr

ROW = 256


@pytest.fixture(scope="module")
def scores(pool: ActivationStore, direction: Direction, robust: Direction) -> xr.Dataset:
    return score(pool, [direction, robust])


class Page:
    """What a page gets for its questions."""

    def __init__(self, widget: Inspector, monkeypatch: pytest.MonkeyPatch) -> None:
        self.widget, self._sent = widget, list[tuple[dict[str, Any], list[memoryview]]]()
        monkeypatch.setattr(widget, "send", lambda content, buffers=None: self._sent.append((content, buffers or [])))

    def ask(self, question: str, **body: Any) -> tuple[Any, dict[str, Any]]:
        """Body and arrays of the answer; an error's sentence as the body."""
        body = {"id": self.widget.sample_id, "direction": self.widget.direction, **body}
        self.widget._asked(None, {"id": 1, "ask": question, "body": body}, [])
        self.widget._worker.submit(lambda: None).result()
        message, buffers = self._sent[-1]
        if "error" in message:
            return message["error"]["sentence"], {}
        heads = message["arrays"]
        arrays = {h["name"]: np.frombuffer(b, h["dtype"]) for h, b in zip(heads, buffers, strict=True)}
        return json.loads(json.dumps(message["answer"], allow_nan=False)), arrays


@pytest.fixture
def page(pool: ActivationStore, lm: CausalLM, scores: xr.Dataset, monkeypatch: pytest.MonkeyPatch) -> Page:
    return Page(Inspector(pool, lm, scores=scores, sample_id=str(pool.sample_id[ROW])), monkeypatch)


def test_a_sample_comes_with_its_text_and_exact_terms(
    page: Page, pool: ActivationStore, pool_rows: list[dict[str, Any]], direction: Direction, scores: xr.Dataset
) -> None:
    body, arrays = page.ask("sample")
    terms = pool.pool("mean").take(np.array([ROW]))[0].astype(np.float64) * direction.vectors
    assert body["score"] == pytest.approx(float(scores["score"][ROW, 0]))
    np.testing.assert_allclose(arrays["byLayer"], terms.sum(axis=1), rtol=1e-9)
    order = np.argsort(-np.abs(terms).ravel())[:TOP]
    assert [(n["layer"], n["neuron"]) for n in body["neurons"]] == [divmod(int(i), terms.shape[1]) for i in order]
    np.testing.assert_allclose([n["contribution"] for n in body["neurons"]], terms.ravel()[order], rtol=1e-9)
    assert (body["status"], body["quarantined"], body["tokens"]) == ("ok", False, pool.n_tokens[ROW])
    assert body["response"] == pool_rows[ROW]["output"]
    assert body["directions"] == ["sums", "robust sums"]


def test_tokens_add_up_to_what_the_model_run_alone_gives(
    page: Page, lm: CausalLM, pool_rows: list[dict[str, Any]], direction: Direction
) -> None:
    body, arrays = page.ask("tokens")
    (sample,) = Renderer(lm.tokenizer, template="plain").render([list(read_records(pool_rows))[ROW]])
    tokens = plain.activations(lm, sample)["resid_post"]
    expected = np.einsum("ltd,ld->t", tokens, direction.vectors.astype(np.float64)) / tokens.shape[1]
    assert plain.close(arrays["contributions"], expected, 1e-4)
    assert arrays["inPool"].all()
    assert body["constant"] == 0
    assert "".join(body["tokens"]) == lm.tokenizer.decode(sample.input_ids.tolist())
    assert body["score"] == pytest.approx(page.ask("sample")[0]["score"], rel=2e-2)  # the store's is float16


def test_a_sample_is_run_once_only(page: Page, lm: CausalLM) -> None:
    runs: list[int] = []
    handle = lm.backbone.register_forward_pre_hook(lambda *_: runs.append(1))
    try:
        first = page.ask("tokens")[1]["contributions"]
        assert runs
        runs.clear()
        np.testing.assert_array_equal(page.ask("tokens")[1]["contributions"], first)
        assert not runs
    finally:
        handle.remove()


def test_percentiles_stand_in_the_whole_pool(page: Page, pool: ActivationStore) -> None:
    neurons = page.ask("sample")[0]["neurons"][:3]
    terms = [[n["layer"], n["neuron"], n["activation"]] for n in neurons]
    body, arrays = page.ask("percentiles", neurons=terms)
    kept = pool.pool("mean").take(np.flatnonzero(pool.selectable))
    for share, (layer, neuron, value) in zip(arrays["shares"], terms, strict=True):
        column = sorted(kept[:, layer, neuron].tolist())
        below, ties = sum(v < value for v in column), sum(v == value for v in column)
        assert share == pytest.approx((below + ties / 2) / len(column))
    assert body["rows"] == len(kept) == 698


def test_neurons_of_the_mlp_promote_tokens(lm: CausalLM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = capture(lm, make_rows(20), tmp_path / "mlp.zarr", site="mlp_act", template="plain")
    page = Page(Inspector(store, lm), monkeypatch)
    body, _ = page.ask("sample")
    assert body["promotes"]
    neurons = [[n["layer"], n["neuron"], n["activation"]] for n in body["neurons"]]
    promoted, _ = page.ask("promoted", neurons=neurons)
    model: Any = lm.model
    for (layer, neuron, _), texts in zip(neurons, promoted, strict=True):
        column = model.model.layers[layer].mlp.down_proj.weight[:, neuron] * model.model.norm.weight
        logits = (model.lm_head.weight @ column)[: len(lm.tokenizer)]
        assert texts == [lm.tokenizer.decode([i]) for i in logits.topk(len(texts)).indices.tolist()]


def test_without_scores_the_strongest_neurons_are_told(pool: ActivationStore, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page(Inspector(pool, sample_id=str(pool.sample_id[ROW])), monkeypatch)
    body, arrays = page.ask("sample")
    values = pool.pool("mean").take(np.array([ROW]))[0]
    expected = np.sort(np.abs(values).ravel())[::-1][:TOP]
    np.testing.assert_allclose(np.abs([n["activation"] for n in body["neurons"]]), expected, rtol=2e-3)
    assert "score" not in body
    assert not arrays
    assert (body["model"], body["promotes"]) == (False, False)
    assert "give them by Inspector" in page.ask("tokens")[0]


def test_a_quarantined_sample_has_its_status_and_no_score(page: Page, pool: ActivationStore) -> None:
    body, arrays = page.ask("sample", id=str(pool.sample_id[EMPTY_ROW]))
    assert (body["status"], body["quarantined"], body["neurons"], arrays) == ("empty", True, [], {})
    assert "score" not in body


def test_background_work_ends_where_the_page_has_moved_on(page: Page, pool: ActivationStore) -> None:
    other = str(pool.sample_id[0])
    for question in ("tokens", "percentiles", "promoted"):
        assert page.ask(question, id=other, neurons=[[0, 0, 0.0]]) == (None, {})


def test_it_follows_a_curator(copy: ActivationStore, direction: Direction) -> None:
    curator = Curator(copy, score(copy, direction))
    widget = Inspector(copy, curator=curator)
    best = int(np.nanargmax(curator.scores["score"].values[:, 0]))
    assert widget.sample_id == copy.sample_id[best]
    for row in (3, 9):
        curator.current = str(copy.sample_id[row])
        assert widget.sample_id == copy.sample_id[row]
    assert widget.explanation.score == pytest.approx(float(curator.scores["score"][9, 0]))
    curator.current = None
    assert widget.sample_id == copy.sample_id[9]


def test_what_does_not_fit_is_refused(
    pool: ActivationStore, copy: ActivationStore, scores: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SelectionError, match="these scores are not of"):
        Inspector(copy, scores=scores)
    widget = Inspector(pool, scores=scores)
    with pytest.raises(StoreError, match="has no sample 'nobody'"):
        widget.sample_id = "nobody"
    with pytest.raises(SelectionError, match="no direction 'north' here; choose among sums, robust sums"):
        widget.direction = "north"
    page = Page(Inspector(pool, tiny_model("llama", seed=1), scores=scores), monkeypatch)
    assert "has other weights; give the model that it was captured with" in page.ask("tokens")[0]
    assert "has no sample 'nobody'" in page.ask("sample", id="nobody")[0]


def test_a_kind_of_widget_answers_as_its_base_and_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        class Own(Inspector):
            pass

    assert Own._answerers == Inspector._answerers
    assert set(Own._answerers) >= {"sample", "tokens"}
