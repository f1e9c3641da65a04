#pragma once
// The names in a pack's folder and in its JSON, for the reader and the writer.

namespace lathe {

// Raised with every change to the files' form.
inline constexpr int kPackVersion = 1;

inline constexpr const char* kPackManifest = "pack.json";
inline constexpr const char* kPackProgram = "program.json";
inline constexpr const char* kPackConstants = "constants.safetensors";
inline constexpr const char* kPackWeights = "weights.safetensors";
inline constexpr const char* kPackKernels = "kernels";

}  // namespace lathe
