#include "runtime/bind_dims.h"

#include "spec/diagnostic.h"
#include "spec/text.h"

namespace lathe {
namespace {

std::string type_text(const Tensor& tensor) {
  std::vector<std::string> sizes;
  for (int64_t size : tensor.shape()) sizes.push_back(std::to_string(size));
  return cat({to_string(tensor.dtype()), "[", join(sizes, ", "), "]"});
}

class Binder {
 public:
  Binder(const std::map<std::string, Tensor>& tensors,
         const DimBindings& given)
      : tensors_(tensors), given_(given) {}

  // Sizes that stand alone come first: the others need their values.
  DimBindings run(const std::vector<InputInfo>& inputs) {
    for_each_size(inputs, [&](const InputInfo& input, const Dim& dim,
                              int64_t size) {
      if (dim.is_symbol()) bind(input, dim.symbol_name(), size);
    });
    for (const auto& [symbol, size] : given_) use_given(inputs, symbol, size);
    for_each_size(inputs, [&](const InputInfo& input, const Dim& dim,
                              int64_t size) {
      if (!dim.is_symbol()) match(input, dim, size);
    });
    return std::move(dims_);
  }

 private:
  template <typename Use>
  void for_each_size(const std::vector<InputInfo>& inputs, Use use) {
    for (const InputInfo& input : inputs) {
      const auto found = tensors_.find(input.name);
      if (found == tensors_.end()) continue;
      const std::vector<int64_t>& sizes = found->second.shape();
      if (sizes.size() != input.type.shape.size()) {
        fail(input, cat({"input `", input.name, "` wants ",
                         input.type.shape.size(),
                         input.type.shape.size() == 1 ? " axis" : " axes",
                         " and gets ",
                         sizes.size()}));
      }
      for (size_t i = 0; i < sizes.size(); ++i) {
        use(input, input.type.shape[i], sizes[i]);
      }
    }
  }

  void bind(const InputInfo& input, const std::string& symbol, int64_t size) {
    const auto [place, is_new] = dims_.emplace(symbol, size);
    const std::string here = cat({"input `", input.name, "`"});
    if (is_new) {
      source_[symbol] = here;
      source_input_[symbol] = input.name;
    } else if (place->second != size) {
      fail(input, cat({"`", symbol, "` is ", place->second, " in ",
                       source_[symbol], " and ", size, " in ", here}));
    }
  }

  // Inputs come before what was given for itself, which may have been read
  // off one of them: two inputs that disagree are both named.
  void use_given(const std::vector<InputInfo>& inputs,
                 const std::string& symbol, int64_t size) {
    const auto [place, is_new] = dims_.emplace(symbol, size);
    if (is_new) source_[symbol] = "`-d`";
    if (place->second == size) return;
    const std::string& shown_by = source_input_.at(symbol);
    for (const InputInfo& input : inputs) {
      if (input.name != shown_by) continue;
      fail(input, cat({"`", symbol, "` is ", size, " in `-d` and ",
                       place->second, " in ", source_.at(symbol)}));
    }
  }

  // A size that is a number or an expression; one symbol in it that no other
  // axis shows is solved for, if the expression is linear.
  void match(const InputInfo& input, const Dim& dim, int64_t size) {
    std::string unknown;
    for (const std::string& symbol : dim.symbols()) {
      if (dims_.count(symbol)) continue;
      if (!unknown.empty()) return;  // require_bound() reports them
      unknown = symbol;
    }
    if (!unknown.empty() && !solve(input, dim, unknown, size)) {
      fail(input, cat({"no `", unknown, "` gives `", dim.to_string(), "` = ",
                       size}));
    }
    if (const int64_t wanted = dim.eval(dims_); wanted != size) {
      std::string text = dim.to_string();
      if (!dim.is_static()) text = cat({"`", text, "` = ", wanted});
      fail(input, cat({"input `", input.name, "` wants a size of ", text,
                       " and gets ", size}));
    }
  }

  bool solve(const InputInfo& input, const Dim& dim,
             const std::string& unknown, int64_t size) {
    const auto value_at = [&](int64_t x) {
      DimBindings dims = dims_;
      dims[unknown] = x;
      return dim.eval(dims);
    };
    const int64_t offset = value_at(0);
    const int64_t slope = value_at(1) - offset;
    if (slope == 0) return false;
    const int64_t x = (size - offset) / slope;
    if (x < 0 || value_at(x) != size) return false;
    bind(input, unknown, x);
    return true;
  }

  [[noreturn]] void fail(const InputInfo& input, const std::string& message) {
    const Tensor& tensor = tensors_.at(input.name);
    lathe::fail("L0402", input.span, message, "",
                {cat({input.name, " is ", type_text(tensor),
                      ", declared as ", to_string(input.type)})});
  }

  const std::map<std::string, Tensor>& tensors_;
  const DimBindings& given_;
  DimBindings dims_;
  // What gave a symbol its value: in words, and the input's name if it is one.
  std::map<std::string, std::string> source_, source_input_;
};

// The declaration of the input that would have shown `symbol`.
const InputInfo* input_with(const std::vector<InputInfo>& inputs,
                            const std::string& symbol) {
  for (const InputInfo& input : inputs) {
    for (const Dim& dim : input.type.shape) {
      if (dim.symbols().count(symbol)) return &input;
    }
  }
  return nullptr;
}

// "4", "`B` = 2" or "`2*T + 1` = 5 (T = 2)".
std::string side_text(const Dim& dim, const DimBindings& dims) {
  if (dim.is_static()) return dim.to_string();
  std::string text = cat({"`", dim.to_string(), "` = ", dim.eval(dims)});
  if (dim.is_symbol()) return text;
  std::vector<std::string> values;
  for (const std::string& symbol : dim.symbols()) {
    values.push_back(cat({symbol, " = ", dims.at(symbol)}));
  }
  return cat({text, " (", join(values, ", "), ")"});
}

}  // namespace

DimBindings bind_dims(const std::vector<InputInfo>& inputs,
                      const std::map<std::string, Tensor>& tensors,
                      const DimBindings& given) {
  return Binder(tensors, given).run(inputs);
}

void require_bound(const std::vector<std::string>& symbols,
                   const std::vector<InputInfo>& inputs,
                   const DimBindings& dims) {
  for (const std::string& symbol : symbols) {
    if (dims.count(symbol)) continue;
    const InputInfo* input = input_with(inputs, symbol);
    fail("L0402", input ? input->span : SourceSpan{},
         cat({"no input shows the size `", symbol, "`"}),
         cat({"`-d ", symbol, "=4`"}));
  }
}

void check_constraints(const std::vector<DimConstraint>& constraints,
                       const DimBindings& dims) {
  for (const DimConstraint& constraint : constraints) {
    if (constraint.left.eval(dims) == constraint.right.eval(dims)) continue;
    fail(constraint.code, constraint.span, constraint.message, "",
         {cat({side_text(constraint.left, dims), " against ",
               side_text(constraint.right, dims)})});
  }
}

}  // namespace lathe
