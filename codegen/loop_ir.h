#pragma once
// Loops: what a kernel does, step by step, short of spelling it in C++.
//
// Expressions are the interpreter's Expr with these readings: Load and Store
// slots number LoopKernel::buffers, then LoopKernel::locals, and take one flat
// element index; there is no Reduce; SizeOf mentions the kernel's symbols.
//
// A block is no scope: what it declares lives on in the loop body, branch or
// function that holds it.
//
// Vectors. A node with lanes > 1 is a vector. A Load or Store whose index is a
// Ramp moves lanes elements (stride 1: one vector; else a gather). In a Call,
// scalar arguments are broadcast. Vectors compute in kFloat32 (and kFloat64
// with half the lanes); comparisons give masks for select. Integers have
// vectors of 32 bits a lane: loads of narrow integers, shifts and bits of them,
// and their conversion to kFloat32. A vector load of int32 from a buffer of
// narrower numbers reads the bits of neighbours as a word, the first ones
// lowest; its index counts words. A vector is never wider than the target's.
//
// GPUs. One thread does an item, or `workers` threads share it: a warp, or a
// whole block. Each is told its number in `worker`; what differs between them
// is written with it. There are no vectors.

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "codegen/tensor_view.h"
#include "interpreter/expr.h"
#include "spec/dim.h"
#include "spec/dtype.h"

namespace lathe {

struct StmtNode;
using Stmt = std::shared_ptr<const StmtNode>;

enum class LoopKind : uint8_t {
  kSerial,
  kItems,   // the loop over the kernel's work items [lo, hi)
  kUnroll,  // constant trip count, spelled `#pragma GCC unroll`
  kVector,  // iterations are independent: the compiler may vectorise
  kRolled,  // the compiler must not unroll it
};

struct For {
  Var var;
  Expr begin, end;
  int64_t step = 1;
  LoopKind kind = LoopKind::kSerial;
  Stmt body;
};
// Declares a constant local.
struct Let {
  Var var;
  Expr value;
};
// Declares a local that Assign changes.
struct Declare {
  Var var;
  Expr value;
};
struct Assign {
  Var var;
  Expr value;
};
// Stores with the slot's dtype: rounds floats, wraps integers.
struct Store {
  int slot = 0;
  Expr index;
  Expr value;
};
struct If {
  Expr condition;
  Stmt then, otherwise;  // otherwise may be null
};
struct While {
  Expr condition;
  Stmt body;
};
struct Block {
  std::vector<Stmt> stmts;
};
// Asks for the cache line that holds an element.
struct Prefetch {
  int slot = 0;
  Expr index;
};
struct Comment {
  std::string text;
};
// Gives every worker of the item, or of every `lanes` neighbours in a warp, the
// combination of what `var` holds in each. For kArgMin and kArgMax, `position`
// comes along; the smallest wins ties.
struct Combine {
  ReduceOp op = ReduceOp::kSum;
  Var var;
  Var position;
  int lanes = 0;  // 2, 4, ... 32; 0: all workers
};
// A step that no expression says; intrinsics.def has the rows.
enum class IntrinsicOp : uint8_t {
#define LATHE_INTRINSIC(id, name, addresses, values, number) id,
#include "codegen/intrinsics.def"
#undef LATHE_INTRINSIC
};
// A row of intrinsics.def.
struct IntrinsicInfo {
  const char* name;
  size_t addresses;
  size_t values;
  bool takes_number;
};
const IntrinsicInfo& info_of(IntrinsicOp op);

struct Intrinsic {
  struct Address {
    int slot = 0;
    Expr index;
  };
  IntrinsicOp op = IntrinsicOp::kBarrier;
  std::vector<Address> at;
  int64_t number = 0;
  std::vector<Expr> values;
};

struct StmtNode {
  std::variant<For, Let, Declare, Assign, Store, If, While, Block, Prefetch,
               Comment, Combine, Intrinsic>
      node;
};

// Builders.
Stmt for_loop(Var v, Expr begin, Expr end, Stmt body,
              LoopKind kind = LoopKind::kSerial, int64_t step = 1);
Stmt let(Var v, Expr value);
Stmt declare(Var v, Expr value);
Stmt assign(Var v, Expr value);
Stmt store(int slot, Expr index, Expr value);
Stmt if_then(Expr condition, Stmt then, Stmt otherwise = nullptr);
Stmt while_loop(Expr condition, Stmt body);
Stmt block(std::vector<Stmt> stmts);
Stmt prefetch(int slot, Expr index);
Stmt comment(std::string text);
Stmt combine_workers(ReduceOp op, Var v, Var position = nullptr);
Stmt combine_lanes(ReduceOp op, Var v, int lanes);
Stmt intrinsic(IntrinsicOp op, std::vector<Intrinsic::Address> at = {},
               int64_t number = 0, std::vector<Expr> values = {});
// The workers of an item meet; what each has stored is seen by all.
Stmt barrier(int workers);

// Loop forms of loads: one element; `lanes` consecutive elements from `base`
// on; element `index` of a local array of vectors.
Expr flat_load(int slot, DType dtype, const Expr& index);
Expr vector_load(int slot, DType dtype, const Expr& base, int lanes);
Expr local_vector(int slot, DType dtype, const Expr& index, int lanes);

// 0 in float32, where most sums begin.
Expr float_zero();

struct BufferParam {
  std::string name;  // "in0", "out0", "pack0"
  DType dtype = DType::kFloat32;
  bool writable = false;
};
// An array on the kernel's stack, of scalars or of whole vectors: with
// lanes > 1 one index names a vector. On a GPU: of one thread, or shared by
// the workers of an item; or an array of one tensor map, which is a parameter.
struct LocalArray {
  std::string name;
  DType dtype = DType::kFloat32;
  int64_t size = 0;
  int lanes = 1;
  bool shared = false;
  int64_t alignment = 128;         // of a shared one, in bytes
  std::optional<TensorView> view;  // set: a tensor map; dtype has no meaning
};

struct LoopKernel {
  std::vector<BufferParam> buffers;
  std::vector<LocalArray> locals;
  std::vector<std::string> symbols;  // n0, n1, ...: the first dim arguments
  // The others, which stand in `body` as symbols size0, size1, ...: what is
  // computed of the first before a launch.
  std::vector<Dim> sizes;
  Var lo, hi;                        // the work items to do
  Stmt body;
  int workers = 1;  // GPU: threads that share an item
  Var worker;       // GPU: the number of a thread among them, from 0
  // GPU: blocks that a processor shall have room for at a time; 0: as many as
  // the compiler likes, who may spill registers for more.
  int blocks = 0;

  DType dtype_of(int slot) const;
  // Adds the array, with another name where its own is taken; its slot.
  int add_local(LocalArray local);
};

// Readable text, for tests (`loops_of`) and `lathe graph --stage loops`.
std::string to_string(const Stmt& stmt, int indent = 0);
std::string to_string(const LoopKernel& kernel);

// Throws InternalError when a variable is used out of its scope, a slot or a
// lane count does not fit, or a Reduce is left.
void verify(const LoopKernel& kernel);

}  // namespace lathe
