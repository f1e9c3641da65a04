#pragma once
// Compiled CUDA kernels in the cache folder, beside those of the CPU. The key
// has the same two halves: the text with its header, and how it is compiled
// (NVRTC's file, flags, target). A cubin is named by the hash of its bytes, so
// that a damaged one is a miss.

#include <optional>
#include <string>

#include "runtime/cache_entry.h"
#include "runtime/cache_folder.h"

namespace lathe::cuda {

class CubinCache {
 public:
  // `nvrtc` is Nvrtc::identity().
  CubinCache(CacheFolder& folder, const std::string& nvrtc,
             const std::string& flags, const std::string& target);

  std::string key(const std::string& header, const std::string& text) const;

  // The cubin of the kernel `name` filed under `key`.
  std::optional<std::string> find(const std::string& key,
                                  const std::string& name) const;

  // Files it, with the text beside it. False, with errno set, if the folder
  // cannot be written.
  bool store(const std::string& key, const std::string& name,
             const std::string& text, const std::string& cubin);

 private:
  CacheFolder& folder_;
  BuildContext context_;
  std::string context_hash_;
};

}  // namespace lathe::cuda
