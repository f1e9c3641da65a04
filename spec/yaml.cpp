// Builds the tree from the events of yaml-cpp. The library is trusted with the
// grammar, not with strictness or places: see spec/yaml_scan.h.
#include "spec/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "spec/check.h"
#include "spec/yaml_scan.h"

namespace lathe {
namespace {

// Thrown to leave the library when the rest of the file is of no use.
struct StopReading {};

// Stands for `?` in what the library reads. No file holds it: see check_text.
constexpr char kQuestionMark = '\x01';

// The text for the library. It ends a plain text in { } or [ ] at every `?`,
// where YAML allows it (`int?`): all but those that may begin a key are hidden.
std::string hide_question_marks(std::string text) {
  bool inside = false;  // the line, or the item in brackets, holds a text
  char before = 0;      // last character that is no blank
  for (size_t i = 0; i < text.size(); ++i) {
    char& c = text[i];
    if (c == ' ' || c == '\t') continue;
    bool mark = std::string_view("-?:").find(c) != std::string_view::npos;
    bool begins = std::string_view("\n{[,").find(c) != std::string_view::npos;
    bool alone = i + 1 == text.size() || text[i + 1] <= ' ';
    bool in_text = !alone || (inside && before != ':');
    if (c == '?' && in_text) c = kQuestionMark;
    if (begins || !mark) inside = !begins;
    before = c;
  }
  return text;
}

// What an anchor marks.
struct Anchored {
  YamlRef node;      // null while it is still open
  size_t nodes = 1;  // in the whole subtree
  int depth = 0;     // levels of collections in it
};

// A sequence or mapping that is being read.
struct Frame {
  std::shared_ptr<YamlNode> node;
  YAML::anchor_t anchor = 0;
  int column = 0;
  bool wants_key = false;  // of a mapping
  bool dropped = false;    // it stands where only a key may stand
  bool has_key = false;    // `key` is good
  std::string key;
  SourceSpan key_span;
  std::set<std::string> keys;  // to find duplicates
  size_t nodes = 1;
  int depth = 1;
};

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(SourceRef file, uint32_t shift, Diagnostics& diagnostics)
      : file_(std::move(file)), shift_(shift), diagnostics_(diagnostics) {}

  YamlRef root() const { return root_; }
  const std::vector<std::pair<uint32_t, uint32_t>>& covered() const {
    return covered_;
  }

  // The innermost { or [ that is still open, if any.
  const YamlNode* open_flow() const {
    for (size_t i = frames_.size(); i > 0; --i) {
      if (frames_[i - 1].node->flow) return frames_[i - 1].node.get();
    }
    return nullptr;
  }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnScalar(const YAML::Mark& mark, const std::string& tag,
                YAML::anchor_t anchor, const std::string& value) override;
  void OnSequenceStart(const YAML::Mark& mark, const std::string&,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    open(YamlKind::kSequence, mark, anchor, style);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&,
                  YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    open(YamlKind::kMapping, mark, anchor, style);
  }
  void OnMapEnd() override { close(); }

 private:
  uint32_t offset(const YAML::Mark& mark) const {
    return std::min(static_cast<uint32_t>(mark.pos) + shift_,
                    static_cast<uint32_t>(file_->text.size()));
  }

  bool in_key() const { return !frames_.empty() && frames_.back().wants_key; }

  uint32_t last_end() const {
    return covered_.empty() ? shift_ : covered_.back().second;
  }

  // Offset of the node's own text behind its anchor.
  uint32_t begin_of(const YAML::Mark& mark);

  // True if the null at `begin` is written out (`~`, `null`).
  bool is_written_null(uint32_t begin, const YAML::Mark& mark) const;

  void open(YamlKind kind, const YAML::Mark& mark, YAML::anchor_t anchor,
            YAML::EmitterStyle::value style);
  void close();
  void find_end(YamlNode& node);
  void scalar(uint32_t begin, std::string text, YAML::anchor_t anchor);
  void add_key(const YamlNode& node);
  void add(YamlRef node, YAML::anchor_t anchor, size_t nodes, int depth);

  SourceRef file_;
  uint32_t shift_;  // length of the byte order mark
  Diagnostics& diagnostics_;
  YamlRef root_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  size_t alias_nodes_ = 0;
  std::vector<std::pair<uint32_t, uint32_t>> covered_;
};

uint32_t TreeBuilder::begin_of(const YAML::Mark& mark) {
  uint32_t begin = offset(mark);
  uint32_t end = begin;
  uint32_t text = skip_properties(file_, begin, end, diagnostics_);
  if (end > begin) covered_.emplace_back(begin, end);
  return end > begin ? text : begin;
}

bool TreeBuilder::is_written_null(uint32_t begin,
                                  const YAML::Mark& mark) const {
  std::string_view rest = std::string_view(file_->text).substr(begin);
  bool written = rest.rfind('~', 0) == 0;
  for (std::string_view word : {"null", "Null", "NULL"}) {
    if (rest.rfind(word, 0) == 0) written = true;
  }
  if (!written || frames_.empty() || frames_.back().node->flow) return written;
  // The mark of an empty value is that of the next token, here the next key.
  return in_key() || mark.column > frames_.back().column;
}

void TreeBuilder::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
  uint32_t begin = begin_of(mark);
  if (is_written_null(begin, mark)) {
    char first = file_->text[begin];
    return scalar(begin, file_->text.substr(begin, first == '~' ? 1 : 4),
                  anchor);
  }
  auto node = std::make_shared<YamlNode>();
  uint32_t end = last_end();
  // Behind the colon, where the value would stand.
  uint32_t colon = skip_blanks(file_->text, end);
  if (!in_key() && colon < file_->text.size() && file_->text[colon] == ':') {
    end = colon + 1;
  }
  node->span = {file_, end, end};
  node->text_begin = end;
  node->flow = !frames_.empty() && frames_.back().node->flow;
  if (in_key()) {
    diagnostics_.error("L0107", {file_, begin, begin + 1},
                       "a key should stand here");
    frames_.back().has_key = false;
    frames_.back().wants_key = false;
    return;
  }
  add(std::move(node), anchor, 1, 0);
}

void TreeBuilder::OnScalar(const YAML::Mark& mark, const std::string&,
                           YAML::anchor_t anchor, const std::string& value) {
  std::string text = value;
  std::replace(text.begin(), text.end(), kQuestionMark, '?');
  scalar(begin_of(mark), std::move(text), anchor);
}

void TreeBuilder::scalar(uint32_t begin, std::string text,
                         YAML::anchor_t anchor) {
  auto node = std::make_shared<YamlNode>();
  node->text = std::move(text);
  node->flow = !frames_.empty() && frames_.back().node->flow;
  locate_scalar(file_, begin, *node, diagnostics_);
  covered_.emplace_back(node->span.begin, node->span.end);
  if (in_key()) {
    add_key(*node);
    if (anchor != 0) anchors_[anchor] = {node, 1, 0};
    return;
  }
  add(std::move(node), anchor, 1, 0);
}

void TreeBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
  uint32_t begin = offset(mark);
  size_t end = file_->text.find_first_of(" \t\r\n,[]{}", begin);
  if (end == std::string::npos) end = file_->text.size();
  SourceSpan span = {file_, begin, static_cast<uint32_t>(end)};
  covered_.emplace_back(span.begin, span.end);
  const Anchored& target = anchors_[anchor];
  if (target.node == nullptr) {
    diagnostics_.error(
        "L0108", span,
        cat({backquoted(span.text()), " stands inside what it repeats"}));
    throw StopReading();
  }
  alias_nodes_ += target.nodes;
  if (alias_nodes_ > kMaxAliasNodes ||
      static_cast<int>(frames_.size()) + target.depth > kMaxYamlDepth) {
    bool count = alias_nodes_ > kMaxAliasNodes;
    diagnostics_.error(
        "L0109", span,
        count ? cat({"anchors expand to more than ", kMaxAliasNodes, " nodes"})
              : cat({"more than ", kMaxYamlDepth, " levels of nesting"}));
    throw StopReading();
  }
  if (in_key()) {
    if (target.node->is_scalar()) return add_key(*target.node);
    diagnostics_.error("L0107", span, "a key must be text");
    frames_.back().has_key = false;
    frames_.back().wants_key = false;
    return;
  }
  auto repeated = std::make_shared<YamlNode>(*target.node);
  repeated->span = span;
  repeated->alias = true;
  add(std::move(repeated), 0, target.nodes, target.depth);
}

void TreeBuilder::open(YamlKind kind, const YAML::Mark& mark,
                       YAML::anchor_t anchor, YAML::EmitterStyle::value style) {
  Frame frame;
  frame.node = std::make_shared<YamlNode>();
  uint32_t begin = begin_of(mark);
  frame.node->kind = kind;
  frame.node->flow = style == YAML::EmitterStyle::Flow;
  frame.node->span = {file_, begin, begin};
  frame.anchor = anchor;
  frame.column = mark.column;
  frame.wants_key = kind == YamlKind::kMapping;
  if (in_key()) {
    diagnostics_.error("L0107", {file_, begin, begin + 1},
                       cat({"a key must be text, not ", kind_name(kind)}),
                       "put the key in quotes");
    frame.dropped = true;
  }
  if (anchor != 0) anchors_[anchor] = {};
  frames_.push_back(std::move(frame));
  if (frames_.size() > static_cast<size_t>(kMaxYamlDepth)) {
    diagnostics_.error(
        "L0109", {file_, begin, begin + 1},
        cat({"more than ", kMaxYamlDepth, " levels of nesting"}));
    throw StopReading();
  }
}

void TreeBuilder::close() {
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  find_end(*frame.node);
  if (frame.dropped) {
    frames_.back().has_key = false;
    frames_.back().wants_key = false;
    return;
  }
  add(std::move(frame.node), frame.anchor, frame.nodes, frame.depth);
}

// A block ends with its last child; a flow collection with its bracket.
void TreeBuilder::find_end(YamlNode& node) {
  uint32_t end = std::max(last_end(), node.span.begin);
  const std::string& text = file_->text;
  if (node.flow && node.span.begin < text.size()) {
    char opening = text[node.span.begin];
    bool bracketed = opening == '[' || opening == '{';
    char closing = opening == '[' ? ']' : '}';
    uint32_t at = std::max(end, node.span.begin + (bracketed ? 1u : 0u));
    while (bracketed && at < text.size()) {
      at = skip_blanks(text, at);
      if (at >= text.size()) break;
      char c = text[at++];
      if (c == closing) {
        covered_.emplace_back(at - 1, at);
        end = at;
        break;
      }
      if (c != ',' && c != ':') break;
    }
  }
  node.span.end = end;
}

void TreeBuilder::add_key(const YamlNode& node) {
  Frame& frame = frames_.back();
  frame.wants_key = false;
  frame.has_key = true;
  frame.key = node.text;
  frame.key_span = node.span;
  if (node.text == "<<" && node.style == YamlStyle::kPlain) {
    diagnostics_.error("L0110", node.span, "merge keys are not supported",
                       "write the keys out, or use a preset or a layer");
    frame.has_key = false;
    return;
  }
  if (frame.keys.insert(node.text).second) return;
  frame.has_key = false;
  const YamlEntry* first = frame.node->find(node.text);
  std::vector<std::string> notes;
  if (first != nullptr) {
    notes.push_back(cat({"first given at ", place_of(first->key_span)}));
  }
  diagnostics_.error(
      "L0102", node.span,
      cat({"the key ", backquoted(node.text), " is given twice"}), "",
      std::move(notes));
}

void TreeBuilder::add(YamlRef node, YAML::anchor_t anchor, size_t nodes,
                      int depth) {
  if (anchor != 0) anchors_[anchor] = {node, nodes, depth};
  if (frames_.empty()) {
    root_ = std::move(node);
    return;
  }
  Frame& frame = frames_.back();
  frame.nodes += nodes;
  frame.depth = std::max(frame.depth, depth + 1);
  if (frame.node->is_sequence()) {
    frame.node->items.push_back(std::move(node));
    return;
  }
  frame.wants_key = true;
  if (!frame.has_key) return;
  frame.node->entries.push_back(
      {std::move(frame.key), frame.key_span, std::move(node)});
  frame.has_key = false;
}

}  // namespace

YamlDocument parse_yaml(SourceRef file, Diagnostics& diagnostics) {
  YamlDocument document;
  document.file = file;
  if (!check_text(file, diagnostics)) return document;
  bool marked = file->text.rfind("\xEF\xBB\xBF", 0) == 0;
  uint32_t shift = marked ? 3 : 0;
  size_t errors = diagnostics.error_count();
  TreeBuilder builder(file, shift, diagnostics);
  try {
    std::istringstream stream(hide_question_marks(file->text.substr(shift)));
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) {
      diagnostics.error("L0112", {file, 0, 0}, "the file is empty",
                        "a spec begins with `lathe: 1`");
      return document;
    }
  } catch (const StopReading&) {
    return document;
  } catch (const YAML::Exception& exception) {
    if (diagnostics.error_count() == errors) {
      auto end = static_cast<int64_t>(file->text.size());
      auto begin = static_cast<uint32_t>(
          std::clamp<int64_t>(int64_t{exception.mark.pos} + shift, 0, end));
      report_syntax(exception.msg, file, begin, builder.open_flow(),
                    diagnostics);
    }
    return document;
  }
  check_gaps(file, builder.covered(), diagnostics);
  document.root = builder.root();
  return document;
}

}  // namespace lathe
