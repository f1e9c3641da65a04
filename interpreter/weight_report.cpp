#include "interpreter/weight_report.h"

#include <algorithm>
#include <map>

#include "interpreter/fold_names.h"
#include "interpreter/propose_rules.h"
#include "spec/suggest.h"
#include "spec/text.h"

namespace lathe {
namespace {

constexpr size_t kMaxIgnored = 3;

// Names of one type, folded, with the type behind: one line each.
std::vector<std::string> folded_lines(const std::vector<NamedType>& list) {
  std::vector<std::pair<std::string, std::vector<std::string>>> by_type;
  std::map<std::string, size_t> index;
  for (const NamedType& item : list) {
    const std::string type =
        item.foreign.empty() ? to_string(item.type)
                             : item.foreign + to_string(item.type.shape);
    const auto [it, is_new] = index.try_emplace(type, by_type.size());
    if (is_new) by_type.push_back({type, {}});
    by_type[it->second].second.push_back(item.name);
  }
  std::vector<std::string> lines;
  for (const auto& [type, names] : by_type) {
    for (const std::string& line : fold_names(names, names.size() + 1)) {
      lines.push_back(line + " " + type);
    }
  }
  if (lines.size() > kListLines) {
    const size_t more = lines.size() - (kListLines - 1);
    lines.resize(kListLines - 1);
    lines.push_back(cat({"and ", more, " more"}));
  }
  return lines;
}

std::string count_of(size_t count, const char* one, const char* many) {
  return cat({count, " ", count == 1 ? one : many});
}

std::string help_for(const WeightReport& report) {
  const std::vector<std::string> rules = propose_rules(report);
  if (!rules.empty()) {
    return cat({"checkpoint: {load: [", join(rules, ", "), "]}"});
  }
  if (report.missing.empty() && report.mismatched.empty()) {
    std::vector<std::string> names;
    for (const NamedType& tensor : report.unused) {
      names.push_back(generalised(tensor.name));
      for (const char* letter : {"{i}", "{j}", "{k}"}) {
        const size_t at = names.back().find(letter);
        if (at != std::string::npos) names.back().replace(at, 3, "*");
      }
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    if (names.size() > kMaxIgnored) return "`lathe inspect --match` shows both";
    for (std::string& name : names) name = "\"" + name + "\"";
    return cat({"checkpoint: {ignore: [", join(names, ", "), "]}"});
  }
  for (const MismatchedWeight& weight : report.mismatched) {
    if (!is_block(weight.declared.dtype)) continue;
    if (weight.declared.shape != weight.loaded.shape) continue;
    return cat({"declare it with a float dtype, without "
                "`quantization_encoding`: then it loads from any; or name a "
                "checkpoint that stores it as ",
                to_string(weight.declared.dtype)});
  }
  return "";
}

void add_mismatches(Diagnostic& diagnostic,
                    const std::vector<MismatchedWeight>& list) {
  std::map<std::string, std::vector<std::string>> kinds;
  for (const MismatchedWeight& weight : list) {
    kinds[cat({" is ", to_string(weight.declared), " here and ",
               to_string(weight.loaded), " in the checkpoint"})]
        .push_back(weight.name);
  }
  size_t lines = 0;
  for (const auto& [text, names] : kinds) {
    for (const std::string& line : fold_names(names, kListLines)) {
      if (++lines > kListLines) return;
      diagnostic.notes.push_back(line + text);
    }
  }
}

}  // namespace

std::string did_you_mean_weight(const std::string& path,
                                const std::vector<std::string>& paths) {
  return did_you_mean(path, paths);
}

namespace {

Diagnostic describe_fit(const WeightReport& report,
                        const std::string& checkpoint) {
  Diagnostic diagnostic;
  diagnostic.code = "L0501";
  diagnostic.message =
      cat({"the checkpoint ", checkpoint, " does not fit the model"});
  diagnostic.span = report.place;
  add_mismatches(diagnostic, report.mismatched);
  add_list(diagnostic,
           count_of(report.missing.size(),
                    "weight has no tensor:", "weights have no tensor:"),
           folded_lines(report.missing));
  add_list(diagnostic,
           count_of(report.unused.size(),
                    "tensor is not used:", "tensors are not used:"),
           folded_lines(report.unused));
  diagnostic.help = help_for(report);
  return diagnostic;
}

Diagnostic describe_foreign(const WeightReport& report,
                            const std::string& checkpoint) {
  Diagnostic diagnostic;
  diagnostic.code = "L0517";
  diagnostic.message =
      cat({"the checkpoint ", checkpoint,
           " stores weights in a form that this version cannot compute with"});
  diagnostic.span = report.place;
  std::map<std::string, std::vector<std::string>> by_type;
  for (const StoredTensor& tensor : report.foreign) {
    by_type[tensor.foreign].push_back(tensor.name);
  }
  for (const auto& [type, names] : by_type) {
    for (const std::string& line : fold_names(names, kListLines)) {
      diagnostic.notes.push_back(cat({line, " is stored as ", type}));
    }
  }
  return diagnostic;
}

}  // namespace

std::vector<Diagnostic> describe(const WeightReport& report,
                                 const std::string& checkpoint) {
  std::vector<Diagnostic> out;
  if (!report.fits()) out.push_back(describe_fit(report, checkpoint));
  if (!report.foreign.empty()) {
    out.push_back(describe_foreign(report, checkpoint));
  }
  return out;
}

}  // namespace lathe
