#include "spec/check.h"
#include "spec/yaml.h"

namespace lathe {

bool YamlNode::is_empty() const {
  return is_scalar() && style == YamlStyle::kPlain &&
         (text.empty() || text == "~");
}

const YamlEntry* YamlNode::find(std::string_view key) const {
  for (const YamlEntry& entry : entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

SourceSpan YamlNode::span_of(size_t begin, size_t end) const {
  LATHE_CHECK(is_scalar() && begin <= end && end <= text.size(),
              "no such part of a scalar");
  if (!span.known()) return {};
  if (alias) return span;
  if (places.empty()) {
    return {span.file, text_begin + static_cast<uint32_t>(begin),
            text_begin + static_cast<uint32_t>(end)};
  }
  uint32_t first = places[begin];
  uint32_t last = begin == end ? first : places[end - 1] + 1;
  return {span.file, first, std::max(first, last)};
}

std::string_view kind_name(YamlKind kind) {
  switch (kind) {
    case YamlKind::kScalar:
      return "text";
    case YamlKind::kSequence:
      return "a list";
    case YamlKind::kMapping:
      return "a mapping";
  }
  return "";
}

YamlRef make_scalar(std::string text, SourceSpan span) {
  auto node = std::make_shared<YamlNode>();
  node->text = std::move(text);
  node->text_begin = span.begin;
  if (span.text() != node->text) {
    node->places.assign(node->text.size() + 1, span.begin);
  }
  node->span = std::move(span);
  return node;
}

}  // namespace lathe
