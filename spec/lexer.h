#pragma once
// Splits the text of an expression into tokens. Internal to spec/expression*.

#include <string>
#include <string_view>

#include "spec/diagnostic.h"
#include "spec/yaml.h"

namespace lathe {

enum class TokenKind : uint8_t {
  kInt,
  kFloat,
  kString,
  kName,
  kOperator,
  kEnd
};

// A piece of text [begin, end) of a scalar. Names may be dotted; reserved
// words that are operators are operators, the others are names.
struct Token {
  TokenKind kind = TokenKind::kEnd;
  size_t begin = 0, end = 0;
  std::string text;      // the name, the operator, the decoded string
  uint64_t integer = 0;  // of kInt
  double number = 0;     // of kFloat
};

// Thrown by the lexer and the parser; becomes one message.
struct SyntaxError {
  Diagnostic diagnostic;
};

class Lexer {
 public:
  // Requires: `node` outlives the lexer and is a scalar.
  Lexer(const YamlNode& node, size_t begin) : node_(node), at_(begin) {}

  // The next token; kEnd at the end of the text. Throws SyntaxError.
  Token next();

  // Throws a SyntaxError about text [begin, end).
  [[noreturn]] void fail(std::string_view code, size_t begin, size_t end,
                         std::string message, std::string help = "",
                         std::vector<std::string> notes = {}) const;

  const YamlNode& node() const { return node_; }

 private:
  Token number();
  Token string();
  Token name();
  Token op();

  const YamlNode& node_;
  size_t at_;
};

}  // namespace lathe
