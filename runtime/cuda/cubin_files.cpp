#include "runtime/cuda/cubin_files.h"

#include "runtime/mapped_file.h"

namespace lathe::cuda {

Cubin CubinFiles::take(int kernel) {
  return std::make_shared<const std::string>(
      read_text_file(files_[static_cast<size_t>(kernel)]));
}

CompileReport CubinFiles::report() const {
  return {.packed = static_cast<int>(files_.size())};
}

}  // namespace lathe::cuda
