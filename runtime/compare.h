#pragma once
// How far two tensors are apart, and how far they may be.

#include <cstdint>
#include <string>
#include <vector>

#include "interpreter/graph.h"
#include "interpreter/tensor.h"

namespace lathe {

struct Difference {
  // Largest |a - b|, infinite where one is NaN and the other is not or shapes
  // differ.
  double largest = 0;
  // The same over the largest |b|, or over 1 if that is smaller.
  double relative = 0;
  int64_t position = 0;  // flat, of the largest
};

// Of `a` from what is right, `b`. Equal infinities and two NaN are equal.
Difference measure_difference(const Tensor& a, const Tensor& b);

// What `relative` may reach: a few roundings of the type for floats (errors
// grow on the way through a model), nothing for integers.
double default_tolerance(DType dtype);

// The same for every value of a graph: a value is held to the coarsest float
// type that it was rounded to on the way, its own included. Inputs and weights
// are exact; codes of a byte that floats were rounded to may be one off.
std::vector<double> tolerances(const Graph& graph);

// "[1, 0, 7]" for a flat position.
std::string position_text(const std::vector<int64_t>& shape, int64_t flat);

}  // namespace lathe
