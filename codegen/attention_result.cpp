#include "codegen/attention_result.h"

#include <utility>

namespace lathe {

Stmt store_attention(KernelBuilder& kernel, const AttentionForm& form,
                     const Ranges& ranges, const Expr& mean) {
  std::vector<Expr> index;
  for (const Var& axis : kernel.group().stage(form.result).axes) {
    index.push_back(form.axes.at(axis.get()));
  }
  std::vector<int> stages = {form.result};
  stages.insert(stages.end(), form.maps.begin(), form.maps.end());
  // An empty sum is 0.
  Expr value = select(equal(size_of(form.keys), int_literal(0)),
                      float_literal(0, NumType::kFloat32), mean);
  if (form.rest) value = value * kernel.lower(form.rest, {}, ranges);
  return kernel.point(stages, index, ranges, [&](int s) {
    return s == form.result ? value : Expr();
  });
}

Ranges ranges_of(const AttentionForm& form) {
  Ranges ranges;
  ranges.add(form.b, form.batch);
  ranges.add(form.m, form.rows);
  ranges.add(form.n, form.columns);
  ranges.add(form.s, form.keys);
  ranges.add(form.k, form.depth);
  return ranges;
}

void bind_attention(KernelBuilder& kernel, const AttentionForm& form) {
  for (const Expr& e : {form.query, form.key, form.value, form.score,
                        form.score_scale, form.rest}) {
    if (e) kernel.bind_operands(e);
  }
  const Group& group = kernel.group();
  for (int s : form.maps) {
    kernel.bind_operands(body_of(group.stage(s)));
  }
  for (size_t o = 0; o < group.definition.outputs.size(); ++o) {
    kernel.output(static_cast<int>(o));
  }
}

}  // namespace lathe
