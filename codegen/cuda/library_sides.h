#pragma once
// The two sides of a product, and what becomes of its sums, in the forms that a
// library takes. Anything else is nothing: kernels of ours compute it.

#include <optional>
#include <utility>

#include "codegen/matmul_form.h"
#include "codegen/simplify.h"

namespace lathe::cuda {

// Variables of a form with their extents, and those of a section's columns.
Ranges ranges_of(const MatmulForm& form, const Dim& columns);

// How far apart in its operand the elements that `node` loads at neighbouring
// `a` and `b` stand; nothing where it has another form.
std::optional<std::pair<Dim, Dim>> strides_in(const Group& group,
                                              const Load& node, const Var& a,
                                              const Var& b,
                                              const Ranges& ranges);

// Where number (line, k) of a side stands in an operand of the group.
struct LibrarySide {
  int operand = -1;
  DType dtype = DType::kFloat32;
  bool along_depth = true;
  int64_t stride = 0;
  // What multiplies it, the same for each 128 neighbouring k: over the line and
  // `block`, which is k / 128. Empty for 1.
  Expr factor;
  Var block;
};

// `line` is the form's m or n.
std::optional<LibrarySide> library_side(const Group& group,
                                        const MatmulForm& form,
                                        const Expr& side, const Var& line,
                                        const Ranges& ranges);

// The operand that holds `expr` as float32 where that is a load of
// operand[line_stride * line + block_stride * block]; nothing otherwise.
struct ScaleTable {
  int operand = -1;
  Dim line_stride, block_stride;
};
std::optional<ScaleTable> scale_table(const Group& group, const Expr& expr,
                                      const Var& line, const Var& block,
                                      const Ranges& ranges);

// What a library makes of the sums of a section, by operands of the group; -1
// where there is none.
struct LibraryClosing {
  int output = -1;  // of Definition::outputs
  int64_t stride = 0;
  int left_number = -1, right_number = -1;  // scales of a side as a whole
  int left_lines = -1, right_lines = -1;    // scales by lines
  int bias = -1, added = -1;
};

// Nothing where a kernel of ours must close the section: several parts, several
// outputs, other functions.
std::optional<LibraryClosing> library_closing(const Group& group,
                                              const MatmulForm& form,
                                              const MatmulSection& section);

}  // namespace lathe::cuda
