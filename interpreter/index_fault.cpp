#include "interpreter/index_fault.h"

#include <algorithm>

#include "spec/text.h"

namespace lathe {

bool writes_at_indices(const Definition& definition) {
  return std::any_of(definition.stages.begin(), definition.stages.end(),
                     [](const Stage& stage) {
                       return std::holds_alternative<Update>(stage.kind);
                     });
}

std::string index_fault_text(const std::string& op, bool writes, int64_t index,
                             int64_t extent, int64_t position) {
  return cat({"`", op, writes ? "` writes to index " : "` reads index ", index,
              " of an axis of size ", extent, ", at position ", position,
              " of its ", writes ? "updates" : "output"});
}

}  // namespace lathe
