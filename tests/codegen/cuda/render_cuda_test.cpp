// CUDA text: who does what, in the loops of one model each.
#include "codegen/cuda/render_cuda.h"

#include <doctest/doctest.h>

#include "codegen/prelude.h"
#include "tests/support/codegen_text.h"

namespace lathe {
namespace {

// The text behind the parameters of the first kernel.
std::string body_of(const std::string& yaml) {
  const std::string text = kernels_of(yaml, "sm_90a");
  return text.substr(text.find("items, Args a) {\n") + 17);
}

}  // namespace

TEST_CASE("cuda: neighbours are moved 16 bytes at once, the rest one by one") {
  CHECK_EQ(body_of(R"(
inputs: {x: "float32[B, 6]", c: "bfloat16[B, 6]", s: "float32[]"}
body:
  - y = x * cast(c, float32) + s
outputs: {y: y}
)"),
           R"(  alignas(16) f32 in0_pack[4];
  alignas(16) u16 in1_pack[4];
  alignas(16) f32 out0_pack[4];
  after_predecessor();
  for (i64 item = first_item<1>(); item < items; item += item_step<1>()) {
    const i64 number = item;
    if (number * 4 + 4 <= (6 * n0)) {
      move<16>(&in0_pack[0], &in0[number * 4]);
      move<8>(&in1_pack[0], &in1[number * 4]);
      #pragma unroll
      for (i64 j = 0; j < 4; ++j) {
        const i64 i = number * 4 + j;
        const f32 v0 = in0_pack[j] * load_bf16(&in1_pack[j]) + in2[0];
        out0_pack[j] = (f32)v0;
      }
      move<16>(&out0[number * 4], &out0_pack[0]);
    } else {
      for (i64 i = number * 4; i < (6 * n0); ++i) {
        const f32 v0 = in0[i] * load_bf16(&in1[i]) + in2[0];
        out0[i] = (f32)v0;
      }
    }
  }
}
)");
}

TEST_CASE("cuda: a warp shares a short row") {
  CHECK_EQ(body_of(R"(
inputs: {x: "float32[B, 64]"}
body:
  - y = softmax(x)
outputs: {y: y}
)"),
           R"(  f32* const row1 = (f32*)shared_of_item<32>(0, 256);
  alignas(16) f32 in0_pack[2];
  alignas(16) f32 in0_pack_1[2];
  alignas(16) f32 row1_pack[2];
  alignas(16) f32 row1_pack_1[2];
  alignas(16) f32 out0_pack[2];
  const i64 worker = worker_number<32>();
  after_predecessor();
  for (i64 item = first_item<32>(); item < items; item += item_step<32>()) {
    f32 acc0 = -__builtin_inff();
    #pragma unroll 1
    for (i64 number = worker; number < 32; number += 32) {
      move<8>(&in0_pack[0], &in0[item * 64 + number * 2]);
      #pragma unroll
      for (i64 j = 0; j < 2; ++j) {
        const i64 i = number * 2 + j;
        acc0 = max_(acc0, in0_pack[j]);
      }
    }
    acc0 = all_max<32>(acc0);
    const f32 v0 = acc0;
    f32 acc2 = 0.0f;
    #pragma unroll 1
    for (i64 number = worker; number < 32; number += 32) {
      move<8>(&in0_pack_1[0], &in0[item * 64 + number * 2]);
      #pragma unroll
      for (i64 j = 0; j < 2; ++j) {
        const i64 i = number * 2 + j;
        const f32 v1 = exp_(in0_pack_1[j] - v0);
        row1_pack[j] = (f32)v1;
        acc2 = acc2 + v1;
      }
      move<8>(&row1[number * 2], &row1_pack[0]);
    }
    acc2 = all_sum<32>(acc2);
    const f32 v2 = acc2;
    barrier<32>();
    #pragma unroll 1
    for (i64 number = worker; number < 32; number += 32) {
      move<8>(&row1_pack_1[0], &row1[number * 2]);
      #pragma unroll
      for (i64 j = 0; j < 2; ++j) {
        const i64 i = number * 2 + j;
        const f32 v3 = row1_pack_1[j] / v2;
        out0_pack[j] = (f32)v3;
      }
      move<8>(&out0[item * 64 + number * 2], &out0_pack[0]);
    }
    barrier<32>();
  }
}
)");
}

TEST_CASE("cuda: a block finds the position of the largest number") {
  CHECK_EQ(body_of(R"(
inputs: {x: "float32[B, 4096]"}
body:
  - y = argmax(x)
outputs: {y: y}
)"),
           R"(  alignas(16) f32 in0_pack[4];
  const i64 worker = worker_number<256>();
  after_predecessor();
  for (i64 item = first_item<256>(); item < items; item += item_step<256>()) {
    i64 acc0 = 0;
    f32 best0 = -__builtin_inff();
    #pragma unroll 1
    for (i64 number = worker; number < 1024; number += 256) {
      move<16>(&in0_pack[0], &in0[item * 4096 + number * 4]);
      #pragma unroll
      for (i64 j = 0; j < 4; ++j) {
        const i64 i = number * 4 + j;
        if ((best0 < in0_pack[j]) | (is_nan(in0_pack[j]) & !is_nan(best0))) {
          best0 = in0_pack[j];
          acc0 = i;
        }
      }
    }
    all_argmax<256>(best0, acc0);
    const i64 v0 = acc0;
    if (worker == 0) {
      out0[item] = (i64)v0;
    }
  }
}
)");
}

TEST_CASE("cuda: few rows read each weight once, 16 bytes at once") {
  const std::string body = body_of(R"(
inputs: {x: "bfloat16[4, 64]"}
weights: {w: "bfloat16[24, 64]"}
body:
  - y = x @ transpose(w)
outputs: {y: y}
)");
  CHECK_NE(body.find("move<16>(&codes0[u * 2 * 8], &in1[n_low * 64 + turn * 64 "
                     "+ u * 32 + lane * 8]);"),
           std::string::npos);
  CHECK_EQ(body.find("load_16x16"), std::string::npos);
}

TEST_CASE("cuda: numbers that no 16-bit float holds are multiplied plainly") {
  const std::string body = body_of(R"(
inputs: {x: "float32[4, 64]"}
weights: {w: "int8[24, 64]", s: "float32[24, 1]"}
body:
  - y = x @ transpose(cast(w, float32) * s)
outputs: {y: y}
)");
  CHECK_NE(body.find("move<16>(&codes0[0], &in1[n * 64 + kp * 16]);"),
           std::string::npos);
  CHECK_EQ(body.find("mma"), std::string::npos);
}

TEST_CASE("cuda: many rows meet in shared memory, twice a step") {
  const std::string body = body_of(R"(
inputs: {x: "bfloat16[100, 64]"}
weights: {w: "bfloat16[24, 64]"}
body:
  - y = x @ transpose(w)
outputs: {y: y}
)");
  CHECK_NE(body.find("mma_bf16(&sums["), std::string::npos);
  const size_t first = body.find("barrier<256>()");
  CHECK_NE(first, std::string::npos);
  CHECK_NE(body.find("barrier<256>()", first + 1), std::string::npos);
}

TEST_CASE("cuda: a kernel holds no PTX, and equal models equal text") {
  const std::string yaml = R"(
inputs: {x: "bfloat16[B, 64]", i: "int64[B]", t: "bfloat16[50, 64]"}
body:
  - y = softmax(x) + gather(t, i, axis=0)
outputs: {y: y}
)";
  const std::string text = kernels_of(yaml, "sm_80");
  CHECK_EQ(text.find("asm"), std::string::npos);
  CHECK_EQ(text, kernels_of(yaml, "sm_120a"));
  CHECK_NE(render_prelude(target_preset("sm_80")).find("asm("),
           std::string::npos);
}

TEST_CASE("cuda: a target is the nearest preset below a capability") {
  CHECK_EQ(gpu_target(90).name, "sm_90a");
  CHECK_EQ(gpu_target(87).name, "sm_87");
  CHECK_EQ(gpu_target(87).gpu->sm, 86);
  CHECK_EQ(gpu_target(121).gpu->shared_bytes, 99 * 1024);
}

}  // namespace lathe
