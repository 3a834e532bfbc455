from __future__ import annotations

from typing import Any

import pytest
import torch
from tiny import ARCHITECTURES, tiny_model
from torch.nn.functional import cross_entropy

from nait_widgets.errors import ModelError
from nait_widgets.models import check_head, response_nll

SPANS = [(3, 9), (0, 4), (8, 9), (5, 5)]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("chunk", [1, 4, 512])
def test_response_nll_is_the_models_own_cross_entropy(architecture: str, chunk: int) -> None:
    lm = tiny_model(architecture)
    check_head(lm)
    ids = lm.ordinary_ids(36).reshape(4, 9)
    logits = lm.model(input_ids=ids).logits
    nll = response_nll(lm, lm.last_hidden(ids), ids, SPANS, chunk=chunk)
    assert nll.dtype == torch.float32
    for row, (start, stop) in enumerate(SPANS[:3]):
        first = max(start, 1)
        torch.testing.assert_close(nll[row], cross_entropy(logits[row, first - 1 : stop - 1], ids[row, first:stop]))
    assert nll[3].isnan()


def test_a_batch_of_empty_responses_is_nan() -> None:
    lm = tiny_model("llama")
    ids = lm.ordinary_ids(6).reshape(2, 3)
    assert response_nll(lm, lm.last_hidden(ids), ids, [(0, 1), (3, 3)]).isnan().all()


def test_softcap_and_scale_are_more_than_rounding() -> None:
    for architecture in ("gemma2", "cohere", "granite"):
        lm = tiny_model(architecture)
        hidden = lm.last_hidden(lm.ordinary_ids(8)[None])
        own = lm.model(input_ids=lm.ordinary_ids(8)[None]).logits
        assert (lm.head(hidden) - own).abs().max() > 1e-2


def test_a_head_that_the_config_does_not_tell_is_refused() -> None:
    lm = tiny_model("llama")
    model: Any = lm.model
    plain = model.forward

    def forward(**kwargs: Any) -> Any:
        output = plain(**kwargs)
        output.logits = 2 * output.logits
        return output

    model.forward = forward
    with pytest.raises(ModelError, match="no response loss can be had of it: capture without the extras 'loss' and"):
        check_head(lm)
