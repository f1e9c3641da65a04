#pragma once
// A line of `lathe doctor`: what, how it is, and what to do about it where it
// is not well.

#include <string>

namespace lathe {

struct Finding {
  std::string what;
  std::string is;
  std::string advice;  // empty: all is well
};

}  // namespace lathe
