#pragma once
// Runs a lowered kernel's loops directly, without text or a compiler: what
// goes wrong here is a strategy's fault, what goes wrong in kernels alone is
// the renderer's. Lanes are computed one by one, so any target's loops run on
// any machine. Slow; made to be obvious and strict:
//
// - no access leaves its buffer or local array, harmless or not;
// - nothing is read that was not stored, in outputs and in each item's locals;
// - no two items store to the same element.

#include <map>
#include <unordered_map>
#include <vector>

#include "codegen/loop_ir.h"
#include "interpreter/tensor.h"

namespace lathe {

class LoopInterpreter {
 public:
  // One tensor per buffer of the kernel and one size per symbol; stores go to
  // the tensors' memory.
  LoopInterpreter(const LoopKernel& kernel, std::vector<Tensor> buffers,
                  const std::vector<int64_t>& sizes);

  // A kernel before this one has stored all of the buffer.
  void fill_before(size_t buffer);

  // Does the items [lo, hi). Throws InternalError where a rule is broken.
  void run(int64_t lo, int64_t hi);

  // Throws InternalError when an element of an output was never stored.
  void check_outputs() const;

 private:
  // A number or a vector of them: floats in `real`, others in `whole`.
  static constexpr int kMostLanes = 64;
  struct Lanes {
    int count = 1;
    double real[kMostLanes];
    int64_t whole[kMostLanes];

    Lanes() { real[0] = whole[0] = 0; }
    Lanes(const Lanes& other) { *this = other; }
    Lanes& operator=(const Lanes& other);
    // The same with its only lane repeated.
    void widen(int lanes);
  };
  // What a slot stands for. `writer` is the item that stored an element.
  struct Memory {
    std::string name;
    Tensor data;
    int lanes = 1;
    bool is_output = false;
    std::vector<int64_t> writer;  // empty: given
  };
  // Elements [first, first + count) of a slot.
  struct Place {
    Memory& memory;
    int64_t first = 0;
    int count = 1;
  };

  void exec(const Stmt& stmt);
  void exec(const For& loop);
  void exec(const Store& store);
  void exec(const Intrinsic& step);
  void widen(const Intrinsic& step);
  void dot_pairs(const Intrinsic& step);
  void dot_bytes(const Intrinsic& step, int bits);
  Lanes halves(const Intrinsic::Address& at, int lanes);
  void put(const Place& place, const Lanes& value, bool real);
  Lanes eval(const Expr& expr);
  Lanes eval(const Load& load, const Expr& expr);
  Lanes words(const Load& load);
  Lanes eval(const Call& call, const Expr& expr);
  Lanes select(const Call& call, int lanes);
  Lanes eval(const Cast& cast, const Expr& expr);
  Lanes eval(const CheckedIndex& check);
  int64_t whole(const Expr& expr) { return eval(expr).whole[0]; }
  bool truth(const Expr& expr) { return eval(expr).whole[0] != 0; }
  Place place_of(int slot, const Expr& index, bool vectors, const char* what);

  const LoopKernel& kernel_;
  DimBindings sizes_;
  std::vector<Memory> slots_;
  std::unordered_map<const VarInfo*, Lanes> values_;
  int64_t item_ = 0;
};

}  // namespace lathe
