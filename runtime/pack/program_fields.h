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
void fields(A& a, typename A::template Ref<KernelLaunch> launch) {
  auto& [threads, workers, shared_bytes] = launch;
  a("threads", threads);
  a("workers", workers);
  a("shared_bytes", shared_bytes);
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
void fields(A& a, typename A::template Ref<Step> step) {
  auto& [kernel, buffers, dims, items, cost, what, path, span, faults] = step;
  a("kernel", kernel);
  a("buffers", buffers);
  a("dims", dims);
  a("items", items);
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
         outputs, constraints, symbols] = program;
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
