#pragma once
// A pack: a compiled model as a folder, which runs where neither a compiler
// nor NVRTC is.
//
//   pack.json              what it is: "lathe_pack" (the format's version),
//                          "lathe" (the program's), "model", "target",
//                          "instructions" that a CPU must have, "weights",
//                          and "files": name, bytes and XXH3-128 hash of each
//   program.json           "program", the steps, buffers and sizes, as
//                          program_fields.h lists them; "weights", where each
//                          comes from; "objects", the file of each kernel;
//                          "sources", the specs, for messages
//   constants.safetensors  literal data of the program, where there is any
//   kernels/0.so ...       shared objects for a CPU, NAME.cubin for a GPU
//   weights.safetensors    the weights as stored, if they were taken along
//
// Everything is checked before it is used; a pack of another version of lathe
// is refused, because its kernels expect other arguments. A pack holds code:
// who runs one trusts who made it.

#include <set>
#include <string>
#include <vector>

#include "codegen/program.h"
#include "codegen/target.h"
#include "runtime/model_weights.h"

namespace lathe {

struct Pack {
  std::string folder;
  Program program;                     // without texts
  std::vector<WeightRecipe> weights;
  std::vector<std::string> objects;    // files, one a kernel
  std::set<std::string> instructions;  // that a CPU must have
  // Where the weights lie: a path, in the pack itself if they came along;
  // empty where they are made up.
  std::string weights_path;
  bool carries_weights = false;
};

// True if `path` is a folder with a pack.json.
bool is_pack(const std::string& path);

// Reads and checks all but the weights. Throws SpecError L0531.
Pack read_pack(const std::string& folder);

// What write_pack() stores.
struct PackContents {
  Program program;
  std::vector<WeightRecipe> weights;
  // The compiled kernels by their number: the bytes of the file that holds
  // each. Equal ones become one file.
  std::vector<std::string> objects;
  std::set<std::string> instructions;
  std::string weights_path;  // of the checkpoint; empty: none
  // The tensors to take along, or null.
  const WeightSource* carried = nullptr;
};

// Writes a pack, whole or not at all. Throws SpecError L0512.
void write_pack(const std::string& folder, const PackContents& contents);

// The pack's weights from `path`, empty: where the pack says. Throws SpecError
// L0511 if they are not there, L0531 for tensors that are missing or other
// than those the pack was compiled for.
std::shared_ptr<const WeightSource> open_pack_weights(const Pack& pack,
                                                      const std::string& path);

// Throws DeviceError L0704 if code of the pack cannot run on a device that
// wants code for `target`.
void require_runs_on(const Pack& pack, const Target& target);

}  // namespace lathe
