#pragma once
// What codegen makes of a model given as text, stage by stage.

#include <string>

#include "codegen/program.h"
#include "interpreter/graph.h"

namespace lathe {

// The graph of a model; `lathe: 1` and `model: m` are put before the text.
Graph graph_from(const std::string& yaml);

// A model and its program for a target; checks that it has no mistakes.
struct CompiledModel {
  Graph graph;
  Program program;
};
CompiledModel compiled_model(const std::string& yaml,
                             const std::string& target = "avx2");

// The fused groups: "kernel k0  row  fuses add rms_norm\n".
std::string schedule_of(const std::string& yaml);

// What is kept between runs and what a run makes: "w.panels float32[1, 2]".
std::string buffers_of(const std::string& yaml);

// The C++ text of all kernels of a run, without the prelude.
std::string kernels_of(const std::string& yaml,
                       const std::string& target = "avx2");

}  // namespace lathe
