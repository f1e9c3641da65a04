#include "runtime/cache_entry.h"

#include <array>
#include <iterator>
#include <utility>

#include "spec/text.h"

namespace lathe {
namespace {

constexpr std::string_view kHead = "lathe-kernel 1";
constexpr std::string_view kEntryEnd = "end";

// The lines between head and end: a word, a space and the value.
template <typename Entry>
auto fields_of(Entry& entry) {
  return std::array{std::pair{"name ", &entry.name},
                    std::pair{"object ", &entry.object},
                    std::pair{"abi ", &entry.context.abi},
                    std::pair{"compiler ", &entry.context.compiler},
                    std::pair{"flags ", &entry.context.flags},
                    std::pair{"cpu ", &entry.context.cpu}};
}

}  // namespace

std::string to_text(const CacheEntry& entry) {
  std::string text = cat({kHead, "\n"});
  for (const auto& [word, value] : fields_of(entry)) {
    text += cat({word, *value, "\n"});
  }
  return cat({text, kEntryEnd, "\n"});
}

std::optional<CacheEntry> parse_cache_entry(const std::string& text) {
  const std::vector<std::string> lines = split(text, '\n');
  CacheEntry entry;
  const auto fields = fields_of(entry);
  if (lines.size() < fields.size() + 2 || lines[0] != kHead ||
      lines[fields.size() + 1] != kEntryEnd) {
    return std::nullopt;
  }
  for (size_t i = 0; i < fields.size(); ++i) {
    const std::string_view word = fields[i].first;
    if (!lines[i + 1].starts_with(word)) return std::nullopt;
    *fields[i].second = lines[i + 1].substr(word.size());
  }
  return entry;
}

}  // namespace lathe
