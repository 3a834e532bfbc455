"""Tiny random models and a tokenizer, built from their configs in milliseconds: no file, no network."""

from __future__ import annotations

from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from nait_widgets.models import CausalLM, load_model

VOCABULARY = 300
HIDDEN, WIDE, LAYERS = 32, 48, 3

_GROUPED: dict[str, Any] = {
    "hidden_size": HIDDEN,
    "intermediate_size": WIDE,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 12,  # so that attention's own width is the MLP's: 4 * 12 = 48
    "max_position_embeddings": 256,
}
_EXPERTS: dict[str, Any] = {"num_experts_per_tok": 2, "num_experts": 4, "moe_intermediate_size": 24}

DENSE: dict[str, dict[str, Any]] = {
    "llama": _GROUPED,
    "mistral": _GROUPED,
    "qwen2": {k: v for k, v in _GROUPED.items() if k != "head_dim"},
    "qwen3": _GROUPED,
    "gemma2": {**_GROUPED, "final_logit_softcapping": 3.0},
    "gemma3_text": _GROUPED,
    "phi3": {**{k: v for k, v in _GROUPED.items() if k != "head_dim"}, "pad_token_id": 2},
    "granite": {**{k: v for k, v in _GROUPED.items() if k != "head_dim"}, "logits_scaling": 4.0},
    "cohere": {**{k: v for k, v in _GROUPED.items() if k != "head_dim"}, "logit_scale": 0.25},
    "gpt2": {"n_embd": HIDDEN, "n_inner": WIDE, "n_layer": LAYERS, "n_head": 4, "n_positions": 256},
    "gpt_neox": {**{k: v for k, v in _GROUPED.items() if k not in ("head_dim", "num_key_value_heads")}},
    "opt": {
        "hidden_size": HIDDEN,
        "word_embed_proj_dim": HIDDEN,
        "ffn_dim": WIDE,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "max_position_embeddings": 256,
    },
}
"""Architectures with a dense MLP, all of hidden width `HIDDEN` and `WIDE` neurons in `LAYERS` layers."""

MOE: dict[str, dict[str, Any]] = {
    "mixtral": {**_GROUPED, "num_local_experts": 4},
    "qwen3_moe": {**_GROUPED, **_EXPERTS, "mlp_only_layers": [0]},
    "qwen2_moe": {
        **{k: v for k, v in _GROUPED.items() if k != "head_dim"},
        **_EXPERTS,
        "shared_expert_intermediate_size": WIDE,
    },
}
"""Architectures with experts: all layers of Mixtral and Qwen2-MoE, all but layer 0 of Qwen3-MoE."""

ARCHITECTURES: tuple[str, ...] = (*DENSE, *MOE)

_TEXT = [
    "Add the numbers two and three, then say why the sum is five.",
    "def add(a, b):\n    return a + b",
    "The river runs past the old mill and into the lake.",
]


def tiny_tokenizer() -> PreTrainedTokenizerBase:
    """A byte-level BPE of `VOCABULARY` tokens or a few less: any text round-trips; 0 `<s>`, 1 `</s>`, 2 `<pad>`."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<s>", "</s>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(_TEXT, trainer)
    make: Any = PreTrainedTokenizerFast
    tokenizer: PreTrainedTokenizerBase = make(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>", pad_token="<pad>", model_max_length=256
    )
    return tokenizer


def bare_model(
    architecture: str, seed: int = 0, *, dtype: torch.dtype = torch.float32, **changes: Any
) -> PreTrainedModel:
    """A random model without its tokenizer; `changes` override its config. Global random state is left as it was."""
    config = AutoConfig.for_model(
        architecture,
        **{
            "vocab_size": VOCABULARY,
            "bos_token_id": 0,
            "eos_token_id": 1,
            "initializer_range": 0.1,
            **(DENSE | MOE)[architecture],
            **changes,
        },
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        build: Any = AutoModelForCausalLM.from_config
        model: PreTrainedModel = build(config, dtype=dtype)
    return model


def tiny_model(architecture: str = "llama", seed: int = 0, **changes: Any) -> CausalLM:
    """A random model of one of `ARCHITECTURES` with `tiny_tokenizer`; `changes` override its config."""
    return load_model(bare_model(architecture, seed, **changes), tokenizer=tiny_tokenizer())
