#pragma once
// The sides of a product on tensor cores as pieces of shared memory, 64 lines
// by some k, of 16-bit floats, or of 8-bit ones (plan.float8). A piece is filled in stages: moves begin several
// steps of k before they are used, and what they bring is completed when its
// step comes.
//
//   as it is   moved to its place
//   codes      moved as they are stored, then converted into a piece
//   each       evaluated number by number, when the step comes

#include <functional>
#include <vector>

#include "codegen/cuda/gpu_sizes.h"
#include "codegen/cuda/matmul_parts.h"

namespace lathe::cuda {

class MmaSides {
 public:
  static constexpr int64_t kLines = 64;

  // Adds the shared arrays. Requires: plan.exact; `parts` outlives it.
  MmaSides(MatmulParts& parts, int64_t shared_bytes);

  // k of a step, and steps that are under way at once.
  int64_t depth() const { return depth_; }
  int64_t stages() const { return stages_; }
  // The distance of a piece's lines: a move beyond a multiple of all banks.
  int64_t line() const { return depth_ + kMove / size_; }
  // Whether something is left to do when a step comes.
  bool completes() const;

  // Where a tile stands.
  struct Tile {
    const MatmulSection& section;
    Var m0, n0;
  };
  // Begins the moves of the step that has k from `k0` on.
  Stmt begin(const Tile& tile, const Expr& stage, const Var& k0);
  // Completes it, when the moves have landed.
  Stmt complete(const Tile& tile, const Expr& stage, const Var& k0);

  // An array that has room for a tile's results in float32, when the last step
  // is done; -1: none.
  int room() const { return right_.mode == Mode::kAsItIs ? right_.slot : -1; }

  int left() const { return left_.slot; }
  int right() const { return right_.slot; }
  // The first element of a piece.
  Expr first_left(const Expr& stage) const { return first(left_, stage, 0); }
  Expr first_right(const Expr& stage, size_t part) const {
    return first(right_, stage, part);
  }

 private:
  enum class Mode : uint8_t { kAsItIs, kCodes, kEach };
  struct Side {
    Mode mode = Mode::kEach;
    int64_t parts = 1;
    DType dtype = DType::kBFloat16;
    int slot = -1;
    int64_t pack = 8;  // numbers of a move
  };
  // What a side's piece of one step is.
  struct Piece {
    const Side& side;
    size_t part;  // of the section
    Var line;     // m or n
    Expr begin;   // the first line
    Dim lines;    // how many there are in all
  };
  Mode mode_of_right() const;
  bool lies_in_packs(const Side& side, const Expr& value, const Var& line,
                     const Dim& lines) const;
  int64_t piece_size() const { return kLines * line(); }
  int64_t bytes_of_stage() const;
  void add_arrays();
  Expr first(const Side& side, const Expr& stage, size_t part) const;
  Piece left_piece(const Tile& tile) const;
  Piece right_piece(const Tile& tile, size_t part) const;
  Expr value(const Tile& tile, const Piece& piece);

  Stmt for_packs(int64_t pack,
                 const std::function<Stmt(const Expr& line, const Expr& pack)>&
                     body) const;
  Stmt move(const Tile& tile, const Piece& piece, const Expr& stage,
            const Var& k0);
  Stmt move_codes(const Tile& tile, const Piece& piece, const Expr& stage,
                  const Var& k0);
  Stmt convert(const Piece& piece, const Expr& stage);
  Stmt evaluate(const Tile& tile, const Piece& piece, const Var& k0);
  Expr raw(const Expr& stage, size_t part, size_t plane, const Expr& line,
           const Expr& pack) const;

  MatmulParts& parts_;
  int64_t size_;  // bytes of a number
  int64_t depth_, stages_ = 2;
  Side left_, right_;
  std::vector<int> raw_;  // shared, by plane
};

}  // namespace lathe::cuda
