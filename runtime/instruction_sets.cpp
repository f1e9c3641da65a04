#include "runtime/instruction_sets.h"

#include <fstream>
#include <iterator>
#include <sstream>

namespace lathe {
namespace {

// The rest of the flags in /proc/cpuinfo say how the system runs, or name
// instructions that no compiler puts into a kernel by itself.
constexpr const char* kHeads[] = {"avx", "sse", "ssse", "amx", "asimd", "sve"};
constexpr const char* kNames[] = {
    "3dnowprefetch", "abm",  "adx",        "aes",       "atomics", "bmi1",
    "bmi2",          "f16c", "fma",        "fma4",      "fphp",    "gfni",
    "lzcnt",         "movbe", "pclmulqdq", "pni",       "popcnt",  "sha_ni",
    "tbm",           "vaes", "vpclmulqdq", "xop",       "bf16",    "i8mm",
};

bool is_instruction_set(const std::string& flag) {
  for (const char* head : kHeads) {
    if (flag.starts_with(head)) return true;
  }
  for (const char* name : kNames) {
    if (flag == name) return true;
  }
  return false;
}

}  // namespace

std::set<std::string> instruction_sets() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("flags") && !line.starts_with("Features")) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    std::set<std::string> found;
    for (std::string word; words >> word;) {
      if (is_instruction_set(word)) found.insert(word);
    }
    return found;
  }
  return {};
}

}  // namespace lathe
