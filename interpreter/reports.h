#pragma once
// The mistakes of an elaboration, with the layers they were found in. A layer
// that stands in the model 32 times has one message, which says so.

#include <map>
#include <string>
#include <vector>

#include "spec/diagnostic.h"

namespace lathe {

// Where a mistake was found.
struct ReportPlace {
  std::string path;      // "model.layers.0.mlp"; empty: the model itself
  std::string declared;  // "llama.yaml:54", or empty
  // The list around it that repeats one declaration, for "the same in layers
  // 0 to 31": its path and size. Size 0: none.
  std::string list_path;
  int64_t list_size = 0;
};

class Reports {
 public:
  void add(Diagnostic diagnostic, ReportPlace place);

  bool any() const { return !entries_.empty(); }

  // Gives everything to `diagnostics`, each message once. A name that means
  // nothing is one mistake, however often it is used.
  void flush(Diagnostics& diagnostics);

 private:
  void join_unknown_names();

  struct Entry {
    Diagnostic diagnostic;
    std::vector<ReportPlace> places;
  };
  std::map<std::string, size_t> index_;
  std::vector<Entry> entries_;
};

}  // namespace lathe
