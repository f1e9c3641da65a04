#pragma once
// The data that a user gives a model: `-i NAME=WHAT` and `-d DIM=SIZE`.
//
//   x=a.npy  x=a.safetensors[:tensor]  x=a.json[:member]  a file
//   x=[[1, 2, 3]]  x=2.5                                  a list or a number
//   x=random[:SEED]  x=zeros  x=ones                      made here

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "interpreter/tensor.h"
#include "runtime/executable.h"
#include "spec/dim.h"

namespace lathe {

// `name=text` of the command line.
using Argument = std::pair<std::string, std::string>;

// What was given, in every form that it comes in.
struct GivenInputs {
  std::vector<Argument> arguments;        // -i
  std::map<std::string, Tensor> tensors;  // ready ones, by name
  std::string folder;  // that files are relative to; empty: the current one
};

// The tensors for `wanted`, and in `dims` the sizes that they show beside
// those given with -d. Inputs with a default may be left out. Throws SpecError
// L0518 for names that do not exist and inputs that lack data (all at once),
// and what the files say.
std::map<std::string, Tensor> read_inputs(const std::vector<InputInfo>& wanted,
                                          const GivenInputs& given,
                                          DimBindings& dims);

}  // namespace lathe
