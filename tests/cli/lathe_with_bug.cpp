// lathe with one more op, whose definition breaks a promise of its author: the
// way in for the test of how lathe ends when it is wrong itself.
#include "interpreter/op.h"
#include "runtime/cli/command_line.h"
#include "spec/check.h"

namespace lathe {
namespace {

Expr broken(const std::vector<Expr>& args) {
  LATHE_CHECK(args.empty(), "this op has a bug");
  return args[0];
}

const RegisterOp kBroken({
    .name = "broken",
    .doc = "An op with a bug.",
    .signature = "x: float[*s] -> float[*s]",
    .map = broken,
    .samples = {},
});

}  // namespace
}  // namespace lathe

int main(int argc, char** argv) {
  return lathe::run_command_line({argv + 1, argv + argc});
}
