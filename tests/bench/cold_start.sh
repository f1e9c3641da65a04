#!/usr/bin/env bash
# How long whole processes take: with an empty cache of kernels, and again.
#
#   tests/bench/cold_start.sh [BINARY]
#
# MINILM and LLAMA name folders with the weights of examples/minilm (its
# fetch.sh gets them) and of a small Llama; their rows are left out otherwise.
# FAKE_CUDA names the tests' driver without a GPU (build/tests/fake_cuda's
# libfake_cuda.so): rows for a GPU follow, with the real NVRTC, two threads and
# launches that do nothing.
# Prints a Markdown table of milliseconds: medians of 3 cold and 9 warm runs.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
lathe=${1:-$root/build/lathe}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Milliseconds that a command takes; its output is shown only if it fails.
milliseconds() {
  local start=$EPOCHREALTIME end
  "$@" > "$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
  end=$EPOCHREALTIME
  echo $(((${end/./} - ${start/./}) / 1000))
}

median() { sort -n | sed -n "$((($1 + 1) / 2))p"; }

cold() {
  for _ in 1 2 3; do
    rm -rf "$work/cache"
    milliseconds "$@" --cache-dir "$work/cache"
  done | median 3
}

warm() {
  for _ in 1 2 3 4 5 6 7 8 9; do milliseconds "$@"; done | median 9
}

# A row of a model that is compiled: what, then the arguments.
model() {
  local what=$1 first
  shift
  first=$(cold "$lathe" "$@")
  echo "| $what | $first | $(warm "$lathe" "$@" --cache-dir "$work/cache") |"
}

# A row of a command that compiles nothing.
plain() {
  local what=$1
  shift
  echo "| $what | | $(warm "$lathe" "$@") |"
}

cat > "$work/one_op.yaml" << 'END'
lathe: 1
model: one-op
inputs: {x: "float32[N]"}
body: [y = gelu(x)]
END

cat > "$work/mlp.yaml" << 'END'
lathe: 1
model: two-layers
inputs: {x: "float32[B, 256]"}
layers:
  up:   {type: Linear, in_dim: 256, out_dim: 1024, has_bias: true}
  down: {type: Linear, in_dim: 1024, out_dim: 256, has_bias: true}
body: [y = down(gelu(up(x)))]
checkpoint: {init: {normal: {std: 0.02}, seed: 0}}
END

cat > "$work/deep.yaml" << 'END'
lathe: 1
model: deep
params: {depth: 100}
inputs: {x: "float32[B, 64]"}
layers:
  blocks: {type: MLP, repeat: depth, hidden_dim: 64, feed_forward_length: 128}
body:
  - {for: i, in: range(depth), body: ["x = x + blocks[i](x)"]}
checkpoint: {init: {normal: {std: 0.02}, seed: 0}}
END

cat > "$work/blocks.yaml" << 'END'
lathe: 1
model: blocks
params: {depth: 100}
inputs: {x: "float32[B, T, 64]"}
layers:
  rope: {type: RotaryEmbedding, interleaved: false}
  blocks:
    type: TransformerBlock
    repeat: depth
    attention_norm: {type: RMSNorm, dim: 64}
    attention:
      type: AttentionWithRope
      rope: rope
      num_attention_heads: 4
      num_key_value_heads: 2
      hidden_size: 64
    mlp_norm: {type: RMSNorm, dim: 64}
    mlp: {type: MLP, hidden_dim: 64, feed_forward_length: 160}
body: [y = blocks(x)]
checkpoint: {init: {normal: {std: 0.02}, seed: 0}}
END

echo "| ms | cold | warm |"
echo "|---|---:|---:|"
plain "\`--help\`" --help
plain "\`layers\`" layers
plain "\`check\` of 100 MLPs" check "$work/deep.yaml"
plain "\`check\` of 100 transformer blocks" check "$work/blocks.yaml"
plain "\`check\` of 2,000 transformer blocks" \
  check "$work/blocks.yaml" -p depth=2000
plain "fused schedule of 2,000 MLPs" \
  graph "$work/deep.yaml" -p depth=2000 --stage fused
plain "fused schedule of 2,000 transformer blocks" \
  graph "$work/blocks.yaml" -p depth=2000 --stage fused
model "one op" run "$work/one_op.yaml" -i x=random:1 -d N=1000
model "two linear layers" run "$work/mlp.yaml" -i x=random:1 -d B=4
model "quickstart" run "$root/examples/quickstart.yaml"
if [ -n "${MINILM:-}" ]; then
  ids=$root/examples/minilm/sentences.safetensors
  model "MiniLM, four sentences" run "$root/examples/minilm/minilm.yaml" \
    --weights "$MINILM" -i "input_ids=$ids:input_ids" \
    -i "attention_mask=$ids:attention_mask"
fi
if [ -n "${LLAMA:-}" ]; then
  model "tiny Llama" run "$LLAMA" -i 'input_ids=[[1, 2, 3, 4]]'
fi
if [ -n "${FAKE_CUDA:-}" ]; then
  export LATHE_CUDA_LIB=$FAKE_CUDA LATHE_FAKE_IDLE=1
  gpu() { model "$@" --device cuda --threads 2; }
  gpu "quickstart, NVRTC" run "$root/examples/quickstart.yaml"
  gpu "a prompt of tiny Llama, NVRTC" run "$root/tests/data/cases/llama" \
    -i 'input_ids=[[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]'
  gpu "a token of tiny Llama, NVRTC" run "$root/tests/data/cases/llama" \
    -i 'input_ids=[[1]]'
fi
