#include "runtime/planned_file.h"

#include <functional>
#include <numeric>
#include <utility>

#include "spec/check.h"

namespace lathe {

int64_t PlannedTensor::bytes() const {
  const int64_t count = std::accumulate(shape.begin(), shape.end(), int64_t{1},
                                        std::multiplies<>());
  return bytes_of(dtype, count);
}

PlannedFile::PlannedFile(std::string path, std::vector<PlannedTensor> tensors)
    : file_(std::move(path)) {
  for (PlannedTensor& tensor : tensors) places_.push_back({std::move(tensor)});
}

void PlannedFile::place(size_t i, uint64_t offset, uint64_t zeros) {
  places_.at(i).offset = offset;
  places_.at(i).zeros = zeros;
}

void PlannedFile::write_header(std::string_view header) {
  LATHE_CHECK(header_bytes_ == 0, "a second header");
  file_.write(header);
  header_bytes_ = header.size();
}

void PlannedFile::put(size_t i, const Tensor& tensor) {
  Place& place = places_.at(i);
  LATHE_CHECK(!place.written && tensor.bytes() == place.tensor.bytes(),
              "not what was planned: ", place.tensor.name);
  const uint64_t begin = header_bytes_ + place.offset;
  const auto bytes = static_cast<size_t>(tensor.bytes());
  file_.write_at(begin, {tensor.data(), bytes});
  const std::vector<std::byte> zeros(place.zeros);
  file_.write_at(begin + bytes, zeros);
  place.written = true;
}

void PlannedFile::commit() {
  for (const Place& place : places_) {
    LATHE_CHECK(place.written, "not written: ", place.tensor.name);
  }
  file_.commit();
}

}  // namespace lathe
