#pragma once
// Keys or values as attention streams them: rows of one block of keys, each
// contiguous along an inner axis. Read where they lie when they are float32
// and contiguous there, else evaluated into a local block.

#include "codegen/kernel_builder.h"

namespace lathe {

class StreamedOperand {
 public:
  StreamedOperand() = default;
  // `value` is over `key` and `inner`, lowered; a row has `count` elements,
  // and `padded` with zeros at its end.
  StreamedOperand(Expr value, Var key, Var inner, int64_t count, int64_t padded,
                  Ranges ranges);

  // Adds the local block for `keys` rows, if it is needed.
  void add_local(KernelBuilder& kernel, const char* name, int64_t keys);

  // Makes the rows of the keys [first, first + count) ready.
  Stmt fill(const Expr& first, const Expr& count) const;
  // Where row `t` begins; slot() holds it.
  Expr row(const Expr& first, const Expr& t) const;
  int slot() const;

 private:
  std::optional<Expr> base() const;

  Expr value_;
  Var key_, inner_;
  int64_t count_ = 0, padded_ = 0;
  Ranges ranges_;
  int block_ = -1;
};

}  // namespace lathe
