#include "runtime/inputs.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "runtime/json_tensor.h"
#include "runtime/mapped_file.h"
#include "runtime/npy.h"
#include "runtime/random.h"
#include "runtime/safetensors.h"
#include "spec/diagnostic.h"
#include "spec/suggest.h"

namespace lathe {
namespace {

// Where an input's data comes from.
enum class Kind { kNpy, kSafetensors, kJsonFile, kJsonText, kRandom, kFill };

struct Origin {
  Kind kind = Kind::kFill;
  std::string path;  // of the file, or the JSON text
  std::string member;
  int64_t number = 0;  // the seed, or the value to fill with
};

// Splits "a.safetensors:name"; true if `text` names a file of this kind.
bool names_file(const std::string& text, std::string_view end, Origin& out) {
  if (text.ends_with(end)) {
    out.path = text;
    return true;
  }
  const std::string mark = std::string(end) + ":";
  const size_t at = text.find(mark);
  if (at == std::string::npos) return false;
  out.path = text.substr(0, at + end.size());
  out.member = text.substr(at + mark.size());
  return true;
}

// "random" or "random:SEED".
bool is_random(std::string_view text, Origin& out) {
  if (text == "random") return true;
  if (text.substr(0, 7) != "random:") return false;
  text.remove_prefix(7);
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), out.number);
  return error == std::errc() && end == text.data() + text.size();
}

bool looks_like_json(std::string_view text) {
  return !text.empty() && (std::string_view("[-0123456789").find(text[0]) !=
                               std::string_view::npos ||
                           text == "true" || text == "false");
}

Origin origin_of(const Argument& argument, const std::string& folder) {
  const auto& [name, text] = argument;
  Origin out;
  if (text == "zeros" || text == "ones") {
    out.number = text == "ones";
  } else if (is_random(text, out)) {
    out.kind = Kind::kRandom;
  } else if (names_file(text, ".npy", out) && out.member.empty()) {
    out.kind = Kind::kNpy;
  } else if (names_file(text, ".safetensors", out)) {
    out.kind = Kind::kSafetensors;
  } else if (names_file(text, ".json", out)) {
    out.kind = Kind::kJsonFile;
  } else if (looks_like_json(text)) {
    out.kind = Kind::kJsonText;
    out.path = text;
  } else {
    fail("L0518", {},
         cat({"cannot tell what ", backquoted(text), " is for input ",
              backquoted(name)}),
         "a .npy, .safetensors or .json file, a list as [[1, 2, 3]], "
         "`random:SEED`, `zeros` or `ones`");
  }
  const bool is_file = out.kind == Kind::kNpy ||
                       out.kind == Kind::kSafetensors ||
                       out.kind == Kind::kJsonFile;
  if (is_file && !folder.empty() && !out.path.starts_with('/')) {
    out.path = folder + "/" + out.path;
  }
  return out;
}

// The tensor of a file that has several: the one asked for, the one called
// as the input, or the only one.
Tensor from_safetensors(const InputInfo& wanted, const Origin& origin) {
  SafetensorsFile file(origin.path);
  const std::string& name = origin.member.empty() ? wanted.name : origin.member;
  const FileTensor* found = file.find(name);
  const auto& all = file.tensors();
  if (found == nullptr && origin.member.empty() && all.size() == 1) {
    found = &all.front();
  }
  if (found != nullptr) return file.read(*found);
  std::vector<std::string> names;
  for (const FileTensor& tensor : all) names.push_back(tensor.name);
  std::string help = did_you_mean(name, names);
  if (help.empty() && names.size() <= 8) {
    help = cat({"it holds ", join(names, ", ")});
  }
  fail("L0516", {},
       cat({backquoted(origin.path), " does not hold ", backquoted(name)}),
       help);
}

Tensor from_json(const InputInfo& wanted, const Origin& origin) {
  const bool is_text = origin.kind == Kind::kJsonText;
  SourceRef source =
      is_text ? make_source(cat({"-i ", wanted.name}), origin.path)
              : make_source(origin.path, read_text_file(origin.path));
  JsonValue tree = parse_json(source);
  const JsonValue* value = &tree;
  if (tree.is(JsonKind::kObject)) {
    const std::string& name =
        origin.member.empty() ? wanted.name : origin.member;
    value = tree.find(name);
    if (value == nullptr) {
      fail("L0516", {},
           cat({backquoted(origin.path), " does not hold ", backquoted(name)}));
    }
  }
  return tensor_from_json(*value, wanted.type.dtype, source);
}

Tensor from_file(const InputInfo& wanted, const Origin& origin) {
  switch (origin.kind) {
    case Kind::kNpy:
      return read_npy(origin.path);
    case Kind::kSafetensors:
      return from_safetensors(wanted, origin);
    case Kind::kJsonFile:
    case Kind::kJsonText:
      return from_json(wanted, origin);
    case Kind::kRandom:
    case Kind::kFill:
      break;
  }
  LATHE_CHECK(false, "not a file");
  return {};
}

bool is_made(const Origin& origin) {
  return origin.kind == Kind::kRandom || origin.kind == Kind::kFill;
}

// Takes sizes that have a name of their own from a tensor. Ranks and sizes
// that do not fit are left to the engine, which has the message.
void bind_sizes(const Shape& shape, const Tensor& tensor, DimBindings& dims) {
  if (shape.size() != tensor.shape().size()) return;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i].is_symbol()) {
      dims.emplace(shape[i].symbol_name(), tensor.shape()[i]);
    }
  }
}

// The sizes of an input that is made here, or nothing and the dims it lacks.
std::optional<std::vector<int64_t>> sizes_of(const Shape& shape,
                                             const DimBindings& dims,
                                             std::set<std::string>& unbound) {
  const size_t before = unbound.size();
  for (const Dim& dim : shape) {
    for (const std::string& symbol : dim.symbols()) {
      if (dims.count(symbol) == 0) unbound.insert(symbol);
    }
  }
  if (unbound.size() > before) return std::nullopt;
  return eval(shape, dims);
}

Tensor made(const InputInfo& wanted, const Origin& origin,
            std::vector<int64_t> shape) {
  const DType dtype = wanted.type.dtype;
  if (origin.kind == Kind::kRandom) {
    return random_tensor(dtype, std::move(shape), origin.number, wanted.name);
  }
  Tensor out(dtype, std::move(shape));
  if (origin.number == 0) return out;
  for (int64_t i = 0; i < out.numel(); ++i) out.set_int(i, origin.number);
  return out;
}

std::string declaration_of(const InputInfo& input) {
  return cat({input.name, ": ", to_string(input.type)});
}

// Errors for names that the model does not have and inputs without data.
void check_names(const std::vector<InputInfo>& wanted,
                 const GivenInputs& inputs) {
  Diagnostics diagnostics;
  std::vector<std::string> names;
  for (const InputInfo& input : wanted) names.push_back(input.name);
  std::vector<std::string> all;
  for (const auto& [name, text] : inputs.arguments) all.push_back(name);
  for (const auto& [name, tensor] : inputs.tensors) all.push_back(name);
  std::set<std::string> given;
  for (const std::string& name : all) {
    if (!given.insert(name).second) {
      diagnostics.error("L0518", {},
                        cat({"input ", backquoted(name), " is given twice"}));
    }
    if (std::count(names.begin(), names.end(), name) > 0) continue;
    std::string help = did_you_mean(name, names);
    if (help.empty()) help = cat({"its inputs are ", join(names, ", ")});
    diagnostics.error("L0518", {},
                      cat({"the model has no input ", backquoted(name)}), help);
  }
  for (const InputInfo& input : wanted) {
    if (input.default_value || given.count(input.name) > 0) continue;
    diagnostics.error(
        "L0518", {}, cat({"input `", declaration_of(input), "` gets no data"}),
        cat({"`-i ", input.name, "=FILE`, `-i ", input.name,
             "=random:0`, or a list as `-i '", input.name, "=[...]'`"}));
  }
  diagnostics.throw_if_errors();
}

void check_dims(const std::vector<InputInfo>& wanted, const DimBindings& dims) {
  std::set<std::string> known;
  for (const InputInfo& input : wanted) {
    for (const Dim& dim : input.type.shape) known.merge(dim.symbols());
  }
  const std::vector<std::string> names(known.begin(), known.end());
  Diagnostics diagnostics;
  for (const auto& [name, size] : dims) {
    if (known.count(name) > 0) continue;
    std::string help = did_you_mean(name, names);
    if (help.empty() && !names.empty()) {
      help = cat({"its dims are ", join(names, ", ")});
    }
    diagnostics.error("L0518", {},
                      cat({"no input has a dim ", backquoted(name)}), help);
  }
  diagnostics.throw_if_errors();
}

}  // namespace

std::map<std::string, Tensor> read_inputs(const std::vector<InputInfo>& wanted,
                                          const GivenInputs& given,
                                          DimBindings& dims) {
  check_names(wanted, given);
  check_dims(wanted, dims);
  std::map<std::string, Origin> origins;
  for (const Argument& argument : given.arguments) {
    origins[argument.first] = origin_of(argument, given.folder);
  }
  std::map<std::string, Tensor> out = given.tensors;
  for (const InputInfo& input : wanted) {
    auto it = out.find(input.name);
    if (it != out.end()) bind_sizes(input.type.shape, it->second, dims);
  }
  // Files and lists first: they show sizes that the others take.
  for (const InputInfo& input : wanted) {
    auto it = origins.find(input.name);
    if (it == origins.end() || is_made(it->second)) continue;
    Tensor tensor = from_file(input, it->second);
    bind_sizes(input.type.shape, tensor, dims);
    out.emplace(input.name, std::move(tensor));
  }
  Diagnostics diagnostics;
  for (const InputInfo& input : wanted) {
    auto it = origins.find(input.name);
    if (it == origins.end() || !is_made(it->second)) continue;
    std::set<std::string> unbound;
    if (auto shape = sizes_of(input.type.shape, dims, unbound)) {
      out.emplace(input.name, made(input, it->second, *shape));
      continue;
    }
    std::string help;
    for (const std::string& dim : unbound) {
      help += cat({help.empty() ? "`" : " ", "-d ", dim, "=4"});
    }
    diagnostics.error(
        "L0518", {},
        cat({"the sizes of `", declaration_of(input), "` are not known"}),
        help + "`");
  }
  diagnostics.throw_if_errors();
  return out;
}

}  // namespace lathe
