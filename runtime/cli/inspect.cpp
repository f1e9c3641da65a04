// `lathe inspect`: what a checkpoint holds.
#include <map>

#include "runtime/checkpoint.h"
#include "runtime/cli/session.h"
#include "runtime/cli/table.h"
#include "runtime/cli/verbs.h"
#include "runtime/json.h"

namespace lathe {
namespace {

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string out;
  for (int64_t dim : shape) out += cat({out.empty() ? "" : ", ", dim});
  return "[" + out + "]";
}

// Our name of the type, or the file's for one that lathe does not have.
std::string type_text(const FileTensor& tensor) {
  return tensor.dtype ? std::string(to_string(*tensor.dtype))
                      : tensor.type_code;
}

JsonValue row_of(const Checkpoint::Entry& entry) {
  const FileTensor& tensor = *entry.tensor;
  JsonValue out = JsonValue::object();
  out.add("name", JsonValue::of(tensor.name));
  out.add("dtype", JsonValue::of(type_text(tensor)));
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
    table.add({tensor.name, type_text(tensor), shape_text(tensor.shape),
               bytes_text(static_cast<int64_t>(tensor.bytes))});
    bytes += static_cast<int64_t>(tensor.bytes);
    elements += elements_of(tensor);
  }
  console.result(table.text());
  console.result(cat(
      {checkpoint.entries().size(), " tensors in ", checkpoint.files().size(),
       checkpoint.files().size() == 1 ? " file, " : " files, ",
       count_text(elements), " values, ", bytes_text(bytes), "\n"}));
  for (const SafetensorsFile& file : checkpoint.files()) {
    for (const auto& [key, value] : file.header().metadata) {
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

// The names that only one side has, or both in another form.
std::string mismatch_table(const Graph& graph, const Checkpoint& checkpoint) {
  struct Row {
    std::string model = "-", stored = "-";
  };
  std::map<std::string, Row> rows;
  for (const GraphWeight& weight : graph.weights) {
    rows[weight.path].model = to_string(weight.type);
  }
  for (const Checkpoint::Entry& entry : checkpoint.entries()) {
    rows[entry.tensor->name].stored =
        type_text(*entry.tensor) + shape_text(entry.tensor->shape);
  }
  Table table({"NAME", "MODEL", "CHECKPOINT"});
  for (const auto& [name, row] : rows) {
    if (row.model != row.stored) table.add({name, row.model, row.stored});
  }
  return table.text();
}

// Elaborates the spec alone for its weights, then with this checkpoint: strict
// loading says what is missing, unused and of another shape.
int match(const Command& command, Console& console) {
  Command alone = command;
  alone.positionals = {command.match};
  alone.weights.clear();
  auto checkpoint = Checkpoint::open(command.positionals[0]);
  auto session = open_session(alone, console, WeightsUse::kIfThere);
  Command both = alone;
  both.weights = command.positionals[0];
  try {
    session = open_session(both, console, WeightsUse::kNeeded);
  } catch (const SpecError&) {
    console.result(mismatch_table(session->model.graph, *checkpoint));
    throw;
  }
  size_t stored = 0;
  for (const WeightFill& weight : session->model.weights) {
    stored += weight.stored.empty() ? 0 : 1;
  }
  console.result(
      cat({command.positionals[0], " fits ", command.match, ": ", stored,
           " of ", session->model.weights.size(), " weights are stored\n"}));
  return 0;
}

}  // namespace

int inspect_verb(const Command& command, Console& console) {
  if (!command.match.empty()) return match(command, console);
  auto checkpoint = Checkpoint::open(command.positionals[0]);
  if (console.json()) {
    print_json(*checkpoint, console);
  } else {
    print_text(*checkpoint, console);
  }
  return 0;
}

}  // namespace lathe
