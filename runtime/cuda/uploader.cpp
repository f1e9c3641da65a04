#include "runtime/cuda/uploader.h"

#include <algorithm>
#include <cstring>

#include "runtime/thread_pool.h"

namespace lathe::cuda {
namespace {

constexpr size_t kPieceBytes = size_t{8} << 20;
constexpr int64_t kGrainBytes = int64_t{1} << 19;

}  // namespace

Uploader::Piece::Piece(ContextRef context, StreamRef stream)
    : memory(std::move(context), kPieceBytes), copied(std::move(stream)) {}

// On all threads: one copies slower than a GPU takes, and pages may come in as
// they are touched.
void Uploader::fill(Piece& piece, const std::byte* source, size_t size) {
  auto* to = static_cast<std::byte*>(piece.memory.data());
  parallel_ranges(static_cast<int64_t>(size), kGrainBytes,
                  [&](int64_t begin, int64_t end) {
                    std::memcpy(to + begin, source + begin,
                                static_cast<size_t>(end - begin));
                  });
}

void Uploader::copy(void* to, const void* from, int64_t bytes) {
  const Driver& driver = context_->driver();
  const auto* source = static_cast<const std::byte*>(from);
  auto target = reinterpret_cast<CUdeviceptr>(to);
  for (auto left = static_cast<size_t>(bytes); left > 0;) {
    auto& piece = pieces_[next_];
    next_ = (next_ + 1) % pieces_.size();
    if (!piece) piece = std::make_unique<Piece>(context_, stream_);
    if (piece->busy) piece->copied.wait();
    const size_t size = std::min(left, kPieceBytes);
    fill(*piece, source, size);
    driver.check(driver.cuMemcpyHtoDAsync(target, piece->memory.data(), size,
                                          stream_->get()),
                 "cuMemcpyHtoDAsync");
    piece->copied.record();
    piece->busy = true;
    source += size;
    target += size;
    left -= size;
  }
}

}  // namespace lathe::cuda
