#pragma once
// A folder that appears whole or not at all: made under a temporary name
// beside its place, then renamed over it.

#include <string>

namespace lathe {

class NewFolder {
 public:
  // Makes the temporary folder. Throws SpecError L0512, as commit() does.
  explicit NewFolder(const std::string& path);
  // Removes it unless commit() was reached.
  ~NewFolder();
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  // The path of `name` in it, for now.
  std::string file(const std::string& name) const;

  // The folder is at its place from here on; what was there is gone.
  void commit();

 private:
  std::string path_, temporary_;
  bool done_ = false;
};

// Throws SpecError L0512 with the reason `error` (an errno) for `path`.
[[noreturn]] void fail_to_write(const std::string& path, int error);

}  // namespace lathe
