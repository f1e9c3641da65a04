// Activation functions, under their own names and as `activation(x, name)`.

#include "interpreter/op_builder.h"

namespace lathe {
namespace {

constexpr double kInvSqrt2 = 0.70710678118654752;
constexpr double kSqrt2OverPi = 0.79788456080286536;

Expr identity(const Expr& x) { return x; }
Expr relu(const Expr& x) { return max(x, 0); }
Expr relu_squared(const Expr& x) { return relu(x) * relu(x); }
Expr silu(const Expr& x) { return x * sigmoid(x); }
Expr gelu(const Expr& x) { return 0.5 * x * (1.0 + erf(x * kInvSqrt2)); }
Expr gelu_tanh(const Expr& x) {
  const Expr inner = kSqrt2OverPi * (x + 0.044715 * x * x * x);
  return 0.5 * x * (1.0 + tanh(inner));
}
Expr gelu_quick(const Expr& x) { return x * sigmoid(1.702 * x); }

using Activation = Expr (*)(const Expr&);

struct ActivationRow {
  const char* name;
  Activation function;
};

// The names of specs and those of Hugging Face's `hidden_act`.
constexpr ActivationRow kActivations[] = {
    {"silu", silu},
    {"gelu", gelu},
    {"gelu_tanh", gelu_tanh},
    {"gelu_quick", gelu_quick},
    {"relu", relu},
    {"tanh", tanh},
    {"sigmoid", sigmoid},
    {"identity", identity},
    {"linear", identity},
    {"swish", silu},
    {"gelu_python", gelu},
    {"gelu_new", gelu_tanh},
    {"gelu_fast", gelu_tanh},
    {"gelu_accurate", gelu_tanh},
    {"gelu_pytorch_tanh", gelu_tanh},
    {"quick_gelu", gelu_quick},
    {"relu2", relu_squared},
};

std::string activation_names() {
  std::string names;
  for (const ActivationRow& row : kActivations) {
    names += (names.empty() ? "" : "|") + std::string(row.name);
  }
  return names;
}

void map_one(OpBuilder& b, Activation function) {
  b.map(b.op_name(), {b.tensor("x")},
        [&](const std::vector<Expr>& x) { return function(x[0]); });
}

void define_activation(OpBuilder& b) {
  const std::string name = b.text("name");
  for (const ActivationRow& row : kActivations) {
    if (row.name == name) return map_one(b, row.function);
  }
}

void define_gelu(OpBuilder& b) {
  const std::string form = b.text("approximate");
  map_one(b, form == "none"   ? gelu
             : form == "tanh" ? gelu_tanh
                              : gelu_quick);
}

OpDef float_map(const char* name, const char* doc, Activation function) {
  return {.name = name,
          .doc = doc,
          .signature = "x: float[*s] -> float[*s]",
          .map = [function](const std::vector<Expr>& a) {
            return function(a[0]);
          },
          .samples = {"x: [N]", "x: [2, 3]", "x: [9, 4].T", "x: [B, 17]"}};
}

const RegisterOp kSimple[] = {
    RegisterOp({
        .name = "relu",
        .doc = "max(x, 0). NaN stays NaN, as in PyTorch.",
        .signature = "x: number[*s] -> number[*s]",
        .map = [](const std::vector<Expr>& a) { return relu(a[0]); },
        .samples = {"x: [N]", "x: [2, 3]", "x: [9, 4].T"},
    }),
    RegisterOp(float_map("sigmoid", "1 / (1 + exp(-x)).", sigmoid)),
    RegisterOp(float_map("tanh", "The hyperbolic tangent.", tanh)),
    RegisterOp(float_map("silu", "x * sigmoid(x), also called swish.", silu)),
};

const RegisterOp kGelu({
    .name = "gelu",
    .doc =
        "Gaussian error linear unit (Hendrycks and Gimpel, 2016).\n"
        "approximate none: x/2 * (1 + erf(x / sqrt(2))), exact;\n"
        "tanh: x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3)));\n"
        "quick: x * sigmoid(1.702 x).",
    .signature = "x: float[*s], approximate: none|tanh|quick = none "
                 "-> float[*s]",
    .define = define_gelu,
    .samples = {"x: [N]", "x: [N], approximate: tanh",
                "x: [2, 3], approximate: quick", "x: [9, 4].T"},
});

const RegisterOp kActivation({
    .name = "activation",
    .doc =
        "The activation function called `name`.\n"
        "gelu is the exact form; gelu_tanh, gelu_new, gelu_fast, "
        "gelu_accurate and gelu_pytorch_tanh are its tanh form; gelu_quick "
        "and quick_gelu are x * sigmoid(1.702 x); swish is silu; relu2 is "
        "relu(x)^2; linear is identity.",
    .signature = "x: float[*s], name: " + activation_names() + " -> float[*s]",
    .define = define_activation,
    .samples = {"x: [N], name: silu", "x: [5], name: gelu",
                "x: [5], name: gelu_new", "x: [5], name: quick_gelu",
                "x: [5], name: relu2", "x: [5], name: identity"},
});

}  // namespace
}  // namespace lathe
