#pragma once
// What lathe says to its users: messages with a code, a place and a fix.
//
// Code that can go on after a mistake adds to a Diagnostics; code that cannot
// throws a SpecError, usually through fail(). Both render to the same text:
//
//   error[L0402]: `fc` wants 512 features and gets 256
//     --> model.yaml:6:30
//      |
//    6 |   fc: {type: Linear, in_dim: 512, out_dim: 2048}
//      |                              ^^^ here
//      = x is float32[B, 256], declared at model.yaml:4
//      = help: `in_dim: 256`

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "spec/check.h"
#include "spec/source.h"

namespace lathe {

enum class Severity { kError, kWarning };

// One message. `code` is a row of spec/error_codes.def.
struct Diagnostic {
  std::string code;
  std::string message;
  SourceSpan span;
  std::string label = "here";      // stands behind the carets
  std::vector<std::string> notes;  // one "= ..." line each
  std::string help;                // the "= help: ..." line; empty for none
  Severity severity = Severity::kError;
};

// One row of the table of codes.
struct ErrorCode {
  std::string_view code;         // "L0402"
  std::string_view title;        // a few words
  std::string_view explanation;  // one paragraph, for `lathe explain L0402`
};

// All codes, in order.
const std::vector<ErrorCode>& error_codes();

// The row of `code`, or null if there is none.
const ErrorCode* find_error_code(std::string_view code);

// The mistakes of a run, collected.
class Diagnostics {
 public:
  // Requires: the code is in the table.
  void add(Diagnostic diagnostic);

  // Adds an error. The shorthand for the usual case.
  void error(std::string_view code, const SourceSpan& span, std::string message,
             std::string help = "", std::vector<std::string> notes = {});

  // Adds all of `others`, for example those that a SpecError carries.
  void add_all(const std::vector<Diagnostic>& others);

  // True if an error (not only warnings) was added.
  bool has_errors() const { return errors_ > 0; }
  size_t error_count() const { return errors_; }
  bool empty() const { return list_.empty(); }

  // Everything, files in the order of first mention, each in file order;
  // an exact repetition is given once.
  std::vector<Diagnostic> sorted() const;

  // Throws a SpecError with sorted() if has_errors().
  void throw_if_errors() const;

 private:
  std::vector<Diagnostic> list_;
  size_t errors_ = 0;
};

// The model or its data are wrong; exit status 1.
class SpecError : public std::runtime_error {
 public:
  // Requires: not empty.
  explicit SpecError(std::vector<Diagnostic> diagnostics);
  explicit SpecError(Diagnostic diagnostic);

  const std::vector<Diagnostic>& diagnostics() const { return diagnostics_; }

  // The same error with a line added to every message; used while unwinding:
  //   catch (SpecError& e) { e.add_note("in: model.layers.0"); throw; }
  void add_note(const std::string& note);

 private:
  std::vector<Diagnostic> diagnostics_;
};

// Throws a SpecError with one message.
[[noreturn]] void fail(std::string_view code, const SourceSpan& span,
                       std::string message, std::string help = "",
                       std::vector<std::string> notes = {});

enum class Color { kNo, kYes };

// The text form shown above, ending in a line end.
std::string render(const Diagnostic& diagnostic, Color color = Color::kNo);

// All of them, an empty line between two.
std::string render(const std::vector<Diagnostic>& diagnostics,
                   Color color = Color::kNo);

// One JSON object on one line, without a line end, for --json and editors.
std::string to_json(const Diagnostic& diagnostic);

}  // namespace lathe
