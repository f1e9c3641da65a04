#include "runtime/new_folder.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "spec/diagnostic.h"
#include "spec/text.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// "out/" and "out" are one place.
std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace

void fail_to_write(const std::string& path, int error) {
  fail("L0512", {},
       cat({"cannot write ", backquoted(path), ": ", std::strerror(error)}));
}

NewFolder::NewFolder(const std::string& path)
    : path_(without_slashes(path)), temporary_(path_ + ".XXXXXX") {
  if (::mkdtemp(temporary_.data()) == nullptr) fail_to_write(path, errno);
  fs::permissions(temporary_, fs::perms(0755));
}

NewFolder::~NewFolder() {
  std::error_code ignored;
  if (!done_) fs::remove_all(temporary_, ignored);
}

std::string NewFolder::file(const std::string& name) const {
  return temporary_ + "/" + name;
}

// What was there is set aside first, so that a failure leaves it.
void NewFolder::commit() {
  std::error_code error;
  const std::string old = temporary_ + ".old";
  const bool replaces = fs::exists(path_);
  if (replaces) fs::rename(path_, old, error);
  if (!error) fs::rename(temporary_, path_, error);
  if (error) {
    std::error_code ignored;
    if (replaces && !fs::exists(path_)) fs::rename(old, path_, ignored);
    fail_to_write(path_, error.value());
  }
  done_ = true;
  if (replaces) fs::remove_all(old, error);
}

}  // namespace lathe
