#pragma once
// The folder that compiled kernels live in, and all that touches its files.
//
// Its code is loaded into our process, so nobody else may write to it: it is
// ours, and closed to group and others. If it is not, or cannot be made or
// written, a private temporary folder takes its place, with a warning:
// everything works, but every start compiles.
//
//   kernels/KEY       which object holds the kernel, see kernel_cache.h
//   objects/HASH.so   named by its own content, so that damage shows;
//                     HASH.cubin of GPU kernels
//   objects/HASH.cpp  the text it was compiled from; HASH.cu of GPU kernels
//   compilers/KEY     what `--version` said
//   failed/NAME.cpp   text that did not compile
//   new/              files being made; renamed into place when complete
//   pruned            its time is when the cache was last made smaller

#include <optional>
#include <string>

#include "runtime/report.h"

namespace lathe {

inline constexpr const char* kCacheSubfolders[] = {
    "kernels", "objects", "compilers", "failed", "new"};

class CacheFolder {
 public:
  // `path` may be empty: nothing is to be kept.
  CacheFolder(const std::string& path, const std::string& temp_dir,
              const Reporter& reporter);
  // Removes a temporary folder, unless a failed text was kept in it.
  ~CacheFolder();
  CacheFolder(const CacheFolder&) = delete;
  CacheFolder& operator=(const CacheFolder&) = delete;

  const std::string& path() const { return path_; }
  bool is_temporary() const { return temporary_; }

  // The path of `name` below the folder.
  std::string file(const std::string& name) const { return path_ + "/" + name; }

  // A path in new/ that nobody else uses.
  std::string new_file(const std::string& ending);

  // Goes on in a temporary folder, because this one cannot be written.
  // Files made so far stay readable where they are.
  void replace_by_temporary(const std::string& reason);

  // Do not remove the folder: `failed/` holds something the user is told of.
  void keep() { keep_ = true; }

 private:
  void make_temporary();

  std::string path_;
  std::string temp_dir_;
  Reporter reporter_;
  bool temporary_ = false;
  bool keep_ = false;
  int counter_ = 0;
};

// The whole file, or nothing if it cannot be read.
std::optional<std::string> read_file(const std::string& path);

// Writes a new file; false (errno says why) if that fails, and nothing is
// left behind.
bool write_file(const std::string& path, const std::string& text);

// Why `path` may not hold code for this user; empty if it may.
std::string distrust(const std::string& path);

}  // namespace lathe
