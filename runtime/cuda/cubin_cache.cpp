#include "runtime/cuda/cubin_cache.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "runtime/kernel_cache.h"
#include "spec/text.h"

namespace lathe::cuda {
namespace {

// Bumped whenever the parameters of kernels or their meaning change.
constexpr int kCudaAbiVersion = 1;

bool file_new(CacheFolder& folder, const std::string& text,
              const std::string& ending, const std::string& place) {
  const std::string made = folder.new_file(ending);
  return write_file(made, text) &&
         std::rename(made.c_str(), folder.file(place).c_str()) == 0;
}

}  // namespace

CubinCache::CubinCache(CacheFolder& folder, const std::string& nvrtc,
                       const std::string& flags, const std::string& target)
    : folder_(folder),
      context_{.abi = cat({"cuda ", kCudaAbiVersion}),
               .compiler = nvrtc,
               .flags = flags,
               .cpu = target} {
  context_hash_ = hash_of(cat({context_.abi, "\n", context_.compiler, "\n",
                               context_.flags, "\n", context_.cpu}));
}

std::string CubinCache::key(const std::string& header,
                            const std::string& text) const {
  // The length keeps two texts from sharing a boundary.
  return cat({hash_of(cat({header.size(), "\n", header, text})), "-",
              context_hash_});
}

Cubin CubinCache::find(const Place& place) {
  const auto text = read_file(folder_.file("kernels/" + place.key));
  const auto entry = text ? parse_cache_entry(*text) : std::nullopt;
  if (!entry || entry->name != place.name) return nullptr;
  auto& known = read_[entry->object];
  if (Cubin cubin = known.lock()) return cubin;
  auto bytes = read_file(folder_.file(cat({"objects/", entry->object,
                                           ".cubin"})));
  if (!bytes || hash_of(*bytes) != entry->object) return nullptr;
  auto cubin = std::make_shared<const std::string>(std::move(*bytes));
  known = cubin;
  return cubin;
}

bool CubinCache::store(const std::vector<Place>& kernels,
                       const std::string& text, const std::string& cubin) {
  const std::string hash = hash_of(cubin);
  if (!file_new(folder_, text, ".cu", cat({"objects/", hash, ".cu"})) ||
      !file_new(folder_, cubin, ".cubin",
                cat({"objects/", hash, ".cubin"}))) {
    return false;
  }
  return std::all_of(kernels.begin(), kernels.end(), [&](const Place& kernel) {
    return file_new(folder_, to_text({kernel.name, hash, context_}), ".entry",
                    "kernels/" + kernel.key);
  });
}

}  // namespace lathe::cuda
