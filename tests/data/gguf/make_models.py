#!/usr/bin/env python3
"""Writes small GGUF models and what transformers computes with their weights.

MODEL.gguf holds the tensors as llama.cpp's converter names and orders them,
in a mix of types; MODEL.safetensors holds `input_ids`, `logits` and `greedy`
of transformers with the decoded weights. Needs numpy, torch, transformers,
safetensors and gguf 0.19; the files are stored, so that tests need none.
"""

import pathlib

import gguf
import numpy
import torch
from gguf import GGMLQuantizationType as Type
from safetensors.torch import load_file, save_file
from transformers import (AutoConfig, AutoModelForCausalLM, LlamaConfig,
                          Qwen2Config)

HERE = pathlib.Path(__file__).parent
CASES = HERE.parent / "cases"
random = numpy.random.default_rng(3)

NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm",
    "lm_head": "output", "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
}
LLAMA_NORMS = {"post_attention_layernorm": "ffn_norm"}
GEMMA_NORMS = {"post_attention_layernorm": "post_attention_norm",
               "pre_feedforward_layernorm": "ffn_norm",
               "post_feedforward_layernorm": "post_ffw_norm"}


def stored_name(name, norms):
    parts = name.split(".")
    if parts[1] == "layers":
        inner = ".".join(parts[3:-1])
        return f"blk.{parts[2]}.{ {**NAMES, **norms}[inner] }.{parts[-1]}"
    return f"{NAMES['.'.join(parts[:-1])]}.{parts[-1]}"


def turned(rows, heads):
    """Rows of q or k in the order of llama.cpp: pairs beside each other."""
    shape = (heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:])
    return rows.reshape(shape).swapaxes(1, 2).reshape(rows.shape)


def turned_back(rows, heads):
    shape = (heads, rows.shape[0] // heads // 2, 2, *rows.shape[1:])
    return rows.reshape(shape).swapaxes(1, 2).reshape(rows.shape)


# Where the scales of a K block stand, and what makes its mean 0: the package
# decodes these types but does not encode them, and weights are random anyway.
SCALES = {Type.Q2_K: (80, 1.5, 7.5), Type.Q3_K: (108, 0, 24),
          Type.Q4_K: (0, 7.5, 130), Type.Q5_K: (0, 15.5, 280),
          Type.Q6_K: (208, 0, 1300)}


def random_blocks(kind, shape):
    rows = random.integers(
        0, 256, gguf.quant_shape_to_byte_shape(shape, kind), dtype=numpy.uint8)
    at, least, spread = SCALES[kind]
    size = gguf.GGML_QUANT_SIZES[kind][1]
    blocks = rows.reshape(-1, size)
    scale = (0.4 / spread / shape[1] ** 0.5 *
             random.uniform(0.8, 1.2, len(blocks)))
    blocks[:, at:at + 2] = scale.astype("<f2").view("u1").reshape(-1, 2)
    if least:
        least = (scale * least).astype("<f2").view("u1").reshape(-1, 2)
        blocks[:, at + 2:at + 4] = least
    return rows


def write(name, config, weights, kinds, norms=LLAMA_NORMS):
    """kinds: the types that matrices get in turn."""
    arch = config.model_type
    writer = gguf.GGUFWriter(HERE / f"{name}.gguf", arch)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    if hasattr(config, "head_dim"):
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    rope = config.rope_parameters
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_tokenizer_model("llama")
    writer.add_token_list([f"t{i}" for i in range(config.vocab_size)])
    if arch == "gemma2":
        writer.add_sliding_window(config.sliding_window)
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    if rope["rope_type"] == "llama3":
        writer.add_tensor("rope_freqs.weight", llama3_factors(config, rope))
    decoded, turn = {}, 0
    for key, tensor in weights.items():
        rows = tensor.float().numpy()
        heads = {"q_proj": config.num_attention_heads,
                 "k_proj": config.num_key_value_heads}.get(key.split(".")[-2])
        turns = arch == "llama" and heads
        if turns:
            rows = turned(rows, heads)
        if arch == "gemma2" and rows.ndim == 1:
            rows = rows + 1
        kind = Type.F32
        if rows.ndim == 2:
            kind = kinds[turn % len(kinds)]
            turn += 1
        if kind in SCALES:
            data = random_blocks(kind, rows.shape)
        else:
            data = gguf.quantize(rows, kind)
        values = numpy.array(gguf.dequantize(data, kind), dtype=numpy.float32)
        writer.add_tensor(stored_name(key, norms), data, raw_dtype=kind)
        if turns:
            values = turned_back(values, heads)
        if arch == "gemma2" and rows.ndim == 1:
            values = values - 1
        decoded[key] = torch.from_numpy(values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    reference(name, config, decoded)


def llama3_factors(config, rope):
    """The stretch of each frequency, as llama.cpp's converter stores it."""
    pairs = numpy.arange(0, config.head_dim, 2) / config.head_dim
    wavelengths = 2 * numpy.pi * rope["rope_theta"] ** pairs
    length, factor = rope["original_max_position_embeddings"], rope["factor"]
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    smooth = (length / wavelengths - low) / (high - low)
    factors = 1 / ((1 - smooth) / factor + smooth)
    factors[wavelengths < length / high] = 1
    factors[wavelengths > length / low] = factor
    return factors.astype(numpy.float32)


def reference(name, config, weights):
    model = AutoModelForCausalLM.from_config(
        config, attn_implementation="eager").float().eval()
    missing, unknown = model.load_state_dict(weights, strict=False)
    assert not unknown and all("lm_head" in key for key in missing)
    model.tie_weights()
    ids = torch.from_numpy(random.integers(3, config.vocab_size, (2, 12)))
    with torch.no_grad():
        logits = model(ids).logits
        grown = model.generate(ids[:1], max_new_tokens=16, do_sample=False,
                               eos_token_id=None, pad_token_id=0)
    save_file({"input_ids": ids, "logits": logits,
               "greedy": grown[0, 12:].contiguous()},
              HERE / f"{name}.safetensors")
    print(name, float(logits.std()), grown[0, 12:].tolist())


def from_case(name):
    config = AutoConfig.from_pretrained(CASES / name)
    return config, load_file(CASES / name / "model.safetensors")


def made(kind, **fields):
    config = kind(vocab_size=320, num_hidden_layers=2,
                  num_attention_heads=4, num_key_value_heads=1,
                  max_position_embeddings=256, tie_word_embeddings=True,
                  rms_norm_eps=1e-5, **fields)
    weights = AutoModelForCausalLM.from_config(config).state_dict()
    del weights["lm_head.weight"]
    for key, tensor in weights.items():
        if tensor.ndim == 1:
            tensor += 0.1 * torch.from_numpy(
                random.standard_normal(tensor.shape).astype(numpy.float32))
    return config, weights


torch.manual_seed(3)
write("llama", *from_case("llama"),
      [Type.Q8_0, Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.F16,
       Type.BF16])
write("llama_k", *made(LlamaConfig, hidden_size=256, intermediate_size=256,
                       head_dim=64),
      [Type.Q6_K, Type.Q4_K, Type.Q5_K, Type.Q3_K, Type.Q2_K])
write("qwen3", *from_case("qwen3"), [Type.Q8_0, Type.Q4_0])
write("gemma2", *from_case("gemma2"), [Type.Q8_0, Type.Q5_0], GEMMA_NORMS)
write("qwen2", *made(Qwen2Config, hidden_size=64, intermediate_size=160),
      [Type.Q5_1, Type.Q8_0])
