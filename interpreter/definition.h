#pragma once
// What a node computes: named stages of index expressions, in order.
//
// Stages let an op say its meaning in linear work (softmax: row maximum,
// exponentials, row sum, quotient); the reference evaluates them one by one
// and fusion sees them. This is all codegen knows of an op.

#include <string>
#include <variant>
#include <vector>

#include "interpreter/expr.h"
#include "spec/dim.h"
#include "spec/dtype.h"

namespace lathe {

// value[axes] = body. The body may hold reductions, at its root or nested.
struct Compute {
  Expr body;
};

// Running combination of `body` along output axis `axis`:
// value[.., i, ..] = body[.., 0, ..] op .. op body[.., i, ..]
// (exclusive: up to i - 1, starting from the neutral value; reverse: from the
// end).
struct Scan {
  Expr body;
  int axis = 0;
  ReduceOp op = ReduceOp::kSum;
  bool exclusive = false;
  bool reverse = false;
};

// How an update combines with what is there.
enum class UpdateMode : uint8_t { kSet, kAdd, kMul, kMin, kMax };

// value = base (indexed by the stage's axes), then for each point of
// `domain`, in row-major order: value[place] = mode(value[place], update).
// `place` and `update` are expressions over the domain's variables.
struct Update {
  Expr base;
  std::vector<ReduceAxis> domain;
  std::vector<Expr> place;
  Expr update;
  UpdateMode mode = UpdateMode::kSet;
};

// Stable order of `key` along output axis `axis`: value is the int64 position
// of the element that comes i-th. `extent` is the number of keys; the output
// axis may be shorter (top-k). `key` is indexed by the stage's axes, with the
// axis variable ranging over extent. NaN sorts as the largest value.
struct Sort {
  Expr key;
  int axis = 0;
  Dim extent;
  bool descending = false;
};

struct Stage {
  std::string name;  // "row_max"; the last stage of an output: the op's name
  DType dtype = DType::kFloat32;  // storage of the value
  Shape shape;
  std::vector<Var> axes;  // one per dim of shape
  std::variant<Compute, Scan, Update, Sort> kind;
};

// Load slots 0 .. inputs - 1 are the node's inputs; slot inputs + s is stage
// s. outputs[i] is the stage that is output i of the node.
struct Definition {
  int inputs = 0;
  std::vector<Stage> stages;
  std::vector<int> outputs;
};

std::string to_string(const Definition& definition);

}  // namespace lathe
