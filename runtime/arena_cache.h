#pragma once
// Where temporaries lie, remembered by size class: sizes are rounded up to one
// of eight classes an octave before planning, so that one more token finds
// the plan of the token before.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "codegen/program.h"

namespace lathe {

class ArenaCache {
 public:
  // Requires: the program outlives the cache.
  explicit ArenaCache(const Program& program) : program_(program) {}

  // The plan for temporaries of these sizes (bytes; 0 for other buffers).
  // Stays valid until the next call.
  const ArenaPlan& plan(std::vector<int64_t> sizes);

  // How often a plan was made.
  int plans_made() const { return plans_made_; }

 private:
  const Program& program_;
  std::map<std::vector<int64_t>, ArenaPlan> plans_;
  int plans_made_ = 0;
};

// The size class of this many bytes: a multiple of 64, at most an eighth
// larger beyond 512.
int64_t size_class(int64_t bytes);

// The largest buffers of a plan as lines of a table, for messages.
std::string largest_buffers(const Program& program,
                            const std::vector<int64_t>& sizes);

}  // namespace lathe
