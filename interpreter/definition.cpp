#include "interpreter/definition.h"

#include "spec/text.h"

namespace lathe {
namespace {

const char* name_of(UpdateMode mode) {
  switch (mode) {
    case UpdateMode::kSet:
      return "set";
    case UpdateMode::kAdd:
      return "add";
    case UpdateMode::kMul:
      return "mul";
    case UpdateMode::kMin:
      return "min";
    case UpdateMode::kMax:
      return "max";
  }
  return "";
}

struct KindPrinter {
  const Stage& stage;

  std::string operator()(const Compute& compute) const {
    return to_string(compute.body);
  }
  std::string operator()(const Scan& scan) const {
    return cat({"scan_", lathe::name_of(scan.op), "(",
                stage.axes[scan.axis]->name,
                scan.exclusive ? ", exclusive" : "",
                scan.reverse ? ", reverse" : "", ", ", to_string(scan.body),
                ")"});
  }
  std::string operator()(const Update& update) const {
    std::string text = to_string(update.base) + "; for ";
    for (const ReduceAxis& axis : update.domain) {
      text += cat({axis.var->name, " < ", axis.extent.to_string(), ", "});
    }
    text += cat({name_of(update.mode), " ["});
    for (size_t i = 0; i < update.place.size(); ++i) {
      text += (i ? ", " : "") + to_string(update.place[i]);
    }
    return text + "] to " + to_string(update.update);
  }
  std::string operator()(const Sort& sort) const {
    return cat({"sort(", stage.axes[sort.axis]->name, " < ",
                sort.extent.to_string(),
                sort.descending ? ", descending" : "", ", ",
                to_string(sort.key), ")"});
  }
};

std::string to_string(const Stage& stage) {
  std::string axes;
  for (const Var& axis : stage.axes) {
    axes += (axes.empty() ? "" : ", ") + axis->name;
  }
  return cat({stage.name, "[", axes, "] : ", to_string(stage.dtype),
              to_string(stage.shape), " = ",
              std::visit(KindPrinter{stage}, stage.kind)});
}

}  // namespace

std::string to_string(const Definition& definition) {
  std::string text;
  for (size_t i = 0; i < definition.stages.size(); ++i) {
    text += cat({"in", definition.inputs + i, " = ",
                 to_string(definition.stages[i]), "\n"});
  }
  for (int output : definition.outputs) {
    text += cat({"output in", definition.inputs + output, "\n"});
  }
  return text;
}

}  // namespace lathe
