from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import HIDDEN, LAYERS, bare_model, tiny_model, tiny_tokenizer
from transformers import BertConfig, BertForMaskedLM, T5Config, T5ForConditionalGeneration

from nait_widgets.errors import ModelError
from nait_widgets.models import load_model
from nait_widgets.models.identity import tokenizer_hash, weights_hash


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "tiny-llama"
    bare_model("llama", dtype=torch.bfloat16).save_pretrained(path)
    tiny_tokenizer().save_pretrained(path)
    return path


def test_a_folder_loads_ready_to_read(folder: Path) -> None:
    for source in (folder, str(folder)):
        lm = load_model(source, device="cpu")
        assert (lm.n_layers, lm.max_length, lm.device.type) == (LAYERS, 256, "cpu")
        assert not lm.model.training
        assert not any(p.requires_grad for p in lm.model.parameters())
        assert lm.last_hidden(lm.ordinary_ids(5)[None]).shape == (1, 5, HIDDEN)
        identity = lm.identity
        assert (identity.name, identity.revision) == ("tiny-llama", None)
        assert (identity.architecture, identity.quantization) == ("LlamaForCausalLM", None)
        assert json.loads(json.dumps(identity.as_dict()))["attention"] == "sdpa"


def test_half_precision_becomes_float32_on_a_cpu_unless_asked_for(folder: Path) -> None:
    assert load_model(folder, device="cpu").identity.dtype == "float32"
    assert load_model(folder, device="cpu", dtype="bfloat16").identity.dtype == "bfloat16"
    assert load_model(folder, device="cpu", dtype="float64").identity.dtype == "float64"


def test_the_attention_implementation_is_an_option(folder: Path) -> None:
    assert load_model(folder, device="cpu", attention="eager").identity.attention == "eager"
    with pytest.raises(ModelError, match=r"can't be loaded .*nonsense"):
        load_model(folder, device="cpu", attention="nonsense")


def test_a_loaded_model_needs_its_tokenizer_and_takes_no_options(folder: Path) -> None:
    model = bare_model("llama")
    with pytest.raises(ModelError, match=r"needs its tokenizer: pass tokenizer="):
        load_model(model)
    lm = load_model(model, tokenizer=folder)
    assert lm.model is model
    assert load_model(lm) is lm
    with pytest.raises(ModelError, match="already loaded, so dtype can't apply"):
        load_model(lm, dtype="float32")
    with pytest.raises(ModelError, match="not Linear"):
        load_model(torch.nn.Linear(2, 2), tokenizer=tiny_tokenizer())  # type: ignore[arg-type]


def test_a_model_without_a_head_is_refused() -> None:
    model: Any = bare_model("llama")
    with pytest.raises(ModelError, match="no language-model head"):
        load_model(model.model, tokenizer=tiny_tokenizer())


@pytest.mark.parametrize("source", ["/no/such/folder", "./nowhere", "~/models/x", "a/b/c", "C:\\models\\x"])
def test_a_folder_that_does_not_exist(source: str) -> None:
    with pytest.raises(ModelError, match="there is no folder"):
        load_model(source)


def test_folders_that_lack_something(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no model \(no config.json\)"):
        load_model(tmp_path)
    with pytest.raises(ModelError, match="is a file: give the folder"):
        load_model(folder / "model.safetensors")
    with pytest.raises(ModelError, match="has no revision 'main'"):
        load_model(folder, revision="main")
    for file in folder.glob("token*"):
        file.unlink()
    with pytest.raises(ModelError, match="has no tokenizer"):
        load_model(folder)
    assert load_model(folder, tokenizer=tiny_tokenizer(), device="cpu").identity.name == "tiny-llama"
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="has no weights"):
        load_model(folder, tokenizer=tiny_tokenizer())


def test_weights_that_are_damaged_or_incomplete(folder: Path) -> None:
    weights = folder / "model.safetensors"
    tensors = load_file(weights)
    del tensors["model.layers.1.mlp.down_proj.weight"]
    save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks 1 of the weights .* such as model.layers.1.mlp.down_proj.weight"):
        load_model(folder, device="cpu")
    weights.write_bytes(b"not safetensors")
    with pytest.raises(ModelError, match="can't be loaded"):
        load_model(folder, device="cpu")


def test_options_that_do_not_exist(folder: Path) -> None:
    with pytest.raises(ModelError, match="no dtype 'int3': choose auto, float64, float32"):
        load_model(folder, dtype="int3")
    with pytest.raises(ModelError, match="the device 'abacus' can't be used here"):
        load_model(folder, device="abacus")
    if not torch.cuda.is_available():
        with pytest.raises(ModelError, match="the device 'cuda' can't be used here"):
            load_model(folder, device="cuda")


def test_an_encoder_is_refused_from_a_folder(tmp_path: Path) -> None:
    config = BertConfig(
        vocab_size=300, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48
    )
    BertForMaskedLM(config).save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="not a causal language model"):
        load_model(tmp_path, device="cpu")


def test_an_encoder_decoder_is_refused_from_a_folder_and_from_memory(tmp_path: Path) -> None:
    config = T5Config(vocab_size=300, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4)
    model = T5ForConditionalGeneration(config)
    with pytest.raises(ModelError, match="is an encoder-decoder"):
        load_model(model, tokenizer=tiny_tokenizer())
    model.save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="is not a causal language model"):
        load_model(tmp_path, device="cpu")


CODE = """
from transformers import LlamaConfig, LlamaForCausalLM
class OwnConfig(LlamaConfig):
    model_type = "own"
class OwnModel(LlamaForCausalLM):
    config_class = OwnConfig
"""

# In a process of its own, since transformers reads these environment variables when it is imported.
IN_A_FRESH_CACHE = """
import json, sys
from nait_widgets.errors import ModelError
from nait_widgets.models import load_model
seen = [load_model("someone/tiny-llama", device="cpu").identity.as_dict()]
seen.append(load_model(sys.argv[1], device="cpu", trust_remote_code=True).identity.as_dict())
try:
    load_model("someone/else")
except ModelError as error:
    seen.append(str(error))
print(json.dumps(seen))
"""


def test_hub_ids_and_code_that_comes_with_a_model(folder: Path, tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "home" / "hub" / "models--someone--tiny-llama"
    shutil.copytree(folder, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)

    own = shutil.copytree(folder, tmp_path / "own")
    config = json.loads((own / "config.json").read_text())
    config |= {
        "model_type": "own",
        "architectures": ["OwnModel"],
        "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"},
    }
    (own / "config.json").write_text(json.dumps(config))
    (own / "own.py").write_text(CODE)
    with pytest.raises(ModelError, match="brings Python code of its own: pass trust_remote_code=True"):
        load_model(own, device="cpu")

    run = subprocess.run(
        [sys.executable, "-c", IN_A_FRESH_CACHE, str(own)],
        env=os.environ | {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"},
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    hub, trusted, missing = json.loads(run.stdout)
    assert (hub["name"], hub["revision"]) == ("someone/tiny-llama", commit)
    assert trusted["architecture"] == "OwnModel"
    assert hub["weights_hash"] == trusted["weights_hash"] == load_model(folder, device="cpu").identity.weights_hash
    assert missing.startswith("someone/else can't be loaded")
    assert "\n" not in missing


def test_quantisation_is_recorded() -> None:
    model: Any = bare_model("llama")
    model.config.quantization_config = {"quant_method": "gptq", "bits": 4}
    assert load_model(model, tokenizer=tiny_tokenizer()).identity.quantization == "gptq"


def test_weights_hash_tells_models_apart_but_not_their_float_types(folder: Path) -> None:
    half, full = (load_model(folder, device="cpu", dtype=dtype) for dtype in ("bfloat16", "float32"))
    assert half.identity.weights_hash == full.identity.weights_hash
    assert half.identity.weights_hash != tiny_model("llama", seed=1).identity.weights_hash
    with torch.no_grad():
        full.model.model.norm.weight[3] += 0.5
    assert weights_hash(full.model) != half.identity.weights_hash


def test_weights_hash_reads_integers_and_long_tensors() -> None:
    module = torch.nn.Module()
    module.packed = torch.nn.Parameter(torch.zeros(10_001, dtype=torch.uint8), requires_grad=False)
    empty = weights_hash(module)
    module.packed[9_999] = 1  # a multiple of the stride of 3
    assert weights_hash(module) != empty


def test_tokenizer_hash_is_not_moved_by_use_or_by_a_template() -> None:
    tokenizer: Any = tiny_tokenizer()
    before = tokenizer_hash(tokenizer)
    tokenizer(["a", "a b c d"], padding=True, truncation=True, max_length=3)
    tokenizer.chat_template = "{{ messages }}"
    assert tokenizer_hash(tokenizer) == before == tokenizer_hash(tiny_tokenizer())
    tokenizer.add_tokens(["<new>"])
    assert tokenizer_hash(tokenizer) != before


def test_a_tokenizer_of_another_model_is_refused_where_it_is_empty() -> None:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    make: Any = PreTrainedTokenizerFast
    with pytest.raises(ModelError, match="0 ordinary tokens"):
        load_model(bare_model("llama"), tokenizer=make(tokenizer_object=Tokenizer(models.BPE())))
