#pragma once
// Where to cut the right side of a product that is computed from weights.
//
// Below the cut lie fields: numbers or codes of few bits that are stored for
// the kernel in panels of their own, in no more bytes than the weights have.
// Above it lies what the kernel computes on vectors of columns. For
//
//   d[n, k / 256] * sc[n, k / 32] * q[n, k] - dmin[n, k / 256] * m[n, k / 32]
//
// the fields are d, sc, q, dmin and m, whatever bytes they are read from.

#include <optional>
#include <vector>

#include "codegen/matmul_form.h"
#include "codegen/target.h"

namespace lathe {

// A float of eight bits whose numbers become float32 by moving their bits: from
// the top of a word `shift` down, then masked. What comes out is 1 / scale as
// large. NaN comes out as a number.
struct MovedFloat {
  int shift = 0;
  int64_t mask = 0;
  int log2_scale = 0;
};

struct RightField {
  // Stands for the field in expressions above the cut, as float32.
  Var name;
  // Its value in each part, over form.b, form.n and RightCut::row.
  std::vector<Expr> parts;
  // Numbers are stored in `dtype`. Codes of less than eight bits are stored as
  // planes of 1, 2 or 4 bits, highest first, in words of neighbouring k, and
  // read as what they are above `least`. In a cut for bytes those of eight bits
  // are, too, as one plane.
  DType dtype = DType::kFloat32;
  std::vector<int> planes;
  // Set: stored in words of four neighbouring k.
  std::optional<MovedFloat> moved;
  int64_t least = 0;
  // Row of the field that belongs to k: k / group; 0 where `group` is 0; or
  // `gather`, which is over form.b and form.k.
  int64_t group = 1;
  Expr gather;
  int64_t rows = 1;
  // Its value is the sum over k of `parts`, which are over form.k then.
  bool summed = false;

  bool is_fine() const { return group == 1 && !gather.get(); }
  // Values of k whose codes share a word; 1 for numbers.
  int64_t codes_a_word() const;
  int bits() const;
};

struct RightCut {
  Var row;  // number of a field's row
  std::vector<RightField> fields;
  Expr value;  // over the fields

  // value = factor * fields[code] + term, where factor and term are the same
  // for `group` neighbouring k (0: for all); either may be empty, for 1 and 0.
  // Nothing in `code` when the value has no such form.
  std::optional<int> code;
  Expr factor, term;
  int64_t group = 0;
  // The field that is added to the sum of all k, once: NaN where codes of a
  // moved float are. Not in `value`.
  std::optional<int> added;
  // Neighbouring k that the kernel takes together: those of a word of codes,
  // and enough of them for sums apart from each other. Divides `group`.
  int64_t unit = 4;
  // Of a cut for bytes: k that are taken together, whole units. Divides `group`.
  int64_t run = 0;

  // Whether codes become pairs of bfloat16 numbers, exact ones, with less work
  // than float32.
  bool suits_pairs(const Dim& depth, const Target& target) const;
};

// The cut of all right sides of the form, which must be alike; nothing when
// they have another form. Requires: form.right_at_load, float32.
std::optional<RightCut> cut_right(const MatmulForm& form, const Group& group);

// The same for products with a left side of codes, of which `left_group`
// neighbouring k share a factor (0: all): the code is an integer of at most
// eight bits, and its field stands for the whole number, not for what it is
// above its least. Nothing also when the value is not linear in such a code.
std::optional<RightCut> cut_bytes(const MatmulForm& form, const Group& group,
                                  int64_t left_group);

// Lets a code of eight bits become float32 by moving its bits, where it is of
// such a float; for targets that have no faster way.
void move_floats(RightCut& cut, const MatmulForm& form);

}  // namespace lathe
