#include "runtime/safetensors_writer.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "runtime/json.h"
#include "spec/check.h"
#include "spec/text.h"

namespace lathe {
namespace {

int64_t count_of(const std::vector<int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1},
                         std::multiplies<>());
}

// The largest types first, so that each is aligned without holes.
std::vector<size_t> file_order(const std::vector<PlannedTensor>& tensors) {
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return size_of(tensors[a].dtype) > size_of(tensors[b].dtype);
  });
  return order;
}

std::string row_text(const PlannedTensor& tensor, uint64_t offset) {
  std::string shape;
  for (int64_t dim : tensor.shape) {
    shape += cat({shape.empty() ? "" : ",", dim});
  }
  return cat({json_string(tensor.name), ":{\"dtype\":\"",
              info(tensor.dtype).safetensors, "\",\"shape\":[", shape,
              "],\"data_offsets\":[", offset, ",",
              offset + static_cast<uint64_t>(tensor.bytes()), "]}"});
}

std::string metadata_text(
    const std::vector<std::pair<std::string, std::string>>& metadata) {
  std::string text;
  for (const auto& [key, value] : metadata) {
    text += cat({text.empty() ? "" : ",", json_string(key), ":",
                 json_string(value)});
  }
  return text.empty() ? "" : cat({"\"__metadata__\":{", text, "}"});
}

}  // namespace

int64_t PlannedTensor::bytes() const {
  return bytes_of(dtype, count_of(shape));
}

SafetensorsWriter::SafetensorsWriter(
    const std::string& path, std::vector<PlannedTensor> tensors,
    const std::vector<std::pair<std::string, std::string>>& metadata)
    : file_(path) {
  const std::vector<size_t> order = file_order(tensors);
  for (PlannedTensor& tensor : tensors) places_.push_back({std::move(tensor)});
  std::string header = "{" + metadata_text(metadata);
  uint64_t offset = 0;
  for (size_t i : order) {
    if (header.size() > 1) header += ",";
    header += row_text(places_[i].tensor, offset);
    places_[i].offset = offset;
    offset += static_cast<uint64_t>(places_[i].tensor.bytes());
  }
  header += "}";
  header.append((8 - header.size() % 8) % 8, ' ');
  const uint64_t length = header.size();
  file_.write(std::as_bytes(std::span(&length, 1)));
  file_.write(header);
  for (Place& place : places_) place.offset += sizeof(length) + length;
}

void SafetensorsWriter::put(size_t i, const Tensor& tensor) {
  Place& place = places_.at(i);
  LATHE_CHECK(!place.written && tensor.dtype() == place.tensor.dtype &&
                  tensor.shape() == place.tensor.shape,
              "not what was planned: ", place.tensor.name);
  file_.write_at(place.offset,
                 {tensor.data(), static_cast<size_t>(tensor.bytes())});
  place.written = true;
}

void SafetensorsWriter::commit() {
  for (const Place& place : places_) {
    LATHE_CHECK(place.written, "not written: ", place.tensor.name);
  }
  file_.commit();
}

}  // namespace lathe
