"""The inspector widget: one sample, and why it scores as it does."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from nait_widgets.errors import ModelError, SelectionError
from nait_widgets.explaining import TokenContributions, explain, percentiles, promoted_tokens, token_contributions
from nait_widgets.explaining.promoted import SITE
from nait_widgets.explaining.tokens import load_as_captured
from nait_widgets.methods import Direction
from nait_widgets.scored import columns, require_direction
from nait_widgets.scorers import Scorer
from nait_widgets.store import Status
from nait_widgets.widgets.base import Answer, Widget, answers

if TYPE_CHECKING:
    from os import PathLike

    import xarray as xr
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from nait_widgets.explaining import Explanation
    from nait_widgets.models import CausalLM
    from nait_widgets.scored import Scored
    from nait_widgets.store import ActivationStore
    from nait_widgets.widgets.base import Report
    from nait_widgets.widgets.curator import Curator

TOP = 20
PROMOTED = 6
KEPT = 64  # samples whose token contributions are kept
WHOLE = "This method scores a sample as a whole: its score has no parts by layer, neuron or token."


class Inspector(Widget):
    """One sample: its text, what each layer, neuron and token adds to its score, and what its top neurons promote.

    Args:
        store: A complete store.
        model: What captured the store, for tokens: a hub id, a folder, or a loaded model; None to do without.
        scores: What `score` returned for the store. Without them, the sample's strongest neurons are shown.
        curator: Whose current sample is followed, and whose scores are taken where none are given.
        sample_id: Which sample first; None for the curator's, or the one that scores highest.
        tokenizer: For a loaded model.

    Attributes:
        sample_id: The sample that is shown; can be set and observed.
        direction: Name of the direction that it is explained by; can be set and observed. Empty without scores. Of
            another scorer the score is shown, which has no parts by layer, neuron or token.

    Raises:
        SelectionError: The scores are not of this store.
        StoreError: No sample has that id, or the store keeps scores only.
    """

    sample_id = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    direction = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        store: ActivationStore,
        model: str | PathLike[str] | PreTrainedModel | CausalLM | None = None,
        *,
        scores: xr.Dataset | None = None,
        curator: Curator | None = None,
        sample_id: str | None = None,
        tokenizer: PreTrainedTokenizerBase | None = None,
    ) -> None:
        store.require_complete()
        store.require_activations()
        scores = curator.scores if scores is None and curator is not None else scores
        if scores is not None and not store.is_same(scores.attrs["store"]):
            raise SelectionError(f"these scores are not of {store.path}: score it with `nait.score`")
        self._store, self._model, self._tokenizer, self._scores = store, model, tokenizer, scores
        self._scored = {each.name: each for each in columns(scores)} if scores is not None else {}
        self._token_contributions = lru_cache(KEPT)(self._contributions_of_tokens)
        self._promoted_tokens = lru_cache(KEPT * TOP)(self._tokens_of_neuron)
        super().__init__(kind="inspector", direction=next(iter(self._scored), ""))
        if curator is not None:
            # A curator without a current sample leaves the inspector where it is.
            traitlets.dlink((curator, "current"), (self, "sample_id"), lambda current: current or self.sample_id)
        self.sample_id = sample_id or self.sample_id or self._first()

    @property
    def explanation(self) -> Explanation:
        """The exact contributions to the score that is shown.

        Raises:
            StoreError: The sample was quarantined.
            SelectionError: There are no scores.
            DirectionError: The score is a scorer's, which has no parts.
        """
        return explain(self._store, str(self.sample_id), self._scored_by({}), self._scores)

    @traitlets.validate("sample_id")
    def _known_sample(self, proposal: Any) -> str | None:
        if proposal["value"] is not None:
            self._store.index(proposal["value"])
        return str(proposal["value"]) if proposal["value"] is not None else None

    @traitlets.validate("direction")
    def _known_direction(self, proposal: Any) -> str:
        name = str(proposal["value"])
        if name not in self._scored and name != "":
            raise SelectionError(f"there is no direction {name!r} here; choose among {', '.join(self._scored)}")
        return name

    # -- the page's questions; each names the sample and the direction, for the page may have moved on

    @answers("sample")
    def _sample(self, body: dict[str, Any]) -> Answer:
        """The sample as the store has it, and its score's terms by layer and neuron."""
        store, sample_id = self._store, str(body["id"])
        row = store.index(sample_id)
        status = Status(int(store.status[row]))
        texts = {"prompt": "", "response": ""}
        if store.layout.text:
            texts = {name: next(store.text(name, [row])) for name in texts}
        about = {
            "id": sample_id,
            "status": status.label.replace("_", " "),
            "quarantined": not store.selectable[row],
            "tokens": int(store.n_tokens[row]),
            "directions": list(self._scored),
            "hasText": store.layout.text,
            "model": self._model is not None,
            "promotes": self._model is not None and store.layout.site == SITE,
            **texts,
        }
        if about["quarantined"]:
            return Answer({**about, "neurons": []})
        if self._scores is None:
            return Answer({**about, "neurons": self._strongest(row)})
        scored = self._scored_by(body)
        if isinstance(scored, Scorer):
            score = float(self._scores["score"].sel(direction=scored.name)[row])
            # JSON has no NaN.
            about |= {"score": None if np.isnan(score) else score, "whole": WHOLE}
            return Answer({**about, "neurons": self._strongest(row)})
        explanation = explain(store, sample_id, scored, self._scores)
        neurons = [neuron._asdict() for neuron in explanation.top(TOP)]
        about |= {"score": explanation.score, "layers": explanation.layers, "neurons": neurons}
        return Answer(about, {"byLayer": explanation.by_layer})

    @answers("percentiles", in_background=True)
    def _percentiles(self, body: dict[str, Any], _report: Report) -> Answer:
        """Where the neurons' values stand in the pool of samples."""
        if self._moved_on(body):
            return Answer()
        scored = self._scored_by(body) if self._scored else None
        pool = scored.score.pool if isinstance(scored, Direction) else self._store.layout.pools[0]
        terms = [(int(layer), int(neuron), float(value)) for layer, neuron, value in body["neurons"]]
        found = percentiles(self._store, terms, pool)
        return Answer({"rows": found.n_rows}, {"shares": found.shares})

    @answers("promoted", in_background=True)
    def _promoted(self, body: dict[str, Any], report: Report) -> Answer:
        """The tokens that each neuron makes likelier."""
        texts: list[list[str]] = []
        for layer, neuron, _ in body["neurons"]:
            if self._moved_on(body):
                return Answer()
            texts.append(self._promoted_tokens(int(layer), int(neuron)))
            report(len(texts), len(body["neurons"]))
        return Answer(texts)

    @answers("tokens", in_background=True)
    def _tokens(self, body: dict[str, Any], _report: Report) -> Answer:
        """What each token adds to the score."""
        if self._moved_on(body):
            return Answer()
        found = self._token_contributions(str(body["id"]), str(body["direction"]))
        return Answer(
            {"tokens": found.tokens, "constant": found.constant, "score": found.score},
            {"contributions": found.contributions, "inPool": found.in_pool.astype(np.uint8)},
        )

    def _contributions_of_tokens(self, sample_id: str, direction: str) -> TokenContributions:
        asked = require_direction(self._scored_by({"direction": direction}))
        return token_contributions(self._store, sample_id, asked, self._lm, self._scores)

    def _tokens_of_neuron(self, layer: int, neuron: int) -> list[str]:
        return [token for token, _ in promoted_tokens(self._lm, layer, neuron, PROMOTED)]

    @cached_property
    def _lm(self) -> CausalLM:
        """The model, loaded once and only if it is the store's."""
        captured = self._store.provenance["model"]
        assert self._model is not None
        lm = load_as_captured(self._store, self._model, self._tokenizer)
        if lm.identity.as_dict()["weights_hash"] != captured["weights_hash"]:
            raise ModelError(
                f"{self._store.path} was captured with {captured['name']}, and {lm.identity.as_dict()['name']} here "
                "has other weights; give the model that it was captured with"
            )
        return lm

    def _scored_by(self, body: dict[str, Any]) -> Scored:
        """The direction or scorer that a question names, or the one that is shown."""
        name = str(body.get("direction", self.direction))
        if name not in self._scored:
            raise SelectionError("there are no scores to explain: give them by Inspector(…, scores=…)")
        return self._scored[name]

    def _moved_on(self, body: dict[str, Any]) -> bool:
        moved: bool = (body["id"], body["direction"]) != (self.sample_id, self.direction)
        return moved

    def _first(self) -> str:
        """The sample that scores highest; without scores, the first that may be selected."""
        best = self._store.selectable.astype(np.float64)
        if self._scores is not None:
            best = np.nan_to_num(self._scores["score"].to_numpy().reshape(len(best), -1)[:, 0], nan=-np.inf)
        return str(self._store.sample_id[int(best.argmax())])

    def _strongest(self, row: int) -> list[dict[str, Any]]:
        """The neurons of the largest activation, either way."""
        index, value = (
            np.asarray(self._store.array(f"top_neuron_{kind}")[row]) for kind in ("index", "value")
        )  # (layer, rank)
        order = np.argsort(-np.abs(value), axis=None, kind="stable")[:TOP]
        return [
            {
                "layer": self._store.layout.layers[layer],
                "neuron": int(index[layer, rank]),
                "activation": float(value[layer, rank]),
                "contribution": None,
            }
            for layer, rank in zip(*np.unravel_index(order, value.shape), strict=True)
        ]
