// What stops a model that was elaborated without a mistake from running.

#include "interpreter/elaborate.h"
#include "interpreter/fold_names.h"
#include "spec/text.h"

namespace lathe {

void require_runnable(const Model& model) {
  std::vector<Diagnostic> diagnostics;
  for (const UnsupportedFeature& feature : model.unsupported) {
    diagnostics.push_back(feature.diagnostic);
  }
  if (diagnostics.empty() && model.graph.outputs.empty()) {
    fail("L0204", model.span,
         cat({"`", model.graph.name, "` is a struct, which computes nothing"}),
         "import its file into a model");
  }
  std::vector<std::string> unfilled;
  for (const WeightFill& fill : model.weights) {
    const bool filled = !fill.stored.empty() ||
                        fill.init.kind != Initializer::Kind::kNone;
    if (filled) continue;
    unfilled.push_back(fill.path);
  }
  if (!unfilled.empty()) {
    Diagnostic diagnostic;
    diagnostic.code = "L0505";
    diagnostic.message = cat({"nothing fills ", unfilled.size(),
                              unfilled.size() == 1 ? " weight" : " weights",
                              " of the model"});
    diagnostic.span = model.span;
    diagnostic.notes = fold_names(unfilled, 8);
    diagnostic.help =
        "`--weights PATH`, or `checkpoint: {init: {normal: {std: 0.02}, "
        "seed: 0}}` for random ones on purpose";
    diagnostics.push_back(std::move(diagnostic));
  }
  if (!diagnostics.empty()) throw SpecError(std::move(diagnostics));
}

}  // namespace lathe
