#include "runtime/safetensors_writer.h"

#include <algorithm>
#include <numeric>

#include "runtime/json.h"
#include "spec/check.h"
#include "spec/text.h"

namespace lathe {
namespace {

// The largest types first, so that each is aligned without holes.
std::vector<size_t> file_order(const PlannedFile& tensors) {
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

SafetensorsWriter::SafetensorsWriter(
    const std::string& path, std::vector<PlannedTensor> tensors,
    const std::vector<std::pair<std::string, std::string>>& metadata)
    : file_(path, std::move(tensors)) {
  std::string rows = "{" + metadata_text(metadata);
  uint64_t offset = 0;
  for (size_t i : file_order(file_)) {
    if (rows.size() > 1) rows += ",";
    rows += row_text(file_[i], offset);
    file_.place(i, offset);
    offset += static_cast<uint64_t>(file_[i].bytes());
  }
  rows += "}";
  rows.append((8 - rows.size() % 8) % 8, ' ');
  const uint64_t length = rows.size();
  file_.write_header(
      std::string(reinterpret_cast<const char*>(&length), sizeof(length)) +
      rows);
}

void SafetensorsWriter::put(size_t i, const Tensor& tensor) {
  LATHE_CHECK(tensor.dtype() == file_[i].dtype &&
                  tensor.shape() == file_[i].shape,
              "not what was planned: ", file_[i].name);
  file_.put(i, tensor);
}

}  // namespace lathe
