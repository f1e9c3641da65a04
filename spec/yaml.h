#pragma once
// YAML with places: a tree of nodes that know where they stand in the file.
//
// Reads the strict part of YAML that specs use: one document, UTF-8, text keys,
// no duplicates, no tags or merge keys, anchors within limits. Scalars stay
// text: the field they stand in gives them a type, never YAML's guess.
// spec/yaml.cpp is the only file that knows the YAML library.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "spec/diagnostic.h"
#include "spec/source.h"

namespace lathe {

enum class YamlKind : uint8_t { kScalar, kSequence, kMapping };
enum class YamlStyle : uint8_t { kPlain, kQuoted, kBlock };

struct YamlNode;
using YamlRef = std::shared_ptr<const YamlNode>;

// `key: value` of a mapping.
struct YamlEntry {
  std::string key;
  SourceSpan key_span;
  YamlRef value;  // never null
};

struct YamlNode {
  YamlKind kind = YamlKind::kScalar;
  YamlStyle style = YamlStyle::kPlain;  // scalars only
  bool flow = false;                    // written in { } or [ ], or inside one
  bool alias = false;                   // `*name`; `span` is that of the alias
  SourceSpan span;                      // of a scalar with its quotes
  std::string text;                     // the scalar, decoded
  std::vector<YamlRef> items;           // the sequence
  std::vector<YamlEntry> entries;       // the mapping, in file order

  // Offset in the file of every byte of `text`, and of its end; empty if the
  // text stands in the file as it is, from `text_begin` on.
  std::vector<uint32_t> places;
  uint32_t text_begin = 0;

  bool is_scalar() const { return kind == YamlKind::kScalar; }
  bool is_sequence() const { return kind == YamlKind::kSequence; }
  bool is_mapping() const { return kind == YamlKind::kMapping; }

  // True for a key without a value (`bias:`), or `~`. `null` is text.
  bool is_empty() const;

  // The entry with this key, or null.
  const YamlEntry* find(std::string_view key) const;

  // The place of text[begin, end) in the file; that of the whole alias for an
  // alias. Requires: a scalar.
  SourceSpan span_of(size_t begin, size_t end) const;
};

// "text", "a list" or "a mapping", for messages.
std::string_view kind_name(YamlKind kind);

// A parsed file; `root` is null if the file cannot be read at all.
struct YamlDocument {
  SourceRef file;
  YamlRef root;
};

// Reads `file`, adding what is wrong (codes L01xx) to `diagnostics`. The tree
// holds whatever could be read.
YamlDocument parse_yaml(SourceRef file, Diagnostics& diagnostics);

// A scalar that stands in no file, for values made by code or given with -p.
YamlRef make_scalar(std::string text, SourceSpan span = {});

// Canonical YAML: block style, short things in flow style, quotes only where
// the text needs them.
std::string to_yaml(const YamlNode& node);

// `text` as a scalar, quoted if YAML would read it otherwise. `flow`: it stands
// in [ ] or { }.
std::string yaml_scalar(std::string_view text, bool flow = false);

}  // namespace lathe
