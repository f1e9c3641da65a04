#pragma once
// Tables that one row group reads (cosines and sines of a position) may be
// made anew for each row, instead of by a kernel of their own.

#include "codegen/passes.h"

namespace lathe {

// Gives the arrays of `table` the leading row axes of its only reader, so that
// both can share rows. Nothing changes and false is returned where the reads
// do not follow the rows, or where the table is too much work for a row.
// `known` are the formulas that earlier calls made.
bool lift_into_rows(StageGraph& graph, const Cluster& table,
                    const Cluster& reader, Answers<NumberedFormula>& known);

}  // namespace lathe
