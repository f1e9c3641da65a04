#include "runtime/layer_places.h"

#include "spec/text.h"

namespace lathe {
namespace {

constexpr std::string_view kIn = "in: ";

void add_places(Diagnostic& diagnostic, const std::vector<LayerRow>& rows) {
  for (std::string& note : diagnostic.notes) {
    if (!note.starts_with(kIn)) continue;
    const std::string path = note.substr(kIn.size());
    for (const LayerRow& row : rows) {
      if (row.path != path || !row.span.known()) continue;
      note += cat({" (", place_of(row.span), ")"});
      return;
    }
  }
}

}  // namespace

SpecError with_layer_places(const SpecError& error,
                            const std::vector<LayerRow>& rows) {
  std::vector<Diagnostic> diagnostics = error.diagnostics();
  for (Diagnostic& diagnostic : diagnostics) add_places(diagnostic, rows);
  return SpecError(std::move(diagnostics));
}

}  // namespace lathe
