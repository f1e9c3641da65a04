#pragma once
// The fields of a program and of what it consists of, each named once, for
// whoever reads or writes them all. An archive is called with a name and a
// member; `Archive::Ref<T>` says whether it may change it.
//
// A struct that gets a new member does not compile here until the member has
// its line.

#include "codegen/program.h"
#include "runtime/model_weights.h"

namespace lathe {

template <typename A>
void fields(A& a, typename A::template Ref<TensorView> view) {
  auto& [buffer, dtype, first, depth, lines, stride, tile_depth, tile_lines] =
      view;
  a("buffer", buffer);
  a("dtype", dtype);
  a("begin", first);
  a("depth", depth);
  a("lines", lines);
  a("stride", stride);
  a("tile_depth", tile_depth);
  a("tile_lines", tile_lines);
}

template <typename A>
void fields(A& a, typename A::template Ref<KernelLaunch> launch) {
  auto& [threads, workers, shared_bytes, views] = launch;
  a("threads", threads);
  a("workers", workers);
  a("shared_bytes", shared_bytes);
  a("views", views);
}

// The texts stay behind: a pack holds what they were compiled to.
template <typename A>
void fields(A& a, typename A::template Ref<Kernel> kernel) {
  auto& [name, text, commented, buffers, dims, launch] = kernel;
  (void)text, (void)commented;
  a("name", name);
  a("buffers", buffers);
  a("dims", dims);
  a("launch", launch);
}

template <typename A>
void fields(A& a, typename A::template Ref<Buffer> buffer) {
  auto& [name, role, dtype, shape, value, constant, first, last] = buffer;
  (void)value;  // of a graph that is no more
  a("name", name);
  a("role", role);
  a("dtype", dtype);
  a("shape", shape);
  a("literal", constant);
  a("first", first);
  a("last", last);
}

template <typename A>
void fields(A& a, typename A::template Ref<FaultSite> site) {
  auto& [op, path, span, writes] = site;
  a("op", op);
  a("path", path);
  a("span", span);
  a("writes", writes);
}

template <typename A>
void fields(A& a, typename A::template Ref<ProductSide> side) {
  auto& [dtype, along_depth, scale] = side;
  a("dtype", dtype);
  a("along_depth", along_depth);
  a("scale", scale);
}

template <typename A>
void fields(A& a, typename A::template Ref<ProductForm> form) {
  auto& [left, right, result, bias, adds] = form;
  a("left", left);
  a("right", right);
  a("result", result);
  a("bias", bias);
  a("adds", adds);
}

template <typename A>
void fields(A& a, typename A::template Ref<LibraryProduct> product) {
  auto& [form, rows, columns, depth, left_stride, right_stride, result_stride,
         wanted, version, choice] = product;
  a("form", form);
  a("rows", rows);
  a("columns", columns);
  a("depth", depth);
  a("left_stride", left_stride);
  a("right_stride", right_stride);
  a("result_stride", result_stride);
  a("wanted", wanted);
  a("version", version);
  a("choice", choice);
}

template <typename A>
void fields(A& a, typename A::template Ref<Step> step) {
  auto& [kernel, product, buffers, dims, items, unless, cost, what, path, span,
         faults] = step;
  a("kernel", kernel);
  a("product", product);
  a("buffers", buffers);
  a("dims", dims);
  a("items", items);
  a("unless", unless);
  a("cost", cost);
  a("what", what);
  a("path", path);
  a("span", span);
  a("faults", faults);
}

template <typename A>
void fields(A& a, typename A::template Ref<Port> port) {
  auto& [name, buffer, default_value, span] = port;
  a("name", name);
  a("buffer", buffer);
  a("default", default_value);
  a("span", span);
}

template <typename A>
void fields(A& a, typename A::template Ref<DimConstraint> constraint) {
  auto& [left, right, code, message, span] = constraint;
  a("left", left);
  a("right", right);
  a("code", code);
  a("message", message);
  a("span", span);
}

template <typename A>
void fields(A& a, typename A::template Ref<Program> program) {
  auto& [name, target, prelude, kernels, buffers, load_steps, steps, inputs,
         outputs, constraints, symbols, choices] = program;
  (void)prelude;
  a("name", name);
  a("target", target);
  a("kernels", kernels);
  a("buffers", buffers);
  a("load_steps", load_steps);
  a("steps", steps);
  a("inputs", inputs);
  a("outputs", outputs);
  a("constraints", constraints);
  a("symbols", symbols);
  a("choices", choices);
}

template <typename A>
void fields(A& a, typename A::template Ref<Initializer> init) {
  auto& [kind, first, second, seed] = init;
  a("kind", kind);
  a("first", first);
  a("second", second);
  a("seed", seed);
}

template <typename A>
void fields(A& a, typename A::template Ref<WeightRecipe> recipe) {
  auto& [name, dtype, shape, path, stored, init, stored_dtype] = recipe;
  a("name", name);
  a("dtype", dtype);
  a("shape", shape);
  a("path", path);
  a("stored", stored);
  a("init", init);
  a("stored_dtype", stored_dtype);
}

}  // namespace lathe
