#pragma once
// Weights as a GPU reads them: for each field (right_cut.h) of each part a line
// for each column, along k. A thread takes a pack of codes at once, at most 16
// bytes. Where the weights lie so already they are read in place, else they are
// laid out once, at load, in no more bytes than they have.
//
// Pack p holds the codes of k from p * pack() on. With plan.in_steps, four
// packs p, p + 1, ... of a line hold, mixed, those of 4 * pack() values of k:
// pack p + q has k = 16 s + 4 q + i for each step s of 16 and i < 4, which is
// what lane q of four needs for products of 16 k, so that one group of few k is
// not spread over many products.
//
// Codes of b < 8 bits stand in words of 32 bits, in pairs: a bit mask and a
// shift give two neighbours in the halves of a word.

#include <vector>

#include "codegen/cuda/matmul_plan.h"
#include "codegen/kernel_builder.h"

namespace lathe::cuda {

// The most bytes that one access reads.
inline constexpr int64_t kMostMove = 16;

class StoredCodes {
 public:
  // Packs or binds what the cut needs. Requires: plan.cut; the arguments
  // outlive it.
  StoredCodes(const MatmulPlan& plan, KernelBuilder& kernel,
              const Ranges& ranges);

  int64_t pack() const { return plan_.pack; }

  // The number at column n and any k.
  Expr value(int part, const Expr& n, const Expr& k) const;
  // What multiplies the code at k and what is added; empty for 1 and 0.
  Expr factor(int part, const Expr& n, const Expr& k) const;
  Expr term(int part, const Expr& n, const Expr& k) const;

  // Adds registers for `count` packs.
  void add_registers(int64_t count);
  // Reads pack `number` of column n as the `to`th.
  Stmt read(int part, const Expr& n, const Expr& number, const Expr& to) const;
  // Makes the `to`th a pack of zeros.
  Stmt clear(const Expr& to) const;
  // Number j of the `to`th pack, which is pack `number` of column n. Requires:
  // packs are in order of k.
  Expr value_in_pack(int part, const Expr& n, const Expr& number,
                     const Expr& to, const Expr& j) const;

  // Adds registers for packs of plan.exact.
  void add_halves();
  // The slot of those registers, a pack after the other.
  int halves() const { return halves_; }
  // Converts the `to`th pack.
  Stmt convert(const Expr& to) const;

  // For copying through shared memory: the codes' planes, each with the words
  // or numbers that a pack has of it.
  struct Plane {
    int slot = -1;
    DType dtype = DType::kFloat32;
    int64_t size = 1;
    int registers = -1;

    int64_t bytes() const { return size * size_of(dtype); }
  };
  std::vector<Plane> planes(int part) const;
  // Where pack `number` of column n begins in plane i.
  Expr address(int part, size_t i, const Expr& n, const Expr& number) const;

 private:
  // A field, or a plane of its bits, of one part.
  struct Lines {
    int slot = -1;
    DType dtype = DType::kFloat32;
    Expr index;             // over form.n and at_
    int64_t codes = 1;      // in an element
    int bits = 0, low = 0;  // of a plane
  };
  using FieldLines = std::vector<Lines>;  // one, or one for each plane

  const RightCut& cut() const { return *plan_.cut; }
  const RightField& code_field() const {
    return cut().fields[size_t(*cut().code)];
  }
  FieldLines lines_of(const RightField& field, size_t f, int part);
  Lines whole_lines(const RightField& field, const std::string& name,
                    int part);
  bool lies_in_packs(const Lines& lines, const RightField& field,
                     const Dim& columns) const;
  Lines plane_lines(const RightField& field, const std::string& name, int part,
                    int bits, int low);
  Lines pack_lines(const Expr& value, const std::string& name, DType dtype,
                   int64_t length, int part);

  // Where k stands among the codes of a line, and the other way round.
  Expr place_of(const Expr& k) const;
  Expr k_at(const Expr& place) const;
  int64_t places() const;

  Expr element(const Lines& lines, const Expr& n, const Expr& at) const;
  Expr field_at(size_t f, int part, const Expr& n, const Expr& k) const;
  Expr evaluate(const Expr& expr, int part, const Expr& n,
                const Expr& k) const;
  Stmt convert_bits(const Expr& to) const;
  int64_t size_in_pack(const Lines& lines) const {
    return plan_.pack / lines.codes;
  }

  const MatmulPlan& plan_;
  KernelBuilder& kernel_;
  const Ranges& ranges_;
  Var at_ = make_var("at");
  std::vector<Dim> columns_;                      // by part
  std::vector<std::vector<FieldLines>> fields_;   // by part and field
  std::vector<std::vector<int>> registers_;       // by field and plane
  int halves_ = -1, pairs_ = -1;
};

}  // namespace lathe::cuda
