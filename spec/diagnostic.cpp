#include "spec/diagnostic.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace lathe {
namespace {

std::string first_line(const std::vector<Diagnostic>& diagnostics) {
  LATHE_CHECK(!diagnostics.empty(), "a SpecError without a message");
  const Diagnostic& first = diagnostics.front();
  return cat({first.code, ": ", first.message});
}

void check_code(const Diagnostic& diagnostic) {
  LATHE_CHECK(find_error_code(diagnostic.code) != nullptr,
              "no row in error_codes.def for ", diagnostic.code);
}

// What makes two messages the same message.
auto identity(const Diagnostic& d) {
  return std::tuple(d.span.file.get(), d.span.begin, d.code, d.message);
}

}  // namespace

const std::vector<ErrorCode>& error_codes() {
  static const std::vector<ErrorCode> codes = {
#define LATHE_ERROR_CODE(code, title, explanation) {code, title, explanation},
#include "spec/error_codes.def"
#undef LATHE_ERROR_CODE
  };
  return codes;
}

const ErrorCode* find_error_code(std::string_view code) {
  for (const ErrorCode& row : error_codes()) {
    if (row.code == code) return &row;
  }
  return nullptr;
}

void Diagnostics::add(Diagnostic diagnostic) {
  check_code(diagnostic);
  if (diagnostic.severity == Severity::kError) ++errors_;
  list_.push_back(std::move(diagnostic));
}

void Diagnostics::error(std::string_view code, const SourceSpan& span,
                        std::string message, std::string help,
                        std::vector<std::string> notes) {
  Diagnostic diagnostic;
  diagnostic.code = code;
  diagnostic.span = span;
  diagnostic.message = std::move(message);
  diagnostic.help = std::move(help);
  diagnostic.notes = std::move(notes);
  add(std::move(diagnostic));
}

void Diagnostics::add_all(const std::vector<Diagnostic>& others) {
  for (const Diagnostic& diagnostic : others) add(diagnostic);
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::map<const SourceFile*, size_t> file_order;
  std::set<decltype(identity(list_.front()))> seen;
  std::vector<Diagnostic> out;
  for (const Diagnostic& diagnostic : list_) {
    file_order.emplace(diagnostic.span.file.get(), file_order.size());
    if (seen.insert(identity(diagnostic)).second) out.push_back(diagnostic);
  }
  auto key = [&file_order](const Diagnostic& d) {
    return std::pair(file_order.at(d.span.file.get()), d.span.begin);
  };
  std::stable_sort(out.begin(), out.end(),
                   [&key](const Diagnostic& a, const Diagnostic& b) {
                     return key(a) < key(b);
                   });
  return out;
}

void Diagnostics::throw_if_errors() const {
  if (has_errors()) throw SpecError(sorted());
}

SpecError::SpecError(std::vector<Diagnostic> diagnostics)
    : std::runtime_error(first_line(diagnostics)),
      diagnostics_(std::move(diagnostics)) {
  for (const Diagnostic& diagnostic : diagnostics_) check_code(diagnostic);
}

SpecError::SpecError(Diagnostic diagnostic)
    : SpecError(std::vector<Diagnostic>{std::move(diagnostic)}) {}

void SpecError::add_note(const std::string& note) {
  for (Diagnostic& diagnostic : diagnostics_) diagnostic.notes.push_back(note);
}

void fail(std::string_view code, const SourceSpan& span, std::string message,
          std::string help, std::vector<std::string> notes) {
  Diagnostic diagnostic;
  diagnostic.code = code;
  diagnostic.span = span;
  diagnostic.message = std::move(message);
  diagnostic.help = std::move(help);
  diagnostic.notes = std::move(notes);
  throw SpecError(std::move(diagnostic));
}

}  // namespace lathe
