#include "interpreter/read_ties.h"

#include <vector>

#include "interpreter/weight_report.h"
#include "spec/text.h"

namespace lathe {
namespace {

std::string nearest_weight(const std::string& path, const Graph& graph) {
  std::vector<std::string> paths;
  for (const GraphWeight& weight : graph.weights) paths.push_back(weight.path);
  return did_you_mean_weight(path, paths);
}

}  // namespace

Ties read_ties(const CheckpointDecl& checkpoint, const Graph& graph,
               Diagnostics& diagnostics) {
  Ties ties;
  std::map<std::string, const GraphWeight*> weights;
  for (const GraphWeight& weight : graph.weights) {
    weights.emplace(weight.path, &weight);
  }
  for (const TieDecl& tie : checkpoint.ties) {
    const auto target = weights.find(tie.target.text);
    const auto source = weights.find(tie.source.text);
    if (target == weights.end() || source == weights.end()) {
      const Name& name = target == weights.end() ? tie.target : tie.source;
      diagnostics.error("L0503", name.span,
                        cat({"the model has no weight `", name.text, "`"}),
                        nearest_weight(name.text, graph));
      continue;
    }
    const TensorType& a = target->second->type;
    const TensorType& b = source->second->type;
    if (a.dtype != b.dtype || a.shape != b.shape) {
      diagnostics.error(
          "L0503", tie.target.span,
          cat({"`", tie.target.text, "` is ", to_string(a), " and `",
               tie.source.text, "` is ", to_string(b),
               ", so they cannot be one tensor"}));
      continue;
    }
    ties[tie.target.text] = tie.source.text;
  }
  return ties;
}

}  // namespace lathe
