#include "codegen/heap_sort.h"

namespace lathe {

Expr key_less(const Expr& a, const Expr& b) {
  if (a->type == NumType::kInt64) return a < b;
  return a < b || (call(ScalarOp::kIsNan, {b}) && !call(ScalarOp::kIsNan, {a}));
}

Stmt HeapSort::loops(const Dim& extent, const Dim& kept) const {
  Var i = make_var("i"), t = make_var("t");
  Var size = make_var("size");
  Expr last = size_of(kept) - int_literal(1) - var(t);
  Stmt insert = if_then(
      var(size) < size_of(kept),
      block({sift_up(var(size), var(i)),
             assign(size, var(size) + int_literal(1))}),
      if_then(before(var(i), entry(int_literal(0))),
              sift_down(var(i), size_of(kept))));
  Var moved = make_var("moved", NumType::kInt64);
  Stmt extract =
      block({let(moved, entry(last)), put(last, entry(int_literal(0))),
             sift_down(var(moved), last)});
  Stmt fill = for_loop(i, int_literal(0), size_of(extent), insert);
  Stmt drain = for_loop(t, int_literal(0),
                        size_of(kept) - int_literal(1), extract);
  return block({declare(size, int_literal(0)),
                if_then(int_literal(0) < size_of(kept),
                        block({fill, drain}))});
}

Expr HeapSort::entry(const Expr& at) const {
  return flat_load(out_, DType::kInt64, address_(at));
}

Stmt HeapSort::put(const Expr& at, const Expr& value) const {
  return store(out_, address_(at), value);
}

Expr HeapSort::before(const Expr& i, const Expr& j) const {
  Expr a = descending_ ? key_(j) : key_(i);
  Expr b = descending_ ? key_(i) : key_(j);
  Expr equal = call(ScalarOp::kNot, {key_less(b, a)});
  return key_less(a, b) || (equal && i < j);
}

Stmt HeapSort::sift_up(const Expr& from, const Expr& value) const {
  Var at = make_var("at"), parent = make_var("parent");
  Var go = make_var("go", NumType::kBool);
  Expr up = (var(at) - int_literal(1)) / int_literal(2);
  Stmt step = block(
      {let(parent, up),
       assign(go, before(entry(var(parent)), value)),
       if_then(var(go), block({put(var(at), entry(var(parent))),
                               assign(at, var(parent))}))});
  return block({declare(at, from), declare(go, literal(true)),
                while_loop(var(go) && int_literal(0) < var(at), step),
                put(var(at), value)});
}

Stmt HeapSort::sift_down(const Expr& value, const Expr& size) const {
  Var at = make_var("at"), child = make_var("child");
  Var go = make_var("go", NumType::kBool);
  Expr right = var(child) + int_literal(1);
  Stmt larger = if_then(
      right < size,
      if_then(before(entry(var(child)), entry(right)),
              assign(child, right)));
  Stmt step = block(
      {declare(child, var(at) * int_literal(2) + int_literal(1)), larger,
       assign(go, before(value, entry(var(child)))),
       if_then(var(go), block({put(var(at), entry(var(child))),
                               assign(at, var(child))}))});
  Expr has_child = var(at) * int_literal(2) + int_literal(1) < size;
  return block({declare(at, int_literal(0)), declare(go, literal(true)),
                while_loop(var(go) && has_child, step),
                put(var(at), value)});
}

}  // namespace lathe
