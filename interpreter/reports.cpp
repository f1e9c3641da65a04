#include "interpreter/reports.h"

#include "spec/text.h"

namespace lathe {
namespace {

// What makes two messages one. Spans are compared by file and place.
std::string key_of(const Diagnostic& d) {
  std::string key = cat({d.code, "\n", d.message, "\n", d.help, "\n",
                         d.span.known() ? d.span.file->name : "", ":",
                         d.span.begin, ":", d.span.end});
  for (const std::string& note : d.notes) key += "\n" + note;
  return key;
}

// "in: model.layers.0.mlp (llama.yaml:54; the same in layers 0 to 31)".
std::string chain_note(const std::vector<ReportPlace>& places) {
  const ReportPlace& first = places.front();
  std::vector<std::string> remarks;
  if (!first.declared.empty()) remarks.push_back(first.declared);
  if (first.list_size > 1) {
    remarks.push_back(
        cat({"the same in layers 0 to ", first.list_size - 1}));
  } else if (places.size() > 1) {
    remarks.push_back(cat({"and in ", places.size() - 1, " more"}));
  }
  std::string note = "in: " + first.path;
  if (!remarks.empty()) note += " (" + join(remarks, "; ") + ")";
  return note;
}

}  // namespace

void Reports::add(Diagnostic diagnostic, ReportPlace place) {
  const auto [it, is_new] =
      index_.try_emplace(key_of(diagnostic), entries_.size());
  if (is_new) {
    entries_.push_back({std::move(diagnostic), {std::move(place)}});
    return;
  }
  entries_[it->second].places.push_back(std::move(place));
}

void Reports::flush(Diagnostics& diagnostics) {
  for (Entry& entry : entries_) {
    if (!entry.places.front().path.empty()) {
      entry.diagnostic.notes.push_back(chain_note(entry.places));
    }
    diagnostics.add(std::move(entry.diagnostic));
  }
  entries_.clear();
  index_.clear();
}

}  // namespace lathe
