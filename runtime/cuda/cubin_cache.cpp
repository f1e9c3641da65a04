#include "runtime/cuda/cubin_cache.h"

#include <cstdio>

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

std::optional<std::string> CubinCache::find(const std::string& key,
                                            const std::string& name) const {
  const auto text = read_file(folder_.file("kernels/" + key));
  const auto entry = text ? parse_cache_entry(*text) : std::nullopt;
  if (!entry || entry->name != name) return std::nullopt;
  auto cubin = read_file(folder_.file(cat({"objects/", entry->object,
                                           ".cubin"})));
  if (!cubin || hash_of(*cubin) != entry->object) return std::nullopt;
  return cubin;
}

bool CubinCache::store(const std::string& key, const std::string& name,
                       const std::string& text, const std::string& cubin) {
  const std::string hash = hash_of(cubin);
  const CacheEntry entry{name, hash, context_};
  return file_new(folder_, text, ".cu", cat({"objects/", hash, ".cu"})) &&
         file_new(folder_, cubin, ".cubin",
                  cat({"objects/", hash, ".cubin"})) &&
         file_new(folder_, to_text(entry), ".entry", "kernels/" + key);
}

}  // namespace lathe::cuda
