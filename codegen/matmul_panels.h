#pragma once
// How the right sides of a matrix product are laid out and shared out: panels
// of as many columns as a register tile is wide.
//
// The panels of a section are interleaved part by part (gate 0, up 0, gate 1,
// up 1, ...), sections follow each other. A work item takes a few neighbouring
// units (one panel of every part of a section), so that each thread streams
// its own weights once.

#include <string>
#include <vector>

#include "codegen/matmul_form.h"
#include "codegen/register_tile.h"
#include "codegen/right_cut.h"
#include "codegen/strategy.h"

namespace lathe {

struct PanelSection {
  int parts = 1;
  Dim columns;
  Dim units;        // panels of each part
  Dim first_panel;  // of the section
  // Units a work item takes: of a product with many rows and with few, where
  // streaming the weights is all the work and must reach every thread.
  int64_t group = 1;
  int64_t group_few = 1;
};

struct MatmulPanels {
  int width = 1;  // columns of a panel
  Dim panels;     // of all sections
  int most = 1;   // panels that a work item may take
  std::vector<PanelSection> sections;
};

MatmulPanels plan_panels(const MatmulForm& form, const TileShape& tile);

// Aims at so many work items where there are few rows.
void share_out_few(MatmulPanels& panels, int64_t items);

// The dtype that panels have whose tiles load them as they are, or nothing
// when the right sides are not plain weights of one such dtype.
std::optional<DType> packed_dtype(const MatmulForm& form,
                                  const TileShape& tile);

// Whether both sides hold nothing but bfloat16 numbers and the target
// multiplies pairs of them: panels are then of rows [column][2].
bool multiplies_pairs(const MatmulForm& form, const TileShape& tile,
                      const std::optional<RightCut>& cut, const Target& target);

// A value that is stored in panels.
struct PanelValue {
  std::string name = "panels";
  DType dtype = DType::kFloat32;
  // In each part, over form.b, form.n and the row.
  std::vector<Expr> parts;
  Var row;
  Dim rows;
  // Rows of 0 are added up to a multiple of this.
  int64_t row_multiple = 1;
  // Neighbouring rows whose values lie side by side, to be read as a word;
  // divides row_multiple.
  int64_t rows_a_word = 1;
  // Set: the value is the sum over this axis.
  std::optional<ReduceAxis> sum_over;
};

// packed[b, p, row, j] = value in panel p at column j; with words packed[b, p,
// word, j, place in the word]. It is 0 beyond the last column and row.
// Requires: form.right_at_load.
PackedOperand pack_panels(const MatmulForm& form, const MatmulPanels& panels,
                          const PanelValue& value);

}  // namespace lathe
