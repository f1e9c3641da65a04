#pragma once
// Who computes the products of a program that a library of the device may
// compute: decided when sizes are bound, a group of products at once.

#include <set>
#include <string>
#include <vector>

#include "codegen/program.h"
#include "runtime/device.h"
#include "runtime/dim_table.h"
#include "runtime/report.h"

namespace lathe {

class LibraryChoices {
 public:
  // Adds the sizes of products to `table`. Requires: all outlive it.
  LibraryChoices(const Program& program, Device& device, DimTable& table,
                 Reporter reporter);

  // Binds the table with `dims` and the choices: the library's where the
  // product is wanted and the device takes all of its group. Says once why it
  // does not. Throws DimError, and DeviceError L07 when the library fails.
  void bind(const DimBindings& dims);

  // The product of a step. Requires: it has one, and bind() was called.
  BoundProduct product_of(size_t step) const;

 private:
  // A product's sizes as positions in the table.
  struct Sizes {
    size_t step = 0;
    int rows = 0, columns = 0, depth = 0;
    int left_stride = 0, right_stride = 0, result_stride = 0;
    int wanted = 0;
  };

  bool takes(const Sizes& sizes);
  BoundProduct bound(const Sizes& sizes) const;

  const Program& program_;
  Device& device_;
  DimTable& table_;
  Reporter reporter_;
  std::vector<Sizes> products_;
  std::set<std::string> said_;
};

}  // namespace lathe
