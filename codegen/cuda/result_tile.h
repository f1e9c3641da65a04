#pragma once
// The sums of a tile on their way through shared memory. Tensor cores leave a
// thread with two neighbours in some lines; read back line by line, threads
// side by side have results side by side, so that what closes a product reads
// and writes whole sectors, and stands in the text a few times instead of once
// for every sum of a thread.

#include <functional>

#include "codegen/cuda/matmul_parts.h"

namespace lathe::cuda {

class ResultTile {
 public:
  static int64_t bytes(int64_t parts, int64_t lines, int64_t columns) {
    return parts * lines * columns * int64_t{sizeof(float)};
  }

  // For the parts of a section, together `numbers` float32. They stand in the
  // memory of shared array `over`, for whose elements nobody has a use by then;
  // -1: in their own.
  ResultTile(MatmulParts& parts, int64_t numbers, int over);

  // Where a section's sums stand.
  struct Form {
    int64_t lines = 0, columns = 0;
  };
  // Keeps a thread's sum `index` of array `sums`, and the next, which belong to
  // `line` and the columns from `column` on.
  Stmt keep(const Form& form, size_t part, const Expr& line,
            const Expr& column, int sums, const Expr& index) const;
  // `body` is given the sums of the section's parts there.
  Stmt with_sums(const Form& form, const MatmulSection& section,
                 const Expr& line, const Expr& column,
                 const std::function<Stmt(const std::function<Expr(size_t)>&)>&
                     body) const;

 private:
  Expr at(const Form& form, size_t part, const Expr& line,
          const Expr& column) const;

  int slot_ = -1, taken_ = -1;  // shared; of a thread
  int64_t elements_ = 1;        // of the shared array, for one float32
};

}  // namespace lathe::cuda
