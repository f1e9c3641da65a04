#include "codegen/compile.h"

#include "codegen/assemble.h"
#include "codegen/passes.h"
#include "codegen/prelude.h"

namespace lathe {

Program compile(const Graph& graph, const Target& target,
                const CompileOptions& options) {
  Schedule plan = schedule(graph, target, options);
  // From here on, what is computed together is settled.
  Program program = assemble(graph, plan, target, options);
  program.name = graph.name;
  program.target = target.name;
  program.prelude = render_prelude(target);
  program.constraints = graph.constraints;
  program.symbols = graph.symbols;
  return program;
}

}  // namespace lathe
