"""A tiny random LLaMA with a byte tokenizer, as a transformers folder or a GGUF file: a base that trains in seconds.

One thread is best for so small a model, in the tests' process as in the stages they start (`ONE_THREAD`).
"""

from __future__ import annotations

from pathlib import Path

import gguf
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

ONE_THREAD = {"OMP_NUM_THREADS": "1"}
torch.set_num_threads(1)


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """One token a UTF-8 byte, one for two spaces (a GGUF file has no empty list of merges), and `<end>`."""
    tokens = ["<end>", *sorted(pre_tokenizers.ByteLevel.alphabet()), "ĠĠ"]
    backend = Tokenizer(models.BPE(vocab={token: n for n, token in enumerate(tokens)}, merges=[("Ġ", "Ġ")]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<end>", pad_token="<end>")


def tiny_model(*, seed: int = 0, hidden: int = 64, tied: bool = True) -> LlamaForCausalLM:
    """Two layers with random fp32 weights of that seed."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=258,
        hidden_size=hidden,
        intermediate_size=3 * hidden,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        tie_word_embeddings=tied,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
    )
    return LlamaForCausalLM(config)


def write_tiny_llama(folder: Path, *, seed: int = 0, hidden: int = 64, tied: bool = True) -> Path:
    """Saves the model and its tokenizer; returns the folder."""
    tiny_model(seed=seed, hidden=hidden, tied=tied).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


def write_tiny_gguf(path: Path, *, tied: bool) -> LlamaForCausalLM:
    """Writes the model as a GGUF file of fp32 tensors; returns it."""
    model = tiny_model(tied=tied)
    config, weights = model.config, model.state_dict()
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_vocab_size(config.vocab_size)
    tokens = byte_tokenizer().convert_ids_to_tokens(list(range(config.vocab_size)))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL] + [gguf.TokenType.NORMAL] * (len(tokens) - 1))
    writer.add_token_merges(["Ġ Ġ"])
    writer.add_eos_token_id(0)
    writer.add_bos_token_id(0)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(0)
    names = {"embed_tokens": "token_embd", "norm": "output_norm", "lm_head": "output"}
    parts = {
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
    }
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    for name, weight in weights.items():
        if name == "lm_head.weight" and tied:
            continue
        words = name.removeprefix("model.").removesuffix(".weight").split(".", 2)
        new = f"blk.{words[1]}.{parts[words[2]]}" if words[0] == "layers" else names[words[0]]
        if (part := new.rsplit(".", 1)[-1]) in heads:  # llama.cpp interleaves what transformers' RoPE holds in halves
            weight = weight.view(heads[part], 2, -1, config.hidden_size).transpose(1, 2).reshape(weight.shape)
        writer.add_tensor(f"{new}.weight", weight.numpy().copy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return model
