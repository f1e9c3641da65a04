// `lathe cache [list|prune|clear]`: the compiled kernels that are kept.
#include "runtime/cache_tools.h"
#include "runtime/cli/session.h"
#include "runtime/cli/table.h"
#include "runtime/cli/verbs.h"
#include "runtime/json.h"
#include "spec/suggest.h"

namespace lathe {
namespace {

int64_t kernels_of(const std::vector<CachedObject>& objects) {
  int64_t out = 0;
  for (const CachedObject& object : objects) {
    out += static_cast<int64_t>(object.kernels.size());
  }
  return out;
}

std::string summary(const std::string& folder) {
  const int64_t kernels = kernels_of(list_cache(folder));
  return cat({kernels, kernels == 1 ? " kernel, " : " kernels, ",
              bytes_text(cache_bytes(folder)), " in ", folder, "\n"});
}

std::string list_text(const std::string& folder) {
  Table table({">BYTES", "KERNELS"});
  for (const CachedObject& object : list_cache(folder)) {
    table.add({bytes_text(object.bytes), join(object.kernels, " ")});
  }
  return table.text();
}

JsonValue list_json(const std::string& folder) {
  JsonValue out = JsonValue::object();
  out.add("folder", JsonValue::of(folder));
  out.add("bytes", JsonValue::of(cache_bytes(folder)));
  JsonValue objects = JsonValue::array();
  for (const CachedObject& object : list_cache(folder)) {
    JsonValue row = JsonValue::object();
    row.add("path", JsonValue::of(object.path));
    row.add("bytes", JsonValue::of(object.bytes));
    JsonValue kernels = JsonValue::array();
    for (const std::string& name : object.kernels) {
      kernels.items.push_back(JsonValue::of(name));
    }
    row.add("kernels", std::move(kernels));
    objects.items.push_back(std::move(row));
  }
  out.add("objects", std::move(objects));
  return out;
}

// What the word asks for; text is printed unless --json was given.
std::string act(const std::string& word, const std::string& folder) {
  if (word.empty()) return summary(folder);
  if (word == "list") return list_text(folder);
  if (word == "clear") {
    return cat({"freed ", bytes_text(clear_cache(folder)), "\n"});
  }
  if (word == "prune") {
    return cat({"freed ", bytes_text(prune_cache(folder, {})), "\n"});
  }
  std::string help = did_you_mean(word, {"list", "prune", "clear"});
  throw UsageError(
      cat({"`lathe cache` does not know ", backquoted(word)}),
      help.empty() ? "`list`, `prune`, `clear`, or nothing" : help);
}

}  // namespace

int cache_verb(const Command& command, Console& console) {
  const std::string folder = options_of(command).cache_dir;
  if (folder.empty()) {
    throw UsageError("there is no cache folder",
                     "set HOME or XDG_CACHE_HOME, or give --cache-dir");
  }
  const std::string word =
      command.positionals.empty() ? "" : command.positionals[0];
  const std::string text = act(word, folder);
  console.result(console.json() ? to_json(list_json(folder)) : text);
  return 0;
}

}  // namespace lathe
