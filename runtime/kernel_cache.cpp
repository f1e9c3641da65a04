#include "runtime/kernel_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "codegen/kernel_abi.h"
#include "runtime/cache_entry.h"
#include "spec/text.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// Objects in use look recent, so that `prune` keeps them. Once a day will do.
void mark_as_used(const std::string& path) {
  struct stat facts;
  if (stat(path.c_str(), &facts) != 0) return;
  constexpr time_t kDaySeconds = 24 * 60 * 60;
  if (time(nullptr) - facts.st_mtim.tv_sec > kDaySeconds) {
    (void)utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
  }
}

// Which parts of the context an existing kernel of the same text was built
// with.
std::string difference(const BuildContext& was, const BuildContext& is) {
  if (was.abi != is.abi) return "lathe's kernel interface has changed";
  if (was.compiler != is.compiler) {
    return cat({"the compiler has changed, it was ", was.compiler});
  }
  if (was.flags != is.flags) return "the compiler's flags have changed";
  if (was.cpu != is.cpu) return "it was compiled for another CPU";
  return "its entry is damaged";
}

// Moves a complete file to its place. A file of that name made by another
// process in the meantime is as good.
bool move_file(const std::string& from, const std::string& to) {
  return std::rename(from.c_str(), to.c_str()) == 0;
}

}  // namespace

std::string hash_of(const std::string& text) {
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  char digits[33];
  std::snprintf(digits, sizeof digits, "%016llx%016llx",
                static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return digits;
}

KernelCache::KernelCache(CacheFolder& folder, BuildContext context)
    : folder_(folder), context_(std::move(context)) {
  context_hash_ = hash_of(cat({context_.abi, "\n", context_.compiler, "\n",
                               context_.flags, "\n", context_.cpu}));
}

std::string KernelCache::key(const std::string& prelude,
                             const std::string& text) const {
  // The length keeps two texts from sharing a boundary.
  const std::string all = cat({prelude.size(), "\n", prelude, text});
  return cat({hash_of(all), "-", context_hash_});
}

CacheLookup KernelCache::find(const std::string& key,
                              const std::string& name) {
  CacheLookup result;
  const auto text = read_file(folder_.file("kernels/" + key));
  if (!text) {
    result.miss = reason_of_miss(key);
    return result;
  }
  const std::optional<CacheEntry> entry = parse_cache_entry(*text);
  if (!entry || entry->name != name) {
    result.miss = "its entry is damaged";
    return result;
  }
  result.object = load(entry->object, result.miss);
  if (!result.object) return result;
  result.function = result.object->find(name);
  if (!result.function) result.miss = "the object does not have it";
  return result;
}

std::shared_ptr<ObjectFile> KernelCache::load(const std::string& object_name,
                                              std::string& reason) {
  for (const auto& [name, open] : open_) {
    if (name != object_name) continue;
    if (auto object = open.lock()) return object;
  }
  const std::string path = folder_.file(cat({"objects/", object_name, ".so"}));
  const auto bytes = read_file(path);
  if (!bytes) {
    reason = "its object is gone";
    return nullptr;
  }
  // Loading a truncated object would kill the process.
  if (hash_of(*bytes) != object_name) {
    reason = "its object is damaged";
    (void)unlink(path.c_str());
    return nullptr;
  }
  std::shared_ptr<ObjectFile> object = ObjectFile::open(path, reason);
  if (object) {
    open_.emplace_back(object_name, object);
    mark_as_used(path);
  }
  return object;
}

std::string KernelCache::reason_of_miss(const std::string& key) const {
  const std::string same_text = key.substr(0, key.find('-') + 1);
  std::error_code error;
  for (const fs::directory_entry& file :
       fs::directory_iterator(folder_.file("kernels"), error)) {
    if (!file.path().filename().string().starts_with(same_text)) continue;
    const auto text = read_file(file.path().string());
    const auto entry = text ? parse_cache_entry(*text) : std::nullopt;
    if (entry) return difference(entry->context, context_);
  }
  return "its text is new";
}

std::optional<std::string> KernelCache::store(
    const std::string& object, const std::string& source,
    const std::vector<Entry>& entries) {
  const auto bytes = read_file(object);
  if (!bytes) return std::nullopt;
  const std::string hash = hash_of(*bytes);
  const std::string place = folder_.file(cat({"objects/", hash, ".so"}));
  const std::string text = folder_.file(cat({"objects/", hash, ".cpp"}));
  if (!move_file(source, text) || !move_file(object, place)) {
    return std::nullopt;
  }
  for (const Entry& entry : entries) {
    const std::string file = folder_.new_file(".entry");
    if (!write_file(file, to_text(CacheEntry{entry.name, hash, context_})) ||
        !move_file(file, folder_.file("kernels/" + entry.key))) {
      return std::nullopt;
    }
  }
  return place;
}

BuildContext build_context(CacheFolder& folder, const CompilerFile& compiler,
                           const std::string& cpu_identity) {
  const std::string file_facts =
      cat({compiler.path, " ", compiler.size, " ", compiler.mtime});
  const std::string note = folder.file("compilers/" + hash_of(file_facts));
  std::string version = read_file(note).value_or("");
  if (version.empty()) {
    version = compiler_version(compiler);
    const std::string file = folder.new_file(".version");
    // Not kept, it is asked for again.
    if (write_file(file, version)) (void)move_file(file, note);
  }
  return {.abi = std::to_string(kKernelAbiVersion),
          .compiler = cat({file_facts, " ", version}),
          .flags = join(compile_flags(), " "),
          .cpu = cpu_identity};
}

}  // namespace lathe
