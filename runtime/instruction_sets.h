#pragma once
// The instruction sets of this machine's CPU that a compiler may use, by the
// system's names ("avx2", "sse4_1"). Code compiled for this machine runs on
// those that have all of them.

#include <set>
#include <string>

namespace lathe {

std::set<std::string> instruction_sets();

}  // namespace lathe
