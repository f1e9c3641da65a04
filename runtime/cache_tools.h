#pragma once
// Looking at the kernel cache and making it smaller: the verb `cache`.

#include <cstdint>
#include <string>
#include <vector>

namespace lathe {

// A shared object of the cache.
struct CachedObject {
  std::string path;
  int64_t bytes = 0;      // with its text
  int64_t last_used = 0;  // seconds since 1970, to the day
  std::vector<std::string> kernels;
};

// All objects, the latest used first. Empty if there is no cache.
std::vector<CachedObject> list_cache(const std::string& folder);

// Bytes of all files of the cache.
int64_t cache_bytes(const std::string& folder);

struct PruneLimits {
  int64_t max_age_days = 30;
  int64_t max_bytes = int64_t{1} << 30;
};

// Removes the objects that were not used for long, then the oldest until the
// rest fits, and what processes that were killed have left. Returns the bytes
// freed. Running processes keep what they have loaded.
int64_t prune_cache(const std::string& folder, const PruneLimits& limits);

// Prunes with the default limits if nobody has for a day. Called when kernels
// are added, so that no cache grows for ever.
void prune_daily(const std::string& folder);

// Removes every file of the cache, and nothing else that lies in the folder.
// Returns the bytes freed.
int64_t clear_cache(const std::string& folder);

}  // namespace lathe
