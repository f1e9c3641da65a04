#include "codegen/library_product.h"

#include "spec/text.h"

namespace lathe {
namespace {

std::string side_text(const ProductSide& side, const std::string& lines,
                      const std::string& depth, const std::string& stride) {
  std::string out = cat({to_string(side.dtype), "[", lines, ", ", depth, "]"});
  const std::string& packed = side.along_depth ? depth : lines;
  if (!side.along_depth) out += " by columns";
  if (stride != packed) out += cat({" every ", stride});
  if (side.scale != ProductScale::kNone) {
    out += cat({" scaled ", to_string(side.scale)});
  }
  return out;
}

// Of anything that has the members, by a function that spells a size.
template <typename Product, typename Spell>
std::string text_of(const Product& p, const Spell& spell) {
  std::string out =
      cat({side_text(p.form.left, spell(p.rows), spell(p.depth),
                     spell(p.left_stride)),
           " by ",
           side_text(p.form.right, spell(p.columns), spell(p.depth),
                     spell(p.right_stride)),
           " to ", to_string(p.form.result)});
  if (spell(p.result_stride) != spell(p.columns)) {
    out += cat({" every ", spell(p.result_stride)});
  }
  if (p.form.bias) out += cat({" plus ", to_string(*p.form.bias), " bias"});
  if (p.form.adds) out += " plus a tensor";
  return out;
}

}  // namespace

const char* to_string(ProductScale scale) {
  switch (scale) {
    case ProductScale::kNone:
      return "not";
    case ProductScale::kScalar:
      return "as a whole";
    case ProductScale::kLines:
      return "by lines";
    case ProductScale::kDepth128:
      return "by 1x128";
    case ProductScale::kBlock128:
      return "by 128x128";
  }
  return "";
}

std::string to_string(const LibraryProduct& product) {
  return cat({text_of(product, [](const Dim& d) { return d.to_string(); }),
              ", wanted where ", product.wanted.to_string()});
}

std::string to_string(const BoundProduct& product) {
  return text_of(product, [](int64_t n) { return std::to_string(n); });
}

int buffers_of(const ProductForm& form) {
  return 4 + (form.left.scale != ProductScale::kNone) +
         (form.right.scale != ProductScale::kNone) + form.bias.has_value() +
         form.adds;
}

}  // namespace lathe
