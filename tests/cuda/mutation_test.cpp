// Mistakes planted in the text of generated kernels: under some seed the
// emulator gives another result, or an error.
#include <doctest/doctest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "codegen/compile.h"
#include "tests/cuda/mutation_models.h"
#include "tests/emulator/emulated_object.h"
#include "tests/support/codegen_text.h"

namespace lathe {
namespace {

constexpr uint64_t kMutationSeeds = 6;

// The first kernel of a model, whose text may be changed, on numbers of its
// own.
class Mutant {
 public:
  explicit Mutant(const std::string& yaml, int64_t rows = 70,
                  const std::string& target = "sm_80")
      : program_(compile(graph_from(yaml), target_preset(target))),
        dims_({{"B", rows}}) {
    const EmulatedObject object(program_.prelude + kernel().text);
    right_ = run(object, 0);
    for (uint64_t seed = 1; seed < kMutationSeeds; ++seed) {
      CHECK(run(object, seed) == right_);
    }
  }

  // Whether some seed shows that `from` is `to`, the nth time that it stands
  // in the text.
  bool shows(const std::string& from, const std::string& to,
             int nth = 0) const {
    std::string text = kernel().text;
    size_t at = text.find(from);
    while (nth-- > 0) at = text.find(from, at + 1);
    REQUIRE_NE(at, std::string::npos);
    text.replace(at, from.size(), to);
    const EmulatedObject object(program_.prelude + text);
    for (uint64_t seed = 0; seed < kMutationSeeds; ++seed) {
      if (run(object, seed) != right_) return true;
    }
    return false;
  }

 private:
  const Step& step() const { return program_.steps.at(0); }
  const Kernel& kernel() const {
    return program_.kernels[size_t(step().kernel)];
  }

  // The bytes of what the kernel stores, or the error.
  std::string run(const EmulatedObject& object, uint64_t seed) const {
    std::vector<Tensor> buffers;
    KernelParameters values = {};
    size_t next = 0;
    std::mt19937 random(1);
    std::uniform_real_distribution<double> real(-1, 1);
    std::uniform_int_distribution<int64_t> bits(INT32_MIN, INT32_MAX);
    for (int b : step().buffers) {
      const Buffer& buffer = program_.buffers[size_t(b)];
      Tensor& tensor =
          buffers.emplace_back(buffer.dtype, eval(buffer.shape, dims_));
      const bool given = buffer.role != BufferRole::kOutput &&
                         buffer.role != BufferRole::kTemp;
      const bool counts = buffer.role == BufferRole::kConstant;
      for (int64_t i = 0; i < tensor.numel(); ++i) {
        if (given && counts) {
          tensor.set_int(i, 0);
        } else if (given && is_int(buffer.dtype)) {
          tensor.set_int(i, bits(random));
        } else {
          tensor.set(i, given ? real(random) : 0);
        }
      }
      values[next++] = reinterpret_cast<uint64_t>(tensor.mutable_data());
    }
    std::vector<int64_t> sizes;
    for (const Dim& dim : step().dims) {
      sizes.push_back(dim.eval(dims_));
      values[next++] = static_cast<uint64_t>(sizes.back());
    }
    const int64_t items = step().items.eval(dims_);
    values[next] = static_cast<uint64_t>(items);
    next += 2;  // faults: none
    const auto maps = tensor_maps_of(kernel().launch, values, sizes);
    for (const EmulatedTensorMap& map : maps) {
      values[next++] = reinterpret_cast<uint64_t>(&map);
    }
    // Two blocks: each goes on with further items.
    const std::string error =
        emulate_kernel(object.find(kernel().name), kernel().launch, items,
                       values, seed, 2);
    if (!error.empty()) return error;
    std::string stored;
    for (size_t i = 0; i < buffers.size(); ++i) {
      const Buffer& buffer = program_.buffers[size_t(step().buffers[i])];
      if (buffer.role != BufferRole::kOutput &&
          buffer.role != BufferRole::kTemp &&
          buffer.role != BufferRole::kConstant) {
        continue;
      }
      stored.append(reinterpret_cast<const char*>(buffers[i].data()),
                    static_cast<size_t>(buffers[i].bytes()));
    }
    return stored;
  }

  Program program_;
  DimBindings dims_;
  std::string right_;
};

}  // namespace

TEST_CASE("mutants: mistakes in a product on tensor cores show") {
  const Mutant product(kProduct);
  const std::string barrier = "barrier<256>();";
  // No waiting for the readers of the tile before; none for a step's writers.
  CHECK(product.shows(barrier, "", 0));
  CHECK(product.shows(barrier, "", 1));
  // Sides that are still read, and results that are not all there.
  CHECK(product.shows(barrier, "", 2));
  CHECK(product.shows(barrier, "", 3));
  // Moves that are not awaited, that end elsewhere, that begin too late.
  CHECK(product.shows("await_moves<2>", "await_moves<3>"));
  CHECK(product.shows("floor_mod(ahead, (i64)4)",
                      "floor_mod(ahead + 3, (i64)4)"));
  CHECK(product.shows("group_moves();", ""));
  // Lines at another distance, and a step of k left out.
  CHECK(product.shows("load_16x16<72>", "load_16x16<80>"));
  CHECK(product.shows("s < 4", "s < 3"));
}

TEST_CASE("mutants: mistakes where the last block adds up pieces show") {
  const Mutant product(kPieces);
  const std::string barrier = "barrier<256>();\n";
  const std::string count = "count_block(&blocks_before[0], &arrivals[whole]);";
  CHECK(product.shows(count, "blocks_before[0] = 0;"));
  CHECK(product.shows(barrier + "      if ((i64)blocks_before",
                      "      if ((i64)blocks_before"));
  CHECK(product.shows("blocks_before[0] == pieces - 1",
                      "blocks_before[0] == pieces - 2"));
  CHECK(product.shows("piece_1 < pieces", "piece_1 < pieces - 1"));
  CHECK(product.shows("(whole * pieces + piece_1)", "(whole + piece_1)"));
  // Sums that are not all there.
  CHECK(product.shows(barrier + "      const i64 place", "      const i64 place"));
}

TEST_CASE("mutants: mistakes in products of fetched tiles show") {
  for (const char* yaml : {kFetched, kSums, kShared}) {
    const Mutant product(yaml, 200, "sm_90a");
    const bool is_float8 = yaml != kSums;
    CAPTURE(is_float8);
    const std::string barrier = "barrier<384>();";
    for (const int nth : {0, 1}) CHECK(product.shows(barrier, "", nth));
    CHECK(product.shows("fence_barriers();", ""));
    CHECK(product.shows("fence_copies();", ""));
    // Waits: of who fetches, of who multiplies.
    CHECK(product.shows("<= number) {", "<= number - 1) {"));
    CHECK(product.shows("await_phase(&full[stage], ",
                        "await_phase(&full[stage], 1 - "));
    CHECK(product.shows("await_products<0>", "await_products<1>"));
    CHECK(product.shows("begin_products();", ""));
    CHECK(product.shows("group_products();", ""));
    CHECK(product.shows("start_barrier<8>", "start_barrier<7>"));
    CHECK(product.shows("floor_mod(worker, (i64)32) == ",
                        "floor_mod(worker, (i64)128) == "));
    CHECK(product.shows("expect_bytes<", "expect_bytes<1 + "));
    // Another tile, and another part of a line.
    CHECK(product.shows("&full[stage], k0, m0", "&full[stage], k0, m0 + 1"));
    CHECK(product.shows(is_float8 ? "s * 32" : "s * 16", "s * 8"));
    CHECK(product.shows("end_barrier(&full[s]);", ""));
    // Results in memory that a stage still has, or that no warp has filled.
    CHECK(product.shows("barrier<32>();", ""));
    if (yaml != kShared) continue;
    // The second part's half of the tile.
    CHECK(product.shows("+ 8192], &right_view_1", "], &right_view_1"));
    CHECK(product.shows("sums[(8 + t)", "sums[t"));
  }
}

TEST_CASE("mutants: mistakes in a product of codes show") {
  const Mutant product(kCodes);
  const std::string barrier = "barrier<256>();";
  for (const int nth : {0, 1, 2}) CHECK(product.shows(barrier, "", nth));
  // Factors of the step before, and bits of another code.
  CHECK(product.shows("of_groups[floor_mod(number + 1, (i64)2)",
                      "of_groups[floor_mod(number, (i64)2)"));
  CHECK(product.shows("& 983055", "& 983047"));
  CHECK(product.shows("small_bf16<0>", "small_bf16<1>"));
  CHECK(product.shows("left_sums[c] = (f32)0.0f", "left_sums[c] = left_sums[c]",
                      1));
}

TEST_CASE("mutants: mistakes in a product of few rows show") {
  const Mutant product(kFewRows);
  const std::string barrier = "barrier<256>();";
  CHECK(product.shows(barrier, "", 0));
  CHECK(product.shows(barrier, "", 1));
  // Another line, another pack, k in another order, the rest not left out.
  CHECK(product.shows("min_(line, (i64)4)", "min_(line + 1, (i64)4)"));
  CHECK(product.shows("in1[n_low * 336 + turn * 64", "in1[n_low * 336 + turn * 32"));
  CHECK(product.shows("move<8>(&b_part[0], &left_pack[u * 8 + s * 4]",
                      "move<8>(&b_part[0], &left_pack[u * 8 + 4 - s * 4]"));
  CHECK(product.shows("* 8 < 336", "* 8 < 344"));
  // Sums of warps that overlap.
  CHECK(product.shows("of_warps[warp * 128", "of_warps[warp * 64"));
}

TEST_CASE("mutants: mistakes in the norm before a product show") {
  const Mutant product(kNormed);
  const std::string barrier = "barrier<256>();";
  // What warps have found, and what a thread makes of it, before it is read.
  CHECK(product.shows(barrier, "", 0));
  CHECK(product.shows(barrier, "", 1));
  // Lanes, warps and packs left out.
  CHECK(product.shows("all_sum<32>", "all_sum<16>"));
  CHECK(product.shows("found_of_warps[m + 8]", "found_of_warps[m + 16]"));
  CHECK(product.shows("kp = worker", "kp = worker + 1"));
}

TEST_CASE("mutants: mistakes in scales of codes before a product show") {
  const std::string barrier = "barrier<256>();";
  const Mutant blocks(kBlockScales, 5, "sm_90a");
  // What lanes have found of groups, and the scales, before they are read.
  CHECK(blocks.shows(barrier, "", 2));
  CHECK(blocks.shows(barrier, "", 3));
  CHECK(blocks.shows("all_max<16>", "all_max<8>"));
  CHECK(blocks.shows("kp = group * 16", "kp = group * 8"));
  CHECK(blocks.shows("in8[r * 3 + group]", "in8[r * 3]"));
  CHECK(blocks.shows("in8[m * 3 + group]", "in8[m * 3]"));
  const Mutant tensor(kTensorScale, 5, "sm_90a");
  // The largest of each row, and what a thread makes of them.
  CHECK(tensor.shows(barrier, "", 3));
  CHECK(tensor.shows(barrier, "", 6));
  CHECK(tensor.shows("k0 = 0; k0 < 6", "k0 = 5; k0 < 6"));
}

TEST_CASE("mutants: mistakes in running sums and orders show") {
  const std::string barrier = "barrier<256>();";
  const Mutant running(kRunning);
  for (const int nth : {0, 1}) CHECK(running.shows(barrier, "", nth));
  CHECK(running.shows("carry + of_warps[w]", "carry"));
  CHECK(running.shows("lane == 31", "lane == 30"));
  const Mutant order(kOrder);
  for (const int nth : {0, 1}) CHECK(order.shows(barrier, "", nth));
  CHECK(order.shows(" < 11; ++a", " < 10; ++a"));
}

TEST_CASE("mutants: mistakes where the last block joins parts show") {
  const Mutant attention(kParts);
  const std::string count = "count_block(&blocks_before[0], &arrivals[whole]);";
  CHECK(attention.shows(count, "blocks_before[0] = 0;"));
  // Threads that do not know the count yet.
  const std::string barrier = "barrier<128>();\n";
  CHECK(attention.shows(barrier + "      if ((i64)blocks_before",
                        "      if ((i64)blocks_before"));
  CHECK(attention.shows("blocks_before[0] == splits - 1",
                        "blocks_before[0] == splits - 2"));
  CHECK(attention.shows("arrivals[whole] = (i32)0", "arrivals[whole] = (i32)1"));
}

TEST_CASE("mutants: mistakes where the last block joins a long row show") {
  const Mutant row(kLongRow);
  const std::string count = "count_block(&blocks_before[0], &arrivals[row]);";
  CHECK(row.shows(count, "blocks_before[0] = 0;"));
  // What was found comes after the count, or never.
  CHECK(row.shows("found0[item] = (f32)acc0;", ""));
  CHECK(row.shows("found0[item] = (f32)acc0;", "found0[item + 1] = (f32)acc0;"));
  // Threads that do not know the count yet.
  const std::string barrier = "barrier<256>();\n";
  CHECK(row.shows(barrier, "\n"));
  // A join that begins too early, leaves pieces out, or takes others.
  CHECK(row.shows("blocks_before[0] == 5", "blocks_before[0] == 4"));
  CHECK(row.shows("piece_1 < 6", "piece_1 < 5"));
  CHECK(row.shows("found0[row * 6", "found0[row * 5"));
  CHECK(row.shows("arrivals[row] = (i32)0", "arrivals[row] = (i32)1"));
  // Threads that join the same pieces.
  CHECK(row.shows("i64 piece_1 = worker", "i64 piece_1 = 0"));
}

TEST_CASE("mutants: mistakes in a row that a block shares show") {
  const Mutant softmax(kSoftmax);
  // What other threads have kept is read too early.
  CHECK(softmax.shows("barrier<256>();", "", 1));
  CHECK(softmax.shows("all_max<256>", "all_max<32>"));
  CHECK(softmax.shows("all_sum<256>", "all_sum<32>"));
}

TEST_CASE("mutants: mistakes in attention on tensor cores show") {
  const Mutant attention(kManyQueries);
  const std::string barrier = "barrier<128>();";
  // Keys and values are read before others have brought them, or brought while
  // others read those of the step before.
  for (const int nth : {0, 1, 2}) {
    CAPTURE(nth);
    CHECK(attention.shows(barrier, "", nth));
  }
  CHECK(attention.shows("await_moves<0>", "await_moves<1>"));
  CHECK(attention.shows("await_moves<1>", "await_moves<2>"));
  CHECK(attention.shows("load_16x16_across<", "load_16x16_across<8 + "));
  CHECK(attention.shows("load_two_8x16<", "load_two_8x16<8 + "));
  CHECK(attention.shows("key < key_count", "key <= key_count"));
  CHECK(attention.shows("all_max<4>", "all_max<2>"));
  CHECK(attention.shows("* fade);", ");"));
  // A step that some query sees is left out.
  CHECK(attention.shows("const i64 seen = ", "const i64 seen = -1 + "));
}

TEST_CASE("mutants: mistakes in attention of few queries show") {
  const Mutant attention(kFewQueries, 2);
  const std::string barrier = "barrier<128>();";
  for (const int nth : {0, 1, 2, 3, 4}) {
    CAPTURE(nth);
    CHECK(attention.shows(barrier, "", nth));
  }
  CHECK(attention.shows("barrier<32>();", ""));
  CHECK(attention.shows("turn == warp", "turn % 2 == warp % 2"));
  CHECK(attention.shows("(split + 1)", "split"));
}

}  // namespace lathe
