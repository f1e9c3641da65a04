#pragma once
// A file of tensors that are known before their contents: each has its place,
// and they come in any order, so that a checkpoint can be made one tensor at a
// time. What stands around them is the format's business.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/tensor.h"
#include "runtime/atomic_file.h"

namespace lathe {

// A tensor that a file will hold.
struct PlannedTensor {
  std::string name;
  DType dtype = DType::kFloat32;
  std::vector<int64_t> shape;

  int64_t bytes() const;
};

class PlannedFile {
 public:
  // The file appears at `path` with commit(), whole or not at all. Throws
  // SpecError L0512, as do all others here.
  PlannedFile(std::string path, std::vector<PlannedTensor> tensors);

  size_t size() const { return places_.size(); }
  const PlannedTensor& operator[](size_t i) const {
    return places_.at(i).tensor;
  }

  // Tensor i begins `offset` bytes behind the header, and zeros follow it for
  // as many bytes as are given.
  void place(size_t i, uint64_t offset, uint64_t zeros = 0);

  // Requires: once, before any tensor.
  void write_header(std::string_view header);

  // Requires: as many bytes as were planned, and once each.
  void put(size_t i, const Tensor& tensor);

  // Requires: every tensor was put.
  void commit();

 private:
  struct Place {
    PlannedTensor tensor;
    uint64_t offset = 0;
    uint64_t zeros = 0;
    bool written = false;
  };

  AtomicFile file_;
  std::vector<Place> places_;
  uint64_t header_bytes_ = 0;
};

}  // namespace lathe
