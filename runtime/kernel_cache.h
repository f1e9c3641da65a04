#pragma once
// Finds compiled kernels by what they were made from, and files new ones.
//
// Every kernel is filed for itself, although kernels are compiled in batches:
// its entry names the object that holds it. The key has two halves: a hash of
// the text (with the prelude), and a hash of how it is compiled (ABI,
// compiler, flags, CPU). So a miss can say whether the text is new, or what
// else has changed. An object is named by the hash of its own bytes and
// checked before it is loaded: a damaged one is a miss.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/cache_entry.h"
#include "runtime/cache_folder.h"
#include "runtime/host_compiler.h"
#include "runtime/object_file.h"

namespace lathe {

// What the lookup of one kernel gave.
struct CacheLookup {
  KernelFunction function = nullptr;
  std::shared_ptr<ObjectFile> object;  // keeps `function` valid
  std::string miss;                    // why there is no function
};

class KernelCache {
 public:
  KernelCache(CacheFolder& folder, BuildContext context);

  // "TEXTHASH-CONTEXTHASH".
  std::string key(const std::string& prelude, const std::string& text) const;

  // The kernel `name` filed under `key`, loaded.
  CacheLookup find(const std::string& key, const std::string& name);

  // Files a finished object (in the folder's new/, `source` beside it) and
  // an entry for each kernel; returns where the object is now. Nothing, with
  // errno set, if the folder cannot be written.
  struct Entry {
    std::string key;
    std::string name;
  };
  std::optional<std::string> store(const std::string& object,
                                   const std::string& source,
                                   const std::vector<Entry>& entries);

 private:
  std::shared_ptr<ObjectFile> load(const std::string& object_name,
                                   std::string& reason);
  std::string reason_of_miss(const std::string& key) const;

  CacheFolder& folder_;
  BuildContext context_;
  std::string context_hash_;
  // Objects open in this process, so that a batch is loaded once.
  std::vector<std::pair<std::string, std::weak_ptr<ObjectFile>>> open_;
};

// The context of this machine. The compiler's version is remembered in the
// folder, because asking starts a process.
BuildContext build_context(CacheFolder& folder, const CompilerFile& compiler,
                           const std::string& cpu_identity);

// XXH3-128 of the text in hexadecimal digits.
std::string hash_of(const std::string& text);

}  // namespace lathe
