"""What each token of a sample adds to its score: pooling is linear, so one more forward of the row tells."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.errors import ModelError, StoreError
from nait_widgets.explaining.contributions import divisors, layer_weights, scored_layers, scored_row
from nait_widgets.methods import space
from nait_widgets.records import Record, Renderer
from nait_widgets.records.schemas import Schema
from nait_widgets.scored import require_direction

if TYPE_CHECKING:
    import os

    import numpy.typing as npt
    import torch
    import xarray as xr
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from nait_widgets.methods import Direction
    from nait_widgets.models import CausalLM
    from nait_widgets.records import Rendered
    from nait_widgets.store import ActivationStore

    Floats = npt.NDArray[np.float64]

_INCOMPLETE = "\ufffd"  # what decoders write for bytes that are no whole character yet


@dataclass(frozen=True, slots=True, eq=False)
class TokenContributions:
    """The terms of one sample's score, token by token.

    Attributes:
        sample_id: The sample.
        direction: The direction's name.
        tokens: The text of each token; together they are the rendered text. A character that several tokens share
            stands with the last of them.
        token_ids: (token,) int32.
        contributions: What each token adds to the score, (token,) float64.
        in_pool: Whether the direction's pool counts the token at all, (token,).
        constant: What is the same for every sample: the mean that is taken off where scores are centred or z-scored.
            (Of a centred cosine it is divided by the sample's own norm.)
    """

    sample_id: str
    direction: str
    tokens: tuple[str, ...]
    token_ids: npt.NDArray[np.int32]
    contributions: Floats
    in_pool: npt.NDArray[np.bool_]
    constant: float

    @property
    def total(self) -> float:
        """The sum of the tokens: the score without its constant part."""
        return float(self.contributions.sum())

    @property
    def score(self) -> float:
        """The sample's score, but for the rounding of the store's float16."""
        return self.total + self.constant


def token_contributions(
    store: ActivationStore,
    sample_id: str,
    direction: Direction,
    model: str | os.PathLike[str] | PreTrainedModel | CausalLM,
    scores: xr.Dataset | None = None,
    tokenizer: PreTrainedTokenizerBase | None = None,
) -> TokenContributions:
    """What each token of a sample adds to its score, by running that one row again as it was captured.

    Args:
        store: The store that holds the sample, captured with its text.
        sample_id: Which one.
        direction: Of the same model, site and template.
        model: The model that the store was captured with: a hub id, a folder, or a loaded model.
        scores: What `score` returned for that direction, which saves a pass over the store.
        tokenizer: For a loaded model.

    Raises:
        StoreError: There is no such sample, it was quarantined, or the store can't say what its text was.
        DirectionError: The direction doesn't belong to the store, or to the scores; or it is another scorer.
        ModelError: The model can't be loaded, or isn't the one that the store was captured with.
    """
    from nait_widgets.capturing.pooling import token_weights

    direction = require_direction(direction)
    row = scored_row(store, sample_id)
    record = _record(store, row)
    scored = scored_layers(store, direction, scores)
    lm = load_as_captured(store, model, tokenizer)
    sample = _render_as_captured(store, lm, record, row)

    pool = direction.score.pool
    values = store.pool(pool).take(np.array([row]))[0].astype(np.float64)
    if direction.score.similarity == "cosine" and direction.score.center == "pool":
        values -= store.statistics(pool).mean
    by = divisors(direction, values, scored)
    weights = layer_weights(store, direction)
    projections = _projections(lm, store, sample, weights / by[:, None])
    special = np.array(sorted(set(lm.tokenizer.all_special_ids)), np.int32)
    token_weight = token_weights([sample], [pool], special, len(sample.input_ids))[0, 0]
    return TokenContributions(
        sample_id=sample_id,
        direction=direction.name,
        tokens=pieces(lm.tokenizer, sample.input_ids.tolist()),
        token_ids=sample.input_ids,
        contributions=token_weight * projections,
        in_pool=token_weight != 0,
        constant=0.0 - float((scored.mean * weights.any(axis=1) / by).sum()),  # not −0.0
    )


def load_as_captured(
    store: ActivationStore,
    model: str | os.PathLike[str] | PreTrainedModel | CausalLM,
    tokenizer: PreTrainedTokenizerBase | None = None,
) -> CausalLM:
    """A model in the precision that a store was captured in; a loaded one keeps its own."""
    from os import PathLike

    from nait_widgets.models import load_model

    loading = {"dtype": store.provenance["model"]["dtype"]} if isinstance(model, str | PathLike) else {}
    return load_model(model, tokenizer=tokenizer, **loading)


def pieces(tokenizer: PreTrainedTokenizerBase, ids: list[int]) -> tuple[str, ...]:
    """The text of each token such that together they are the text of all.

    A token is decoded together with those before it back to the last whole character, since a decoder may treat the
    first one in its own way (Llama's drops its space).
    """
    out: list[str] = []
    start = done = 0  # ids[start:done] are the last tokens whose text is out

    def decode(stop: int) -> str:
        text = tokenizer.decode(ids[start:stop], clean_up_tokenization_spaces=False)
        assert isinstance(text, str)
        return text

    for stop in range(1, len(ids) + 1):
        before, after = decode(done), decode(stop)
        if after.endswith(_INCOMPLETE) and stop < len(ids):
            out.append("")
            continue
        out.append(after[len(before) :])
        start, done = done, stop
    return tuple(out)


def _projections(lm: CausalLM, store: ActivationStore, sample: Rendered, weights: Floats) -> Floats:
    """Sum over layers of every token's activation times the weights: (token,)."""
    import torch

    from nait_widgets.models import find_site, tapped

    site = find_site(lm, store.layout.site, store.layout.layers)
    total = np.zeros(len(sample.input_ids))

    def project(layer: int, values: torch.Tensor) -> None:
        own = torch.from_numpy(weights[store.layout.layers.index(layer)].astype(np.float32)).to(values.device)
        total[:] += (values[0].float() @ own).cpu().numpy()

    ids = torch.from_numpy(sample.input_ids[None].astype(np.int64)).to(lm.device)
    with torch.inference_mode(), tapped(site, project):
        lm.last_hidden(ids)
    return total


def _record(store: ActivationStore, row: int) -> Record:
    """The row's record, read again from the source's own row."""
    source = store.provenance["source"]
    schema = Schema(source["name"], source["format"], source["fields"])
    if not store.layout.text:
        raise StoreError(
            f"{store.path} was captured without text, so its rows can't be run again; capture it with `text=True`"
        )
    original: dict[str, Any] = json.loads(next(store.text("original", [row])))
    return Record(str(store.sample_id[row]), row, schema.turns(original, row + 1), original)


def _render_as_captured(store: ActivationStore, lm: CausalLM, record: Record, row: int) -> Rendered:
    """The row as the model read it.

    Raises:
        ModelError: The model or its template is another.
        StoreError: The row gives other tokens than it did.
    """
    template = store.provenance["template"]
    renderer = Renderer(lm.tokenizer, template=template["name"], max_length=template["max_length"])
    captured = space(store.provenance["model"], template, store.layout.site)
    here = space(lm.identity.as_dict(), {"name": renderer.name, "digest": renderer.digest}, store.layout.site)
    for kind, mine in here.items():
        if mine.identity != captured[kind].identity:
            raise ModelError(
                f"{store.path} was captured with another {kind} ({captured[kind].label}, here {mine.label}); "
                f"give the {kind} that it was captured with"
            )
    (sample,) = renderer.render([record])
    ends = [int(np.asarray(store.array(f"{end}_token_id")[row])) for end in ("first", "last")]
    if len(sample.input_ids) != store.n_tokens[row] or sample.input_ids[[0, -1]].tolist() != ends:
        raise StoreError(
            f"sample {record.id!r} gives {len(sample.input_ids)} tokens here and gave {store.n_tokens[row]} when "
            f"{store.path} was captured; give the tokenizer that it was captured with"
        )
    return sample
