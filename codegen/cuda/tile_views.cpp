#include "codegen/cuda/tile_views.h"

#include "codegen/rewrite.h"

namespace lathe::cuda {
namespace {

// What the copy unit asks of addresses.
constexpr int64_t kUnit = 16;

std::optional<int64_t> number_in(const Expr& e) {
  auto* literal = std::get_if<Literal>(&e->node);
  auto* number = literal ? std::get_if<int64_t>(&literal->value) : nullptr;
  return number ? std::optional(*number) : std::nullopt;
}

// Elements at `index`, over `line` and `k`, as lines of `depth`.
std::optional<TensorView> view_of(int slot, DType dtype, const Expr& index,
                                  const Var& line, const Var& k,
                                  int64_t k_stride, const Ranges& ranges) {
  auto along = affine_in(index, k, ranges);
  if (!along || !(along->stride == k_stride)) return std::nullopt;
  auto across = affine_in(along->base, line, ranges);
  if (!across) return std::nullopt;
  const std::optional<int64_t> first = number_in(across->base);
  const int64_t size = size_of(dtype);
  const bool aligned = mod(across->stride * Dim(size), kUnit) == 0;
  // Distances are unsigned: lines from the last to the first are no view.
  if (!first || *first * size % kUnit != 0 || !aligned ||
      !provably_at_least(across->stride, 1)) {
    return std::nullopt;
  }
  TensorView view;
  view.buffer = slot;
  view.dtype = dtype;
  view.first = *first;
  view.stride = across->stride;
  view.tile_depth = kTileLine / size;
  return view;
}

class Finder {
 public:
  explicit Finder(MatmulParts& parts)
      : parts_(parts), plan_(parts.plan()), form_(parts.form()) {}

  std::optional<TileViews> run(int64_t left_lines, int64_t right_lines) {
    if (!(form_.batch == 1)) return std::nullopt;
    auto left = whole(parts_.left_code(), form_.m, form_.rows,
                      plan_.left_piece());
    if (!left) return std::nullopt;
    TileViews views{*left, std::vector<TensorView>(form_.parts.size())};
    views.left.tile_lines = left_lines;
    for (const MatmulSection& section : form_.sections) {
      for (size_t p = 0; p < section.parts.size(); ++p) {
        auto right = right_view(section, p);
        if (!right) return std::nullopt;
        right->tile_lines = right_lines;
        views.right[size_t(section.parts[p])] = *right;
      }
    }
    return views;
  }

 private:
  // A load at form().k.
  std::optional<TensorView> whole(const Expr& value, const Var& line,
                                  const Dim& lines, DType dtype) {
    const Load* load = load_of(value);
    if (!load || load->dtype != dtype) return std::nullopt;
    return at(load->slot, dtype, load->index[0], line, lines, form_.k,
              form_.depth, 1);
  }

  std::optional<TensorView> at(int slot, DType dtype, const Expr& index,
                               const Var& line, const Dim& lines, const Var& k,
                               const Dim& packs, int64_t k_stride) {
    Ranges ranges;
    ranges.add(line, lines);
    ranges.add(k, packs);
    Expr flat = substitute(index, {{form_.b.get(), int_literal(0)}});
    auto view = view_of(slot, dtype, flat, line, k, k_stride, ranges);
    if (!view) return std::nullopt;
    view->depth = form_.depth;
    view->lines = lines;
    return view;
  }

  std::optional<TensorView> right_view(const MatmulSection& section,
                                       size_t part) {
    const DType dtype = plan_.right_piece();
    if (!plan_.cut) {
      return whole(parts_.right(section, part), form_.n, section.columns,
                   dtype);
    }
    const RightField& codes = plan_.cut->fields[size_t(*plan_.cut->code)];
    if (!codes.planes.empty() || codes.dtype != dtype || plan_.in_steps) {
      return std::nullopt;
    }
    const int number = section.parts[part];
    const StoredCodes& stored = *parts_.stored();
    Var pack = make_var("pack");
    Expr address = stored.address(number, 0, var(form_.n), var(pack));
    return at(stored.planes(number)[0].slot, dtype, address, form_.n,
              section.columns, pack,
              ceildiv(form_.depth, Dim(stored.pack())), stored.pack());
  }

  MatmulParts& parts_;
  const MatmulPlan& plan_;
  const MatmulForm& form_;
};

}  // namespace

std::optional<TileViews> tile_views(MatmulParts& parts, int64_t left_lines,
                                    int64_t right_lines) {
  return Finder(parts).run(left_lines, right_lines);
}

}  // namespace lathe::cuda
