#pragma once
// Copies from pageable memory (a mapped checkpoint) to the GPU through pinned
// pieces: while the GPU copies one, the next is filled, and the caller may go
// on before the last has arrived.

#include <array>
#include <cstddef>
#include <memory>

#include "runtime/cuda/handles.h"

namespace lathe::cuda {

class Uploader {
 public:
  Uploader(ContextRef context, StreamRef stream)
      : context_(std::move(context)), stream_(std::move(stream)) {}

  // When it returns, `from` has been read. The copy is ordered before what is
  // put into the stream later.
  void copy(void* to, const void* from, int64_t bytes);

 private:
  struct Piece {
    Piece(ContextRef context, StreamRef stream);
    PinnedMemory memory;
    Event copied;
    bool busy = false;
  };

  static void fill(Piece& piece, const std::byte* source, size_t size);

  ContextRef context_;
  StreamRef stream_;
  std::array<std::unique_ptr<Piece>, 2> pieces_;
  size_t next_ = 0;
};

}  // namespace lathe::cuda
