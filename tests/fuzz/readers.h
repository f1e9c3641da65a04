// The readers of files from outside, each as a function of bytes that must
// end well or with a SpecError: shared by the fuzzers and the short test.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace lathe {

using Bytes = std::span<const std::byte>;

struct Reader {
  std::string name;
  std::function<void(Bytes)> read;
  std::vector<std::string> seeds;  // valid files to start from
};

const std::vector<Reader>& readers();

// The reader of that name; an unknown one is an InternalError.
const Reader& find_reader(const std::string& name);

// Runs the reader; a SpecError is a good end, anything else gets through.
void read_anything(const Reader& reader, Bytes bytes);

}  // namespace lathe
