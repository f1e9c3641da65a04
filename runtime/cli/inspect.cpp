// `lathe inspect`: what a checkpoint holds.
#include "runtime/cli/inspect.h"

#include "runtime/checkpoint.h"
#include "runtime/cli/table.h"
#include "runtime/cli/verbs.h"
#include "runtime/json.h"

namespace lathe {
namespace {

std::string dtype_text(const FileTensor& tensor) {
  return tensor.dtype ? std::string(to_string(*tensor.dtype))
                      : tensor.type_code;
}

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string out;
  for (int64_t dim : shape) out += cat({out.empty() ? "" : ", ", dim});
  return "[" + out + "]";
}

JsonValue row_of(const Checkpoint::Entry& entry) {
  const FileTensor& tensor = *entry.tensor;
  JsonValue out = JsonValue::object();
  out.add("name", JsonValue::of(tensor.name));
  out.add("dtype", JsonValue::of(dtype_text(tensor)));
  JsonValue shape = JsonValue::array();
  for (int64_t dim : tensor.shape) shape.items.push_back(JsonValue::of(dim));
  out.add("shape", std::move(shape));
  out.add("bytes", JsonValue::of(static_cast<int64_t>(tensor.bytes)));
  out.add("file", JsonValue::of(entry.file->path()));
  return out;
}

int64_t elements_of(const FileTensor& tensor) {
  int64_t out = 1;
  for (int64_t dim : tensor.shape) out *= dim;
  return out;
}

void print_text(const Checkpoint& checkpoint, Console& console) {
  Table table({"TENSOR", "DTYPE", "SHAPE", ">BYTES"});
  int64_t bytes = 0, elements = 0;
  for (const Checkpoint::Entry& entry : checkpoint.entries()) {
    const FileTensor& tensor = *entry.tensor;
    table.add({tensor.name, dtype_text(tensor), shape_text(tensor.shape),
               bytes_text(static_cast<int64_t>(tensor.bytes))});
    bytes += static_cast<int64_t>(tensor.bytes);
    elements += elements_of(tensor);
  }
  console.result(table.text());
  console.result(cat(
      {checkpoint.entries().size(),
       checkpoint.entries().size() == 1 ? " tensor in " : " tensors in ",
       checkpoint.files().size(),
       checkpoint.files().size() == 1 ? " file, " : " files, ",
       count_text(elements), " values, ", bytes_text(bytes), "\n"}));
  for (const auto& file : checkpoint.files()) {
    for (const auto& [key, value] : file->notes()) {
      console.result(cat({"metadata ", key, ": ", value, "\n"}));
    }
  }
}

void print_json(const Checkpoint& checkpoint, Console& console) {
  JsonValue list = JsonValue::array();
  for (const Checkpoint::Entry& entry : checkpoint.entries()) {
    list.items.push_back(row_of(entry));
  }
  console.result(to_json(list));
}

}  // namespace

std::string type_text(const FileTensor& tensor) {
  return dtype_text(tensor) + shape_text(tensor.shape);
}

int inspect_verb(const Command& command, Console& console) {
  if (!command.match.empty() || command.fit) {
    return inspect_match(command, console);
  }
  auto checkpoint = Checkpoint::open(command.positionals[0]);
  if (console.json()) {
    print_json(*checkpoint, console);
  } else {
    print_text(*checkpoint, console);
  }
  return 0;
}

}  // namespace lathe
