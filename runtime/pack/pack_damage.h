#pragma once
// What is wrong inside a pack's files; whoever knows the pack's name makes an
// error of it.

#include <stdexcept>

namespace lathe {

class PackDamage : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace lathe
