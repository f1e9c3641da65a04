#include "runtime/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "spec/diagnostic.h"

namespace lathe {
namespace {

// A file descriptor that is closed at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ > STDIN_FILENO) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

int open_to_read(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail_to_read(path, errno);
  return fd;
}

}  // namespace

void fail_to_read(const std::string& path, int error) {
  fail("L0511", {},
       cat({"cannot read ", backquoted(path), ": ", std::strerror(error)}));
}

std::shared_ptr<const MappedFile> MappedFile::open(const std::string& path) {
  Descriptor file(open_to_read(path));
  struct stat status;
  if (::fstat(file.get(), &status) != 0) fail_to_read(path, errno);
  if (S_ISDIR(status.st_mode)) fail_to_read(path, EISDIR);
  if (!S_ISREG(status.st_mode)) {
    fail("L0511", {},
         cat({"cannot read ", backquoted(path),
              ": not a regular file, so it cannot be mapped"}));
  }
  std::shared_ptr<MappedFile> out(new MappedFile);
  out->path_ = path;
  out->size_ = static_cast<size_t>(status.st_size);
  if (out->size_ == 0) return out;
  void* data =
      ::mmap(nullptr, out->size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (data == MAP_FAILED) {
    out->size_ = 0;
    fail_to_read(path, errno);
  }
  out->data_ = static_cast<const std::byte*>(data);
  return out;
}

MappedFile::~MappedFile() {
  if (size_ > 0) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::release(size_t offset, size_t size) const {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t begin = (offset + page - 1) / page * page;
  const size_t end = (offset + size) / page * page;
  if (offset + size > size_ || begin >= end) return;
  // Only a hint: where it fails, the pages merely stay.
  (void)::madvise(const_cast<std::byte*>(data_) + begin, end - begin,
                  MADV_DONTNEED);
}

void MappedFile::prefetch(size_t offset, size_t size) const {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t begin = offset / page * page;
  if (size == 0 || offset + size > size_) return;
  (void)::madvise(const_cast<std::byte*>(data_) + begin, offset + size - begin,
                  MADV_WILLNEED);
}

std::string read_text_file(const std::string& path, size_t limit) {
  Descriptor file(path == "-" ? STDIN_FILENO : open_to_read(path));
  std::string out;
  size_t used = 0;
  while (true) {
    out.resize(std::max<size_t>(used * 2, size_t{64} << 10));
    ssize_t n = ::read(file.get(), out.data() + used, out.size() - used);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_to_read(path, errno);
    used += static_cast<size_t>(n);
    if (used > limit) {
      fail("L0511", {},
           cat({"cannot read ", backquoted(path), ": longer than ", limit,
                " bytes"}));
    }
    if (n == 0) break;
  }
  out.resize(used);
  return out;
}

}  // namespace lathe
