#pragma once
// A group seen as attention: for each b and m, over keys s,
//
//   x(b, m, s) = any expression of score(b, m, s) = scale * sum_k query * key
//   value(b, m, n) = sum_s exp(x - max x) / (sum exp(x - max x)) * value * rest
//
// whatever axes the stages have and whatever stands in x: scale, soft-cap,
// causal or window selects, mask tensors, biases.

#include <optional>
#include <vector>

#include "codegen/group.h"
#include "codegen/rewrite.h"

namespace lathe {

struct AttentionForm {
  Var b, m, n, s, k;
  Dim batch, rows, columns, keys, depth;
  Expr query;  // over b, m and k
  Expr key;    // over b, s and k
  Expr value;  // over b, s and n
  // Over b, m and s; the score stands as the variable `raw`.
  Expr score;
  Var raw;
  Expr score_scale;  // over b, m and s; empty: 1
  Expr rest;         // factors of the result over b, m and n; empty: 1
  int result = -1;   // the stage of the last sum
  // The result's axes in terms of b, m and n.
  Substitution axes;
  std::vector<int> maps;  // stages after the result, at its own axes
};

std::optional<AttentionForm> match_attention(const Group& group);

}  // namespace lathe
