// Feeds bytes to the YAML reader and the parser of specs. Whatever they are,
// there are messages or a SpecFile, which prints and reads back the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "spec/ast.h"

namespace lathe {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void run(std::string text) {
  Diagnostics diagnostics;
  YamlDocument document =
      parse_yaml(make_source("fuzz.yaml", std::move(text)), diagnostics);
  SpecFile spec = parse_spec(document, diagnostics);
  render(diagnostics.sorted());
  for (const Diagnostic& diagnostic : diagnostics.sorted()) to_json(diagnostic);
  if (diagnostics.has_errors()) return;

  std::string canonical = to_yaml(spec);
  Diagnostics again;
  SpecFile copy = parse_spec(
      parse_yaml(make_source("canonical.yaml", canonical), again), again);
  require(again.empty());
  require(to_yaml(copy) == canonical);
}

}  // namespace
}  // namespace lathe

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  lathe::run(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
