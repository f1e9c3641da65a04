#include "runtime/cache_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "spec/check.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

bool make_folder(const std::string& path) {
  return mkdir(path.c_str(), 0700) == 0 || errno == EEXIST;
}

// Makes the folder and those above it; ours and the missing ones above are
// closed to others. Empty, or why not.
std::string make_folders(const std::string& path) {
  std::error_code error;
  const fs::path parent = fs::path(path).parent_path();
  if (!parent.empty() && !fs::exists(parent, error)) {
    const std::string reason = make_folders(parent.string());
    if (!reason.empty()) return reason;
  }
  return make_folder(path) ? "" : std::strerror(errno);
}

// Makes ready what is missing of the folder. Empty, or why not.
std::string prepare(const std::string& path) {
  if (std::string reason = make_folders(path); !reason.empty()) return reason;
  if (std::string reason = distrust(path); !reason.empty()) return reason;
  for (const char* name : kCacheSubfolders) {
    const std::string folder = path + "/" + name;
    if (!make_folder(folder)) return std::strerror(errno);
    if (std::string reason = distrust(folder); !reason.empty()) return reason;
  }
  if (access((path + "/new").c_str(), W_OK) != 0) return std::strerror(errno);
  return "";
}

}  // namespace

CacheFolder::CacheFolder(const std::string& path, const std::string& temp_dir,
                         const Reporter& reporter)
    : path_(path), temp_dir_(temp_dir), reporter_(reporter) {
  if (path.empty()) {
    make_temporary();
  } else if (std::string reason = prepare(path); !reason.empty()) {
    replace_by_temporary(reason);
  }
}

CacheFolder::~CacheFolder() {
  if (!temporary_ || keep_) return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void CacheFolder::replace_by_temporary(const std::string& reason) {
  reporter_.warning(cat({"the kernel cache ", path_, " cannot be used (",
                         reason, "): kernels are compiled again every time"}));
  make_temporary();
}

void CacheFolder::make_temporary() {
  std::string name = temp_dir_ + "/lathe-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) {
    throw DeviceError("L0604", cat({"cannot make a folder in ", temp_dir_,
                                    ": ", std::strerror(errno)}));
  }
  path_ = name;
  temporary_ = true;
  if (std::string reason = prepare(path_); !reason.empty()) {
    throw DeviceError("L0604", cat({"cannot use ", path_, ": ", reason}));
  }
}

std::string CacheFolder::new_file(const std::string& ending) {
  return file(cat({"new/", getpid(), "-", counter_++, ending}));
}

std::optional<std::string> read_file(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::string text;
  struct stat facts;
  if (fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode)) {
    text.resize(static_cast<size_t>(facts.st_size));
  }
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = read(fd, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    done += static_cast<size_t>(count);
  }
  close(fd);
  text.resize(done);
  return text;
}

bool write_file(const std::string& path, const std::string& text) {
  const int fd =
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = write(fd, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) break;
    done += static_cast<size_t>(count);
  }
  int error = done == text.size() ? 0 : errno;
  if (close(fd) != 0 && error == 0) error = errno;
  if (error != 0) unlink(path.c_str());
  errno = error;
  return error == 0;
}

std::string distrust(const std::string& path) {
  struct stat facts;
  // The link itself: somebody else's link must not choose the folder.
  if (lstat(path.c_str(), &facts) != 0) return std::strerror(errno);
  if (S_ISLNK(facts.st_mode) && facts.st_uid == geteuid()) {
    if (stat(path.c_str(), &facts) != 0) return std::strerror(errno);
  }
  if (!S_ISDIR(facts.st_mode)) return "it is not a folder";
  if (facts.st_uid != geteuid()) return "it belongs to another user";
  if ((facts.st_mode & 022) != 0) return "other users may write to it";
  return "";
}

}  // namespace lathe
