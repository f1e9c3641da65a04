#pragma once
// A right side that is kept as fields (right_cut.h): its panels, and how it
// becomes vectors of numbers in the kernel.

#include "codegen/matmul_operands.h"
#include "codegen/right_cut.h"

namespace lathe {

class StoredRight {
 public:
  // Binds the operands that rows are picked by, and packs the fields.
  StoredRight(MatmulContext& context, RightCut cut);

  const RightCut& cut() const { return cut_; }
  // Blocks of depth must hold whole groups and words: a multiple of this.
  int64_t depth_step() const;
  // Values of k that are best taken together: those of a word.
  int64_t unit() const { return cut_.unit; }
  // Values of k that share factor and term; 0: all.
  int64_t group() const { return cut_.code ? cut_.group : 0; }

  // A place in the depth: k, and the same as word * unit() + place.
  struct Depth {
    Expr k, word, place;
  };
  Depth depth(const Expr& word, const Expr& place) const;

  // Columns [column, column + lanes) of panel p: the whole value, or the
  // parts of the linear form, of which factor and term may be empty.
  Expr value(const Depth& at, const Expr& column) const;
  Expr code(const Depth& at, const Expr& column) const;
  Expr factor(const Depth& at, const Expr& column) const;
  Expr term(const Depth& at, const Expr& column) const;

  // Codes may be read where they stand in their word, at most moved to where
  // the bits of a float are: the result is then 1 / scale_in_place(place) times
  // as large, and 2^-log2_scale() times for all places.
  bool reads_in_place() const;
  int log2_scale() const;
  Expr code_in_place(const Depth& at, int64_t place, const Expr& column) const;
  double scale_in_place(int64_t place) const;
  // The same where the place is not known, but not the last one.
  Expr code_in_place(const Depth& at, const Expr& column) const;
  // In pairs of bfloat16 (MatmulContext::pairs): stores the codes of a word to
  // the first unit() / 2 of a local array of vectors. Where pair_scale() is not
  // 1 they are 1 + code / pair_scale() instead.
  Stmt pairs(int slot, const Expr& word, const Expr& column) const;
  double pair_scale() const;
  // Fills `block`, [depth / 2][width], with those of `count` k from `first` on,
  // in the block of depth.
  Stmt expand_pairs(int block, int pairs, const Expr& first,
                    const Expr& count) const;

  // For a left side of codes (MatmulContext::left_codes): stores the codes of
  // `words` words from `word` on, above the least, to the first unit() / 4 of
  // each in a local array of vectors: four neighbouring k in the bytes of a
  // lane, the first one lowest.
  Stmt bytes(int slot, const Expr& word, int64_t words,
             const Expr& column) const;

  // What is added to the sum of all k, or empty.
  Expr added(const Expr& column) const;

  // Fills `block`, [depth][width], with the panel's values.
  Stmt expand(int block) const;

  // Asks for the storage of word `word` in the block of depth that is used
  // after the current one.
  Stmt prefetch_next(const Expr& word) const;
  // Declares where that block is.
  Stmt prepare_prefetch() const;

 private:
  struct Panel {
    int slot = -1;
    DType dtype = DType::kFloat32;
    int64_t rows = 1;
    int64_t values_a_word = 1;  // that are read as one
  };

  void pack_field(const RightField& field, size_t f);
  void pack_plane(const RightField& field, int plane, int offset,
                  const std::string& name);
  void add_panel(PanelValue value, int64_t rows);

  // Where a code of `plane` bits is in its word: the codes of a pair lie in
  // both halves, four that are multiplied as bytes in all four bytes.
  int64_t bit_of(int64_t place, int plane) const;
  Expr four_codes(const Expr& word, int64_t place, const Expr& column) const;
  Expr pair_of_bits(const Expr& codes, int64_t pair, int plane) const;
  Expr index(const Panel& panel, const Expr& p, const Expr& row) const;
  Expr vector(const Panel& panel, const Expr& row, const Expr& column) const;
  Expr field_at(size_t f, const Depth& at, const Expr& column) const;
  Expr bits_at(size_t f, const Depth& at, const Expr& column) const;
  Expr moved_at(size_t f, const Depth& at, const Expr& column) const;
  Expr evaluate(const Expr& expr, const Depth& at, const Expr& column) const;
  Stmt expand_linear(int block) const;
  Stmt expand_each(int block) const;
  Stmt each_vector(const std::function<Stmt(const Expr& column)>& body) const;

  MatmulContext& context_;
  RightCut cut_;
  std::vector<std::vector<Panel>> panels_;  // by field: one, or its planes
  Var next_panel_ = make_var("next_panel"), next_k_ = make_var("next_k");
};

}  // namespace lathe
