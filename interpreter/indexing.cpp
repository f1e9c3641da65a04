#include "interpreter/indexing.h"

#include "interpreter/plain_expression.h"
#include "spec/text.h"

namespace lathe {
namespace {

bool has_unknown(const std::vector<IndexItem>& items) {
  for (const IndexItem& item : items) {
    for (const Datum& bound : item.bounds) {
      if (bound.unknown()) return true;
    }
  }
  return false;
}

int64_t known_index(const Datum& datum, const SourceSpan& span) {
  const Dim* dim = datum.as<Dim>();
  if (dim != nullptr && dim->is_static()) return dim->value();
  fail("L0336", span,
       "an index of a list is an int, and this is " + described(datum));
}

Datum list_at(const std::vector<Datum>& list, const IndexItem& item) {
  const int64_t size = static_cast<int64_t>(list.size());
  const int64_t index = known_index(item.bounds[0], item.span);
  if (index < -size || index >= size) {
    fail("L0337", item.span,
         cat({"the list has ", size, " items, so there is no ", index}));
  }
  return list[static_cast<size_t>(index < 0 ? index + size : index)];
}

// Python's clamping of a slice bound.
int64_t clamped(const Datum& bound, int64_t fallback, int64_t size,
                const SourceSpan& span) {
  if (bound.none()) return fallback;
  int64_t index = known_index(bound, span);
  if (index < 0) index += size;
  return std::min(std::max<int64_t>(index, 0), size);
}

Datum list_slice(const std::vector<Datum>& list, const IndexItem& item) {
  const int64_t size = static_cast<int64_t>(list.size());
  const int64_t step =
      item.bounds[2].none() ? 1 : known_index(item.bounds[2], item.span);
  if (step < 1) fail("L0336", item.span, "the step of a slice is at least 1");
  const int64_t end = clamped(item.bounds[1], size, size, item.span);
  std::vector<Datum> items;
  for (int64_t i = clamped(item.bounds[0], 0, size, item.span); i < end;
       i += step) {
    items.push_back(list[static_cast<size_t>(i)]);
  }
  return make_list(std::move(items));
}

Datum index_list(const std::vector<Datum>& list,
                 const std::vector<IndexItem>& items, const SourceSpan& span) {
  if (items.size() == 1 && items[0].kind == IndexItem::Kind::kIndex) {
    return list_at(list, items[0]);
  }
  if (items.size() == 1 && items[0].kind == IndexItem::Kind::kSlice) {
    return list_slice(list, items[0]);
  }
  fail("L0336", span, "a list takes one index or one slice");
}

// Number of axes of the tensor that the items use up.
int axes_of(const std::vector<IndexItem>& items, const SourceSpan& span) {
  int axes = 0;
  int ellipses = 0;
  for (const IndexItem& item : items) {
    axes += item.kind == IndexItem::Kind::kIndex ||
            item.kind == IndexItem::Kind::kSlice;
    ellipses += item.kind == IndexItem::Kind::kEllipsis;
  }
  if (ellipses > 1) fail("L0336", span, "only one `...` can stand in `[ ]`");
  return axes;
}

class TensorIndexer {
 public:
  TensorIndexer(Elaborator& e, Datum tensor, const SourceSpan& span)
      : e_(e), tensor_(std::move(tensor)), span_(span) {}

  Datum run(const std::vector<IndexItem>& items) {
    const int rank = rank_of();
    const int axes = axes_of(items, span_);
    if (axes > rank) {
      fail("L0405", span_,
           cat({"the tensor has ", rank, rank == 1 ? " axis" : " axes",
                " and gets ", axes, axes == 1 ? " index" : " indices"}));
    }
    int axis = 0;
    for (const IndexItem& item : items) {
      switch (item.kind) {
        case IndexItem::Kind::kEllipsis: axis += rank - axes; break;
        case IndexItem::Kind::kNewAxis:
          apply("[none]", {Datum(axis++)}, item.span);
          break;
        case IndexItem::Kind::kSlice: slice(item, axis++); break;
        case IndexItem::Kind::kIndex: pick(item, axis); break;
      }
      if (tensor_.unknown()) break;
    }
    return tensor_;
  }

 private:
  int rank_of() const {
    const ValueId id = tensor_.as<TensorRef>()->id;
    return static_cast<int>(e_.model_.graph.type(id).shape.size());
  }

  void slice(const IndexItem& item, int axis) {
    const auto& [start, stop, step] = item.bounds;
    if (start.none() && stop.none() && step.none()) return;
    apply("[:]",
          {Datum(axis), start, stop, step.none() ? Datum(1) : step},
          item.span);
  }

  void pick(const IndexItem& item, int axis) {
    const Datum& index = item.bounds[0];
    if (!index.is<Dim>()) {
      fail("L0336", item.span,
           "an index is an int, a slice, none or `...`, and this is " +
               described(index),
           index.tensor() ? "`gather(x, indices, axis=0)` takes rows by a "
                            "tensor of indices"
                          : "");
    }
    apply("[i]", {Datum(axis), index}, item.span);
  }

  void apply(std::string_view symbol, std::vector<Datum> args,
             const SourceSpan& span) {
    OpCall call;
    call.op = OpRegistry::instance().find_infix(symbol);
    LATHE_CHECK(call.op != nullptr, "no op declares ", symbol);
    call.span = span;
    call.positional.push_back(e_.op_arg(tensor_, span));
    for (const Datum& arg : args) {
      call.positional.push_back(e_.op_arg(arg, span));
    }
    tensor_ = e_.call_op(std::move(call));
  }

  Elaborator& e_;
  Datum tensor_;
  const SourceSpan& span_;
};

}  // namespace

Datum index_datum(Elaborator& elaborator, const Datum& base,
                  const std::vector<IndexItem>& items,
                  const SourceSpan& span) {
  if (base.unknown() || has_unknown(items)) return Unknown{};
  if (const DatumList* list = base.as<DatumList>()) {
    return index_list(**list, items, span);
  }
  if (base.tensor()) return TensorIndexer(elaborator, base, span).run(items);
  fail("L0336", span, described(base) + " has no items to index");
}

}  // namespace lathe
