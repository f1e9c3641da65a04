#pragma once
// The small file that says which object holds a kernel, and how it was made.

#include <optional>
#include <string>

namespace lathe {

// How kernels are compiled on a machine; one line of text each.
struct BuildContext {
  std::string abi;
  std::string compiler;  // path, size, time and version
  std::string flags;
  std::string cpu;
};

struct CacheEntry {
  std::string name;    // the kernel's, and the function's
  std::string object;  // the hash that the object is named by
  BuildContext context;
};

std::string to_text(const CacheEntry& entry);

// Nothing if the text is not a whole entry.
std::optional<CacheEntry> parse_cache_entry(const std::string& text);

}  // namespace lathe
