#pragma once
// What a run launches.

#include <cstdint>
#include <string>

namespace lathe {

// "row matmul ...": the strategies of the kernels of a model, as graph_from()
// takes it, that run on sm_90a with T = `tokens`, in order.
std::string launches(const std::string& yaml, int64_t tokens);

}  // namespace lathe
