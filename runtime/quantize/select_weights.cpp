#include "runtime/quantize/select_weights.h"

#include <algorithm>

#include "interpreter/name_pattern.h"
#include "spec/diagnostic.h"
#include "spec/suggest.h"
#include "spec/text.h"

namespace lathe {
namespace {

// Tables that are looked up in, under the names that models give them.
constexpr std::string_view kEmbeddings[] = {
    "*embed*.weight", "*wte.weight", "*wpe.weight", "token_embd.weight"};

// Matrices that are kept: projections to the vocabulary, routers of experts
// (small, and decisive), and GPT-2's, which lie the other way round.
constexpr std::string_view kKept[] = {
    "*lm_head.weight", "output.weight",   "*.gate.weight",
    "*router.weight",  "*.c_attn.weight", "*.c_proj.weight",
    "*.c_fc.weight"};

template <typename Patterns>
bool matches_one(const Patterns& patterns, std::string_view name) {
  return std::any_of(std::begin(patterns), std::end(patterns),
                     [&](std::string_view pattern) {
                       return match_name(pattern, name).has_value();
                     });
}

void require_match(const char* option, const std::vector<std::string>& patterns,
                   const Checkpoint& checkpoint) {
  std::vector<std::string> names;
  for (const Checkpoint::Entry& entry : checkpoint.entries()) {
    names.push_back(entry.tensor->name);
  }
  for (const std::string& pattern : patterns) {
    const bool found = std::any_of(
        names.begin(), names.end(), [&](const std::string& name) {
          return match_name(pattern, name).has_value();
        });
    if (found) continue;
    fail("L0530", {},
         cat({"`", option, " ", printable(pattern), "` matches no tensor of ",
              backquoted(checkpoint.path())}),
         did_you_mean(pattern, names));
  }
}

}  // namespace

WeightSelection::WeightSelection(const std::vector<std::string>& only,
                                 const std::vector<std::string>& except,
                                 const Checkpoint& checkpoint)
    : only_(only), except_(except) {
  require_match("--only", only, checkpoint);
  require_match("--except", except, checkpoint);
}

bool WeightSelection::takes(const FileTensor& tensor) const {
  if (!is_matrix_weight(tensor) || matches_one(except_, tensor.name)) {
    return false;
  }
  if (!only_.empty()) return matches_one(only_, tensor.name);
  return !is_embedding(tensor.name) && !matches_one(kKept, tensor.name);
}

bool is_matrix_weight(const FileTensor& tensor) {
  const bool wide_float = tensor.dtype && is_float(*tensor.dtype) &&
                          !is_float8(*tensor.dtype);
  return wide_float && tensor.shape.size() == 2 &&
         tensor.name.ends_with(".weight");
}

bool is_embedding(const std::string& name) {
  return matches_one(kEmbeddings, name);
}

}  // namespace lathe
