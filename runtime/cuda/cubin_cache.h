#pragma once
// Compiled CUDA kernels in the cache folder, beside those of the CPU. The key
// has the same two halves: the text with its header, and how it is compiled
// (NVRTC's file, flags, target). A cubin is named by the hash of its bytes, so
// that a damaged one is a miss.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/cache_entry.h"
#include "runtime/cache_folder.h"
#include "runtime/cuda/cubin_source.h"

namespace lathe::cuda {

class CubinCache {
 public:
  // A kernel and what it is filed under.
  struct Place {
    std::string key;
    std::string name;
  };

  // `nvrtc` is Nvrtc::identity().
  CubinCache(CacheFolder& folder, const std::string& nvrtc,
             const std::string& flags, const std::string& target);

  std::string key(const std::string& header, const std::string& text) const;

  // The cubin with the kernel that is filed there; null if there is none.
  Cubin find(const Place& place);

  // Files the cubin of these kernels, with their text beside it. False, with
  // errno set, if the folder cannot be written.
  bool store(const std::vector<Place>& kernels, const std::string& text,
             const std::string& cubin);

 private:
  CacheFolder& folder_;
  BuildContext context_;
  std::string context_hash_;
  std::map<std::string, std::weak_ptr<const std::string>> read_;  // by hash
};

}  // namespace lathe::cuda
