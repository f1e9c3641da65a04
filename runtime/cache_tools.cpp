#include "runtime/cache_tools.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <map>

#include "runtime/cache_entry.h"
#include "runtime/cache_folder.h"
#include "spec/check.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kDay = 24 * 60 * 60;
// A file in new/ that is older belongs to a process that was killed.
constexpr int64_t kAbandoned = 60 * 60;

struct FileFacts {
  std::string path;
  int64_t bytes = 0;
  int64_t time = 0;
};

// The regular files of a subfolder, by name.
std::vector<FileFacts> files_of(const std::string& folder,
                                const std::string& subfolder) {
  std::vector<FileFacts> files;
  std::error_code error;
  for (const fs::directory_entry& file :
       fs::directory_iterator(folder + "/" + subfolder, error)) {
    struct stat facts;
    const std::string path = file.path().string();
    if (lstat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) continue;
    files.push_back({path, facts.st_size, facts.st_mtim.tv_sec});
  }
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

// Bytes freed.
int64_t remove_file(const FileFacts& file) {
  return unlink(file.path.c_str()) == 0 ? file.bytes : 0;
}

int64_t size_of_file(const std::string& path) {
  struct stat facts;
  return lstat(path.c_str(), &facts) == 0 ? facts.st_size : 0;
}

// Shared objects of the CPU, cubins of GPUs.
bool is_object(const std::string& path) {
  return path.ends_with(".so") || path.ends_with(".cubin");
}

std::string text_beside(const std::string& object) {
  const char* text = object.ends_with(".cubin") ? ".cu" : ".cpp";
  return fs::path(object).replace_extension(text).string();
}

// The object that an entry names, or whose text the file is, is there.
bool has_object(const fs::path& without_extension) {
  fs::path object = without_extension;
  return fs::exists(object.replace_extension(".so")) ||
         fs::exists(object.replace_extension(".cubin"));
}

int64_t remove_object(const CachedObject& object) {
  const bool removed = unlink(object.path.c_str()) == 0;
  (void)unlink(text_beside(object.path).c_str());
  return removed ? object.bytes : 0;
}

// Entries of objects that are gone, texts without object, abandoned files.
int64_t remove_orphans(const std::string& folder, int64_t now) {
  int64_t freed = 0;
  for (const FileFacts& file : files_of(folder, "kernels")) {
    const auto text = read_file(file.path);
    const auto entry = text ? parse_cache_entry(*text) : std::nullopt;
    if (!entry || !has_object(folder + "/objects/" + entry->object)) {
      freed += remove_file(file);
    }
  }
  for (const FileFacts& file : files_of(folder, "objects")) {
    // A text is put there just before its object.
    if (!has_object(file.path) && now - file.time > kAbandoned) {
      freed += remove_file(file);
    }
  }
  for (const FileFacts& file : files_of(folder, "new")) {
    if (now - file.time > kAbandoned) freed += remove_file(file);
  }
  return freed;
}

}  // namespace

std::vector<CachedObject> list_cache(const std::string& folder) {
  std::map<std::string, std::vector<std::string>> kernels;
  for (const FileFacts& file : files_of(folder, "kernels")) {
    const auto text = read_file(file.path);
    const auto entry = text ? parse_cache_entry(*text) : std::nullopt;
    if (entry) kernels[entry->object].push_back(entry->name);
  }
  std::vector<CachedObject> objects;
  for (const FileFacts& file : files_of(folder, "objects")) {
    if (!is_object(file.path)) continue;
    objects.push_back({file.path,
                       file.bytes + size_of_file(text_beside(file.path)),
                       file.time,
                       kernels[fs::path(file.path).stem().string()]});
  }
  std::stable_sort(objects.begin(), objects.end(),
                   [](const CachedObject& a, const CachedObject& b) {
                     return a.last_used > b.last_used;
                   });
  return objects;
}

int64_t cache_bytes(const std::string& folder) {
  int64_t sum = 0;
  for (const char* subfolder : kCacheSubfolders) {
    for (const FileFacts& file : files_of(folder, subfolder)) {
      sum += file.bytes;
    }
  }
  return sum;
}

int64_t prune_cache(const std::string& folder, const PruneLimits& limits) {
  const int64_t now = static_cast<int64_t>(std::time(nullptr));
  int64_t freed = 0;
  int64_t kept = 0;
  for (const CachedObject& object : list_cache(folder)) {
    const bool old = now - object.last_used > limits.max_age_days * kDay;
    if (old || kept + object.bytes > limits.max_bytes) {
      freed += remove_object(object);
    } else {
      kept += object.bytes;
    }
  }
  return freed + remove_orphans(folder, now);
}

void prune_daily(const std::string& folder) {
  const std::string stamp = folder + "/pruned";
  struct stat facts;
  const int64_t now = static_cast<int64_t>(std::time(nullptr));
  const bool known = lstat(stamp.c_str(), &facts) == 0;
  if (known && now - facts.st_mtim.tv_sec < kDay) return;
  // The stamp first: of several processes, most leave it to one.
  if (known) (void)unlink(stamp.c_str());
  if (write_file(stamp, "") && known) prune_cache(folder, {});
}

int64_t clear_cache(const std::string& folder) {
  int64_t freed = 0;
  for (const char* subfolder : kCacheSubfolders) {
    for (const FileFacts& file : files_of(folder, subfolder)) {
      freed += remove_file(file);
    }
  }
  return freed;
}

}  // namespace lathe
