#pragma once
// Small helpers that join, split and compare pieces of text. A cheap header: it
// lets other headers build messages without including a formatting library.

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

// One argument of cat(): a text, a character or an integer.
class Piece {
 public:
  Piece(const char* text) : view_(text) {}
  Piece(std::string_view text) : view_(text) {}
  Piece(const std::string& text) : view_(text) {}
  Piece(char c) : number_(1, c), view_(number_) {}
  template <std::integral T>
  requires(!std::same_as<T, char> && !std::same_as<T, bool>) Piece(T value)
      : number_(std::to_string(value)), view_(number_) {}
  Piece(const Piece&) = delete;
  Piece& operator=(const Piece&) = delete;

  std::string_view view() const { return view_; }

 private:
  std::string number_;
  std::string_view view_;
};

// The pieces, one after the other: cat({"wants ", 3, " and gets ", name}).
std::string cat(std::initializer_list<Piece> pieces);

// The items with `separator` between them.
std::string join(const std::vector<std::string>& items,
                 std::string_view separator);

// The text between the separators; "a,,b" gives three parts.
std::vector<std::string> split(std::string_view text, char separator);

// What stands before the first line end, or all.
std::string first_line(std::string_view text);

// The text with small letters for A to Z.
std::string lower_case(std::string_view text);

// True for a name as params, layers and tensors have: a letter or `_`, then
// letters, digits and `_`.
bool is_identifier(std::string_view text);

// True for one digit or more, and nothing else.
bool is_digits(std::string_view text);

// Length of the UTF-8 sequence that begins at text[i], or 0 if none does.
size_t utf8_length(std::string_view text, size_t i);

// `text` fit for a terminal: bytes that are not UTF-8 and control characters
// become `?`, tabs and line ends a space. Every character keeps its column.
std::string printable(std::string_view text);

// `text` as one printable line in backquotes, shortened in the middle beyond
// 60 bytes.
std::string backquoted(std::string_view text);

}  // namespace lathe
