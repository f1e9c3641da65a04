#pragma once
// One step of inline_maps(): which producers go into a formula that reads them,
// and the formula with these in it. A pure function of what FormulaReader
// holds.

#include <vector>

#include "codegen/formula.h"
#include "codegen/simplify.h"

namespace lathe {

// How much work an element of a map is.
enum class Work : uint8_t {
  kFree,       // another index into the same data, or a constant
  kCheap,      // a few additions, comparisons, selects
  kExpensive,  // division, functions, checked indices
};

// What decides whether a formula is put into others.
struct MapFacts {
  bool map = false;  // no reduction, scan, update or sort
  bool product = false;
  bool makes_codes = false;
  bool checks = false;
  bool pads = false;  // cheaply, by indices alone
  Work work = Work::kExpensive;
};

MapFacts facts_of(const Formula& formula);

// What is known of a formula's variables.
Ranges ranges_of(const Formula& formula);

// What fills a slot of a reader.
struct FormulaSource {
  FormulaRef formula;
  MapFacts facts;
  bool stored = false, at_load = false, widens = false;
  bool only_reader = false;     // nobody else reads it
  bool becomes_factor = false;  // asked where it makes codes
  bool read_whole = false;      // asked where it checks indices
  // The reader's number for each array that it reads: that of the reader's slot
  // for this array, or one behind all slots.
  std::vector<int> slots;

  bool fits() const { return facts.map && !stored; }
};

struct FormulaReader {
  FormulaRef formula;
  bool stored = false, at_load = false;
  std::vector<FormulaSource> producers;  // by slot
};

// The reader with some of its producers in it.
struct FilledReader {
  NumberedFormula formula;
  std::vector<int> taken;  // slots whose work is done in it now
};

FilledReader fill_reader(const FormulaReader& reader, bool codes_in_products);

}  // namespace lathe
