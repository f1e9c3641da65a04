#include "codegen/cuda/result_tile.h"

#include <utility>

#include "spec/check.h"

namespace lathe::cuda {

ResultTile::ResultTile(MatmulParts& parts, int64_t numbers, int over)
    : slot_(over) {
  KernelBuilder& kernel = parts.kernel();
  if (slot_ < 0) slot_ = kernel.shared("results", DType::kFloat32, numbers);
  const int64_t size = size_of(kernel.loops().dtype_of(slot_));
  elements_ = int64_t{sizeof(float)} / size;
  LATHE_CHECK(elements_ * size == sizeof(float), "numbers of other sizes");
  taken_ = kernel.local("taken", DType::kFloat32, parts.most_parts());
}

// Lines are a multiple of all banks long: turned by eight numbers each, the
// two numbers of the lanes of four lines lie in different banks.
Expr ResultTile::at(const Form& form, size_t part, const Expr& line,
                    const Expr& column) const {
  Expr first = int_literal(static_cast<int64_t>(part) * form.lines) + line;
  Expr turned = (column + line % int_literal(4) * int_literal(8)) %
                int_literal(form.columns);
  return (first * int_literal(form.columns) + turned) * int_literal(elements_);
}

Stmt ResultTile::keep(const Form& form, size_t part, const Expr& line,
                      const Expr& column, int sums, const Expr& index) const {
  return intrinsic(IntrinsicOp::kMove,
                   {{slot_, at(form, part, line, column)}, {sums, index}},
                   2 * sizeof(float));
}

Stmt ResultTile::with_sums(
    const Form& form, const MatmulSection& section, const Expr& line,
    const Expr& column,
    const std::function<Stmt(const std::function<Expr(size_t)>&)>& body) const {
  std::vector<Stmt> stmts;
  for (size_t p = 0; p < section.parts.size(); ++p) {
    stmts.push_back(intrinsic(
        IntrinsicOp::kMove,
        {{taken_, int_literal(static_cast<int64_t>(p))},
         {slot_, at(form, p, line, column)}},
        sizeof(float)));
  }
  stmts.push_back(body([this](size_t part) {
    return flat_load(taken_, DType::kFloat32,
                     int_literal(static_cast<int64_t>(part)));
  }));
  return block(std::move(stmts));
}

}  // namespace lathe::cuda
