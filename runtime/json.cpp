#include "runtime/json.h"

#include <nlohmann/json.hpp>
#include <unordered_set>

#include "spec/diagnostic.h"

namespace lathe {
namespace {

struct Mistake {
  size_t position = 0;
  std::string message;
};

// Builds the tree from the library's events. The library does not tell where
// a value stands, so each event finds its token behind the one before it.
class TreeBuilder : public nlohmann::json_sax<nlohmann::json> {
 public:
  TreeBuilder(std::string_view text, const JsonLimits& limits)
      : text_(text), limits_(limits) {}

  JsonValue take() { return std::move(root_); }
  const Mistake& mistake() const { return mistake_; }

  bool null() override { return put(JsonValue(), word_end()); }
  bool boolean(bool value) override {
    return put(JsonValue::of(value), word_end());
  }
  bool number_integer(number_integer_t value) override {
    return put(JsonValue::of(static_cast<int64_t>(value)), word_end());
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<number_unsigned_t>(INT64_MAX)) {
      return put(JsonValue::of(static_cast<double>(value)), word_end());
    }
    return put(JsonValue::of(static_cast<int64_t>(value)), word_end());
  }
  bool number_float(number_float_t value, const string_t&) override {
    return put(JsonValue::of(value), word_end());
  }
  bool string(string_t& value) override {
    return put(JsonValue::of(std::move(value)), string_end());
  }
  bool binary(binary_t&) override { return false; }  // not in JSON text

  bool start_object(std::size_t) override { return open(JsonValue::object()); }
  bool start_array(std::size_t) override { return open(JsonValue::array()); }
  bool end_object() override {
    names_.pop_back();
    return close();
  }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    size_t begin = token_begin();
    size_t end = string_end();
    if (!names_.back().insert(name).second) {
      return refuse(begin, cat({"duplicate name ", backquoted(name)}));
    }
    position_ = end;
    open_.back()->members.push_back({std::move(name), JsonValue()});
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    mistake_.position = position > 0 ? position - 1 : 0;
    mistake_.message = message_of(error.what());
    return false;
  }

 private:
  // The library says "[json.exception.parse_error.101] parse error at line 1,
  // column 3: syntax error while parsing value - unexpected ..."; the place is
  // shown otherwise, and the last part is what helps.
  static std::string message_of(std::string_view what) {
    const size_t overflow = what.find("number overflow parsing '");
    if (overflow != std::string_view::npos) {
      return "a number is out of the range of float64";
    }
    for (std::string_view mark : {" - ", "column "}) {
      size_t at = what.find(mark);
      if (at == std::string_view::npos) continue;
      what.remove_prefix(at + mark.size());
      break;
    }
    return std::string(what.substr(0, what.find("; last read: ")));
  }

  bool refuse(size_t position, std::string message) {
    mistake_ = {position, std::move(message)};
    return false;
  }

  size_t token_begin() const {
    size_t at = text_.find_first_not_of(" \t\r\n,:", position_);
    return std::min(at, text_.size());
  }
  size_t word_end() const {
    size_t at = text_.find_first_of(" \t\r\n,:]}", token_begin());
    return std::min(at, text_.size());
  }
  size_t string_end() const {
    size_t at = token_begin() + 1;
    while (at < text_.size() && text_[at] != '"')
      at += text_[at] == '\\' ? 2 : 1;
    return std::min(at + 1, text_.size());
  }

  // Where the next value goes.
  JsonValue* place(JsonValue value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    JsonValue& parent = *open_.back();
    if (parent.is(JsonKind::kArray)) {
      parent.items.push_back(std::move(value));
      return &parent.items.back();
    }
    parent.members.back().value = std::move(value);
    return &parent.members.back().value;
  }

  bool put(JsonValue value, size_t end) {
    if (++values_ > limits_.values) {
      return refuse(token_begin(),
                    cat({"more than ", limits_.values, " values"}));
    }
    value.begin = static_cast<uint32_t>(token_begin());
    value.end = static_cast<uint32_t>(end);
    place(std::move(value));
    position_ = end;
    return true;
  }

  bool open(JsonValue value) {
    size_t begin = token_begin();
    if (static_cast<int>(open_.size()) >= limits_.depth) {
      return refuse(begin, cat({"nested more than ", limits_.depth, " deep"}));
    }
    if (value.is(JsonKind::kObject)) names_.emplace_back();
    value.begin = static_cast<uint32_t>(begin);
    // The parent's items do not move while this one is open: only the
    // innermost container grows.
    open_.push_back(place(std::move(value)));
    position_ = begin + 1;
    return true;
  }

  bool close() {
    position_ = token_begin() + 1;
    open_.back()->end = static_cast<uint32_t>(position_);
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  JsonLimits limits_;
  JsonValue root_;
  std::vector<JsonValue*> open_;
  std::vector<std::unordered_set<std::string>> names_;  // of the open objects
  size_t position_ = 0;
  int64_t values_ = 0;
  Mistake mistake_;
};

// The tree, or nothing and the mistake.
bool read_tree(std::string_view text, const JsonLimits& limits, JsonValue& tree,
               Mistake& mistake) {
  if (text.size() >= UINT32_MAX) {
    mistake = {0, "larger than 4 GB"};
    return false;
  }
  TreeBuilder builder(text, limits);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) {
    mistake = builder.mistake();
    return false;
  }
  tree = builder.take();
  return true;
}

}  // namespace

JsonValue parse_json(const SourceRef& source, const JsonLimits& limits) {
  JsonValue tree;
  Mistake mistake;
  if (read_tree(source->text, limits, tree, mistake)) return tree;
  auto at =
      static_cast<uint32_t>(std::min(mistake.position, source->text.size()));
  fail("L0514", {source, at, at + 1}, cat({"not JSON: ", mistake.message}));
}

JsonValue parse_json(std::string_view text, const std::string& what,
                     const JsonLimits& limits) {
  JsonValue tree;
  Mistake mistake;
  if (read_tree(text, limits, tree, mistake)) return tree;
  fail("L0514", {},
       cat({what, ": not JSON at byte ", mistake.position, ": ",
            mistake.message}));
}

}  // namespace lathe
