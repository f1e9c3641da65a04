#pragma once
// The working parts of lower_rows(): one group being spelled out as loops.
// row_values.cpp says what stands at a point, row_loops.cpp and
// row_reductions.cpp the loops around.

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "codegen/lower_rows.h"
#include "codegen/point_ops.h"
#include "codegen/rewrite.h"
#include "codegen/row_plan.h"
#include "codegen/simplify.h"

namespace lathe {

// Elements of an elementwise group in one work item.
inline constexpr int64_t kBlock = 4096;

// Indices of axes with these extents, from one flat number.
std::vector<Expr> decode(const Expr& flat, const Shape& extents,
                         const Ranges& ranges);

// Loops over extents, from the outermost, and their variables' values.
struct Nest {
  Shape extents;
  std::vector<Var> loops;
  std::vector<Expr> at;

  Stmt around(Stmt body) const;
};
// With loops name0, name1, ..., which `ranges` knows then.
Nest nest_of(const Shape& extents, const std::string& name, Ranges& ranges);

// How the work of a group is cut into items.
enum class Cut : uint8_t {
  kRows,    // an item is a row
  kBlocks,  // one phase without rows: items of kBlock elements
  // One phase [.., a, b] that reads along a and writes along b: an item is
  // kTile steps of a, for all b, so that each cache line is read once. Of
  // [.., a, b, c] it moves c as one.
  kTiles,
  // The last row axes lie together in memory, and rows do not: an item is some
  // of these columns, side by side, and phases step through them all at once.
  kColumns,
  // GPU, one phase without rows: items of `pack` elements, which lie together
  // in most buffers and are moved 16 bytes at once.
  kPacks,
  // Rows are few and long: several kernels, in which an item is a piece of a
  // phase's loops, or joins what was found in the pieces of a row.
  kPieces,
};
inline constexpr int64_t kTile = 16;

// kPieces: what one of the kernels does.
struct RowPart {
  int loop = -1;    // the phase whose loops it has, a piece an item; -1: none
  int joined = -1;  // the phase whose pieces it joins
  size_t first = 0, last = 0;  // the phases without loops that it does then
};
// What the kernels leave for each other, by stage: numbers of LoweredGroup::
// scratch. `found` has what a reduction found in each piece, and `extreme` of
// which value it is the position; `value` one number for a row.
struct RowHandover {
  std::vector<Scratch> scratch;
  std::map<int, int> found, extreme, value;
  std::vector<Dim> pieces;  // by phase, of a row
};

// What an innermost loop goes over: [begin, end) of an index, `length` of them
// or fewer.
struct Span {
  Expr begin, end;
  Dim length;
};
inline Span all_of(const Dim& extent) {
  return {int_literal(0), size_of(extent), extent};
}

// Lowers one group; used once.
class RowLowering {
 public:
  RowLowering(const Group& group, const Target& target, Vectors vectors,
              int row_axes, Cut cut)
      : RowLowering(group, target, vectors, plan_rows(group, row_axes), cut) {}
  RowLowering(const Group& group, const Target& target, Vectors vectors,
              RowPlan plan, Cut cut)
      : group_(group),
        target_(target),
        vectors_(vectors),
        cut_(cut),
        plan_(std::move(plan)) {}

  // GPU: the threads that share a row, or the elements of a pack.
  RowLowering& with_workers(int workers);
  RowLowering& with_pack(int pack);
  // kColumns: the first row axis that columns run over; how many an item has.
  RowLowering& with_columns(int first_axis, int64_t width);
  // kPieces: adds to `handover` what others will read. Requires: it outlives
  // this, and earlier parts are lowered.
  RowLowering& with_part(const RowPart& part, RowHandover& handover);

  LoweredGroup run();

 private:
  // Parameters of the kernel, and arrays for values kept between phases.
  void add_buffers();
  void add_locals();

  // Loops.
  void cut_items();
  Stmt lower_phase(size_t p);
  void phase_without_loops(size_t p, std::vector<Stmt>& out);
  Stmt tiled_loops(size_t p);
  // Nests, in row_reductions.cpp. What happens at a point of one.
  using OpsAt = std::function<std::vector<PointOp>(const std::vector<Expr>&)>;
  // The innermost loop of a nest; what stands before and behind the nest.
  struct InnerLoop {
    std::vector<Stmt> before, inside, after;
  };
  Stmt nest_over(const Shape& extents, const std::string& name,
                 const OpsAt& ops_at);
  bool all_affine(const std::vector<PointOp>& ops, const Var& flat) const;
  InnerLoop inner_loop(const std::vector<PointOp>& ops, const Var& flat,
                       const Span& span);
  std::optional<InnerLoop> in_vectors(const std::vector<PointOp>& ops,
                                      const Var& flat, const Span& span);
  std::optional<InnerLoop> in_strips(const std::vector<PointOp>& ops,
                                     const Var& flat, const Span& span);
  Stmt add_lanes(ReduceOp op, const Var& accumulator, const Expr& vector);
  Stmt spread_phase(size_t p);
  // Columns, in row_columns.cpp.
  void cut_columns();
  std::vector<Stmt> bounds_of_columns();
  Stmt phase_of_columns(size_t p);
  Stmt loop_over_columns(const std::vector<PointOp>& ops) const;
  int add_array(const std::string& name, NumType type, int64_t size);
  Expr column_in_item() const { return var(column_) - var(first_); }
  Expr element_of(int slot, const Expr& at) const;
  Expr of_column(int slot) const { return element_of(slot, column_in_item()); }
  bool is_read_after(int s, size_t p) const;
  bool is_used_in_phase(int s) const;
  std::vector<PointOp> in_arrays(const std::vector<PointOp>& ops,
                                 const Expr& at) const;
  void start_columns(size_t p, std::vector<Stmt>& out);
  void finish_columns(size_t p, std::vector<Stmt>& out);
  // Pieces, in row_parts.cpp and cuda/row_pieces.cpp. Loops of a phase cut
  // into pieces: what stands before them, a point, the innermost one and those
  // around it.
  struct PieceLoops {
    Dim pieces;
    std::vector<Stmt> bounds;
    std::vector<Expr> at;
    Span span;
    std::function<Stmt(const Stmt&)> around;
  };
  void cut_pieces();
  PieceLoops cut_loops(const Shape& extents, size_t split, const Var& flat);
  bool stores_in_part(int s) const;
  bool reads_in_part(int slot) const;
  bool stores_output_in_part(int s) const;
  bool reads_output_in_part(int s) const;
  int add_scratch(int index, bool writable);
  int hand_over(std::map<int, int>& numbers, const char* name, int s,
                NumType type);
  void bind_handover();
  Expr row_number() const;
  Expr index_of_item() const;
  std::vector<Stmt> body_of_part(std::vector<Stmt>& first);
  Stmt piece_of_phase(size_t p);
  Stmt piece_of_workers(size_t p);
  Stmt store_found(size_t p) const;
  Stmt join_found(size_t p, const Expr& first, int64_t step) const;
  Stmt join_in_last_block(size_t p);
  void finish_part(std::vector<Stmt>& out);
  Dim cost_of_part() const;
  Dim cost_of_stage(int s) const;
  // Loops of a GPU, in cuda/row_workers.cpp and cuda/row_packs.cpp.
  Stmt phase_of_workers(size_t p);
  Stmt loop_of_workers(size_t p, const Span& span);
  void combine_found(size_t p, std::vector<Stmt>& out) const;
  void add_lane(std::vector<Stmt>& out);
  Stmt phase_of_lanes(size_t p);
  Stmt join_strips(size_t p);
  Stmt guarded(const std::vector<PointOp>& ops, const Expr& condition) const;
  void share_locals();
  bool keeps_before(size_t p) const;
  Stmt once(const std::vector<PointOp>& ops) const;
  Stmt phase_of_packs(size_t p);
  class Packer;
  std::optional<Stmt> loop_over_packs(const std::vector<PointOp>& ops,
                                      const Var& flat, const Dim& total,
                                      const Span& span);
  std::unordered_set<const VarInfo*> known_in_item() const;

  void declare_accumulators(size_t p, std::vector<Stmt>& out);
  void finish_accumulators(size_t p, std::vector<Stmt>& out);

  // What happens at the point `at` of a phase's loops.
  std::vector<PointOp> ops_of_phase(size_t p, const std::vector<Expr>& at);
  void hoist(PointOp& op);
  void add_map(int s, const std::vector<Expr>& at, std::vector<PointOp>& ops);
  void add_accumulation(int s, const std::vector<Expr>& at,
                        std::vector<PointOp>& ops);
  void add_nested(int s, const std::vector<Expr>& at,
                  std::vector<PointOp>& ops);
  // The loops of stage s over what it reduces, and its reduce axes at a point
  // of them.
  Shape reduced_extents(int s) const;
  void bind_reduced(int s, const std::vector<Expr>& at,
                    Substitution& point) const;
  Stmt nested_loops(int s, Substitution point, const Var& acc,
                    const Var& best);
  void add_value(int s, const Expr& value, std::vector<PointOp>& ops);
  void add_stores(int s, const std::vector<Expr>& at, size_t p,
                  std::vector<PointOp>& ops);

  // Expressions of stage s in terms of buffers, locals and loop variables.
  std::vector<Expr> index_at(int s, const std::vector<Expr>& at) const;
  Expr lower(int s, const Expr& expr, const Substitution& point);
  Expr recomputed(int s, const Expr& expr) const;
  Expr read(int s, const Load& load);
  Expr address(int s, const std::vector<Expr>& index) const;
  Expr kept_at(const Expr& flat) const;
  int output_slot(int s) const;

  const Group& group_;
  const Target& target_;
  Vectors vectors_;
  Cut cut_;
  RowPlan plan_;
  LoweredGroup result_;
  Ranges ranges_;
  std::vector<Expr> row_;  // row indices, over the item
  Expr tile_;              // kTiles: the first step of a
  int workers_ = 1;
  int pack_ = 1;
  Var item_;
  // What hoist() has bound: by its text, in order, and the variables.
  std::map<std::string, Var> hoisted_;
  std::vector<Stmt> divisions_;
  std::set<const VarInfo*> divided_;
  // kColumns.
  int column_axis_ = 0;
  int64_t width_ = 1;
  Dim columns_ = 1;
  Var column_, first_, last_;
  Var lane_, strip_, active_;               // GPU: of a thread
  std::map<const VarInfo*, int> array_of_;  // by accumulator: its local array
  // kPieces. The slots of what is handed over, by stage.
  RowPart part_;
  RowHandover* handover_ = nullptr;
  std::map<int, int> found_slot_, extreme_slot_, value_slot_;
  int counts_ = -1;  // GPU: blocks of each row that have ended
  Var row_number_, piece_;
  // By stage: the scalar or the value at the current point; accumulators.
  std::vector<Expr> value_;
  std::vector<Var> accumulator_, best_;
  std::vector<int> local_slot_;
  // The kernel's slots by number of the group's operand or output, -1: none;
  // and the operands that it has.
  std::vector<int> operand_slots_, output_slots_;
  std::vector<GroupOperand> operands_;
};

}  // namespace lathe
