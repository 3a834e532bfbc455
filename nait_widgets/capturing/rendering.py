"""The renderer of a model: none of its samples is longer than the model's context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nait_widgets.errors import ModelError
from nait_widgets.records import Renderer

if TYPE_CHECKING:
    from nait_widgets.models import CausalLM


def renderer_for(lm: CausalLM, template: str | None, max_length: int | None) -> Renderer:
    """A renderer by a model's tokenizer.

    Args:
        lm: The model.
        template: See `Renderer`.
        max_length: Tokens at which a sample is cut; None for the tokenizer's limit (2,048 where it names none) or the
            model's context, whichever is shorter.

    Raises:
        ModelError: `max_length` is below 2 or beyond the model's context, or there is no such template.
    """
    limit = lm.max_length
    if max_length is not None and max_length < 2:
        raise ModelError(f"max_length is {max_length}, but a sample needs at least 2 tokens")
    if max_length is not None and limit is not None and max_length > limit:
        raise ModelError(f"max_length is {max_length}, but the model's context is {limit} tokens")
    renderer = Renderer(lm.tokenizer, template=template, max_length=max_length)
    if limit is not None and renderer.max_length > limit:  # the tokenizer's own limit, or the default
        return Renderer(lm.tokenizer, template=template, max_length=limit)
    return renderer
