#pragma once
// The models whose kernels mutation_test.cpp plants mistakes in.

namespace lathe {

// A product on tensor cores: several tiles for a block, and steps of k.
inline constexpr char kProduct[] = R"(
inputs: {x: "bfloat16[B, 328]"}
weights: {w: "bfloat16[72, 328]"}
body:
  - y = cast(x, float32) @ transpose(cast(w, float32))
outputs: {y: y}
)";

// The same with codes that are converted on the way, and factors for groups.
inline constexpr char kCodes[] = R"(
inputs: {x: "bfloat16[B, 256]"}
weights: {w: "uint8[72, 160]"}
body:
  - y = cast(x, float32) @ transpose(decode_q4_1(w))
outputs: {y: y}
)";

// Tiles that sm_90a fetches, of float8 with a factor for each block.
inline constexpr char kFetched[] = R"(
inputs: {x: "float8_e4m3fn[200, 1008]", t: "float32[200, 8]"}
weights: {w: "float8_e4m3fn[136, 1008]", s: "float32[2, 8]"}
body:
  - s = repeat_interleave(repeat_interleave(s, 128, axis=0), 128, axis=1)
  - t = repeat_interleave(t, 128, axis=1)
  - y = (cast(x, float32) * t[:, :1008]) @ transpose(cast(w, float32) * s[:136, :1008])
outputs: {y: y}
)";

// Two products whose sums stay in registers.
inline constexpr char kSums[] = R"(
inputs: {x: "bfloat16[200, 456]"}
weights: {g: "bfloat16[136, 456]", u: "bfloat16[136, 456]"}
body:
  - f = cast(x, float32)
  - y = (f @ transpose(cast(g, float32))) * (f @ transpose(cast(u, float32)))
outputs: {y: y}
)";

// Two products whose sums share a tile and are added up in totals.
inline constexpr char kShared[] = R"(
inputs: {x: "float8_e4m3fn[200, 1008]", t: "float32[200, 8]"}
weights: {g: "float8_e4m3fn[136, 1008]", u: "float8_e4m3fn[136, 1008]", s: "float32[2, 8]"}
body:
  - s = repeat_interleave(repeat_interleave(s, 128, axis=0), 128, axis=1)[:136, :1008]
  - f = cast(x, float32) * repeat_interleave(t, 128, axis=1)[:, :1008]
  - y = (f @ transpose(cast(g, float32) * s)) * (f @ transpose(cast(u, float32) * s))
outputs: {y: y}
)";

// A product of few tiles, whose depth is cut into pieces.
inline constexpr char kPieces[] = R"(
inputs: {x: "bfloat16[B, 2048]"}
weights: {w: "bfloat16[40, 2048]"}
body:
  - y = cast(x, float32) @ transpose(cast(w, float32))
outputs: {y: y}
)";

// A product with few rows, straight from memory; the depth has a rest.
inline constexpr char kFewRows[] = R"(
inputs: {x: "bfloat16[5, 336]"}
weights: {w: "bfloat16[56, 336]"}
body:
  - y = cast(x, float32) @ transpose(cast(w, float32))
outputs: {y: y}
)";

// The same, with a norm of the rows before it.
inline constexpr char kNormed[] = R"(
inputs: {x: "bfloat16[5, 336]"}
weights: {n: "bfloat16[336]", w: "bfloat16[56, 336]"}
body:
  - y = rms_norm(x, n) @ transpose(w)
outputs: {y: y}
)";

// Codes of its rows, which have a scale for each 64 of them, or all one.
inline constexpr char kBlockScales[] = R"(
inputs: {x: "float32[5, 192]"}
values:
  how: {type: Float8Config, weight_scale: {granularity: block, block_size: [16, 64]}, input_scale: {granularity: block, block_size: [1, 64]}}
layers:
  norm: {type: RMSNorm, dim: 192}
  fc: {type: Linear, in_dim: 192, out_dim: 40, float8_config: how}
body:
  - y = fc(norm(x))
)";
inline constexpr char kTensorScale[] = R"(
inputs: {x: "float32[5, 192]"}
values:
  how: {type: Float8Config, weight_scale: {granularity: tensor}, input_scale: {granularity: tensor}}
layers:
  norm: {type: RMSNorm, dim: 192}
  fc: {type: Linear, in_dim: 192, out_dim: 40, float8_config: how}
body:
  - y = fc(norm(x))
)";

// A row that a block shares, kept in shared memory between its phases.
inline constexpr char kSoftmax[] = R"(
inputs: {x: "float32[B, 2500]"}
body:
  - p = softmax(x)
  - y = p - flip(p, axis=1)
outputs: {y: y}
)";

// Tensor cores; keys are hidden, in three steps, of which the last has a rest.
inline constexpr char kManyQueries[] = R"(
inputs: {q: "bfloat16[2, B, 32]", k: "bfloat16[2, 150, 32]", v: "bfloat16[2, 150, 40]"}
body:
  - d = unsqueeze(range(0, B), -1) + 100 - range(0, 150)
  - s = where(d >= 0, cast(q @ transpose(k), float32), -3.0e38)
  - y = cast(softmax(s) @ v, bfloat16)
outputs: {y: y}
)";

// Warps split the keys of a step, and items those of a query.
inline constexpr char kFewQueries[] = R"(
inputs: {q: "float32[B, 9, 12]", k: "float32[B, 600, 12]", v: "float32[B, 600, 8]"}
body:
  - y = softmax(q @ transpose(k)) @ v
outputs: {y: y}
)";

// Keys are split between blocks, of which the last joins the parts.
inline constexpr char kParts[] = R"(
inputs: {q: "float32[2, 3, 12]", k: "float32[2, 700, 12]", v: "float32[2, 700, 8]"}
body:
  - y = softmax(q @ transpose(k)) @ v
outputs: {y: y}
)";

// One number of many: pieces of a row are items, and the last block joins them.
inline constexpr char kLongRow[] = R"(
inputs: {x: "float32[2, 40970]"}
body:
  - y = sum(x) / 100.0
)";

// A row in three steps; one that is no power of 2.
inline constexpr char kRunning[] = R"(
inputs: {x: "float32[2, 3000]"}
body:
  - y = cumsum(x)
outputs: {y: y}
)";
inline constexpr char kOrder[] = R"(
inputs: {x: "float32[5, 700]"}
body:
  - y = argsort(x)
outputs: {y: y}
)";

}  // namespace lathe
