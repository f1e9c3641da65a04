#include "interpreter/reports.h"

#include <algorithm>
#include <functional>

#include "interpreter/fold_names.h"
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

// The text with `.N` for each number behind a dot: equal for all items of a
// list.
std::string without_numbers(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    out += text[i];
    if (text[i] != '.') continue;
    const size_t end = text.find_first_not_of("0123456789", i + 1);
    if (end == i + 1 || end == std::string::npos) continue;
    out += 'N';
    i = end - 1;
  }
  return out;
}

// The first name in quotes.
std::string name_in(const std::string& message) {
  const size_t begin = message.find('`') + 1;
  return message.substr(begin, message.find('`', begin) - begin);
}

// What a message is about, if it says that a name means nothing here, or that
// a field is missing: equal for messages that are one mistake.
std::string subject_of(const Diagnostic& d) {
  if (!d.span.known()) return "";
  const std::string text(d.span.text());
  const std::string file = d.span.file->name + ": ";
  // One declaration may be shown at several places that lead to it.
  if (d.code == "L0212") return without_numbers(d.message);
  const auto says = [&](const std::string& words) {
    return d.message.find(words) != std::string::npos;
  };
  const bool unknown_name = d.code == "L0330" && says(cat({"`", text, "`"}));
  // A word that was taken for a text because it means nothing.
  const bool word = d.code == "L0331" && is_identifier(text) &&
                    says(cat({"the text '", text, "'"}));
  return unknown_name || word ? file + text : "";
}

// Gives names in what is declared (`emb.weight`) the subject of that (`emb`).
using Uses = std::map<std::string, std::vector<size_t>>;
void join_dotted(Uses& uses) {
  for (auto it = uses.begin(); it != uses.end();) {
    std::string owner = it->first;
    size_t dot;
    Uses::iterator found = uses.end();
    while (found == uses.end() &&
           (dot = owner.rfind('.')) != std::string::npos) {
      owner.resize(dot);
      found = uses.find(owner);
    }
    if (found == uses.end()) {
      ++it;
      continue;
    }
    found->second.insert(found->second.end(), it->second.begin(),
                         it->second.end());
    it = uses.erase(it);
  }
}

// "there is no output `z`" says what kind of name is meant: such mistakes are
// one only with a use of the name that could be of any kind, or if they are of
// one kind.
void part_kinds(Uses& uses, const std::function<std::string(size_t)>& message) {
  const auto says_kind = [&](size_t entry) {
    return message(entry).rfind("there is no ", 0) == 0;
  };
  Uses parted;
  for (const auto& [subject, at] : uses) {
    const bool kinds = std::all_of(at.begin(), at.end(), says_kind);
    for (size_t entry : at) {
      parted[kinds ? cat({subject, "\n", message(entry)}) : subject]
          .push_back(entry);
    }
  }
  uses = std::move(parted);
}

// "and at m.yaml:22, m.yaml:28 and 3 more places".
std::string also_note(const std::vector<SourceSpan>& places) {
  constexpr size_t kShown = 3;
  std::vector<std::string> shown;
  for (const SourceSpan& place : places) {
    const std::string text = place_of(place);
    if (shown.empty() || shown.back() != text) shown.push_back(text);
  }
  const size_t more = shown.size() > kShown ? shown.size() - kShown : 0;
  shown.resize(shown.size() - more);
  std::string note = "and at " + join(shown, ", ");
  if (more > 0) note += cat({" and ", more, more > 1 ? " more" : " other"});
  return note;
}

}  // namespace

// The first place keeps the message, which tells the others.
void Reports::join_unknown_names() {
  Uses uses;
  for (size_t i = 0; i < entries_.size(); ++i) {
    const std::string subject = subject_of(entries_[i].diagnostic);
    if (!subject.empty()) uses[subject].push_back(i);
  }
  join_dotted(uses);
  part_kinds(uses, [&](size_t i) { return entries_[i].diagnostic.message; });
  std::vector<bool> joined(entries_.size(), false);
  for (auto& [subject, at] : uses) {
    if (at.size() == 1) continue;
    std::stable_sort(at.begin(), at.end(), [&](size_t a, size_t b) {
      const SourceSpan& x = entries_[a].diagnostic.span;
      const SourceSpan& y = entries_[b].diagnostic.span;
      return x.file == y.file && x.begin < y.begin;
    });
    Diagnostic& first = entries_[at[0]].diagnostic;
    std::vector<SourceSpan> others;
    std::vector<std::string> items;
    for (size_t i = 1; i < at.size(); ++i) {
      const Diagnostic& other = entries_[at[i]].diagnostic;
      others.push_back(other.span);
      if (other.message != first.message) {
        items.push_back(name_in(other.message));
      }
      joined[at[i]] = true;
    }
    if (first.code != "L0212") {
      first.notes.push_back(also_note(others));
    } else if (!items.empty()) {
      first.notes.push_back(cat({"the same for ",
                                 join(fold_names(items, 3), ", ")}));
      entries_[at[0]].places.front().list_size = 0;
    }
  }
  size_t kept = 0;
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (joined[i]) continue;
    if (kept != i) entries_[kept] = std::move(entries_[i]);
    ++kept;
  }
  entries_.resize(kept);
}

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
  join_unknown_names();
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
