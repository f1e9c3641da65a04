// The whole path of a GPU, codegen to result, on the fake driver: what it
// computes, what it keeps, and what it says when something fails.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "tests/cuda/fake_run.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// With one row the norm is part of the product; with nine it has a kernel.
constexpr const char* kNormAndProduct = R"(lathe: 1
model: m
inputs: {x: "bfloat16[B, 256]"}
weights: {n: {type: "bfloat16[256]", init: 1.0}, w: {type: "bfloat16[64, 256]", init: 1.0}}
body:
  - y = rms_norm(x, n) @ transpose(w)
)";

}  // namespace

TEST_CASE("cuda device: every example passes its own tests") {
  const TempFolder folder;
  for (const fs::directory_entry& entry :
       fs::recursive_directory_iterator(source_dir() / "examples")) {
    if (entry.path().extension() != ".yaml") continue;
    // Its weights are a download.
    if (entry.path().filename() == "minilm.yaml") continue;
    const std::string file = entry.path().string();
    CAPTURE(file);
    const Said said = lathe(folder, "test '" + file + "' --device cuda");
    CAPTURE(said.text);
    CHECK_EQ(said.status, 0);
  }
}

TEST_CASE("cuda device: values agree with the reference, node by node") {
  const TempFolder folder;
  for (const std::string name : {"quickstart.yaml", "attention.yaml"}) {
    CAPTURE(name);
    const Said said = lathe(
        folder, "compare " + example(name) + " --device cuda -d B=1 -d T=3",
        "LATHE_FAKE_SEED=3");
    CAPTURE(said.text);
    CHECK_EQ(said.status, 0);
  }
}

TEST_CASE("cuda device: a second run compiles nothing and leaves nothing") {
  const TempFolder folder;
  const std::string run = "run -vv " + example("quickstart.yaml") +
                          " --device cuda";
  const std::string log = folder.file("log");
  CHECK(holds(lathe(folder, run).text, "is compiled by NVRTC"));
  const Said again = lathe(folder, run, "LATHE_FAKE_LOG='" + log + "'");
  CAPTURE(again.text);
  CHECK_EQ(again.status, 0);
  CHECK_FALSE(holds(again.text, "is compiled by NVRTC"));
  const std::string launches = file_bytes(log);
  CAPTURE(launches);
  CHECK(holds(launches, "launch row_"));
  CHECK(holds(launches, "left: 0 bytes, 0 objects"));
}

// With one row the norm is part of the products: "row_" kernels rest.
TEST_CASE("cuda device: kernels for other sizes are compiled when they come") {
  const TempFolder folder;
  const std::string file = folder.write("m.yaml", kNormAndProduct);
  const std::string run = "run -vv " + file + " --device cuda -d B=";
  const std::string compiled = "is compiled by NVRTC", row = "kernel row_";
  const Said few = lathe(folder, run + "1");
  CAPTURE(few.text);
  CHECK(holds(few.text, compiled));
  CHECK_FALSE(holds(few.text, row));
  const Said many = lathe(folder, run + "9");
  CAPTURE(many.text);
  CHECK(holds(many.text, compiled));
  CHECK(holds(many.text, row));
  CHECK_FALSE(holds(lathe(folder, run + "2").text, compiled));
}

TEST_CASE("cuda device: what one program has is kept for each of its kernels") {
  const TempFolder folder;
  const std::string file = folder.write("m.yaml", kNormAndProduct);
  const std::string run = "run -vv " + file + " --device cuda -d B=9";
  const auto count = [&](const std::string& kind) {
    int files = 0;
    for (const fs::directory_entry& entry :
         fs::recursive_directory_iterator(folder.file("cache"))) {
      files += entry.path().string().find(kind) != std::string::npos;
    }
    return files;
  };
  // The other is not at fault.
  const Said bad = lathe(folder, run + " --threads 1",
                         "LATHE_FAKE_BAD_KERNEL=matmul_");
  CAPTURE(bad.text);
  CHECK_EQ(bad.status, 3);
  CHECK(holds(bad.text, "error[L0602]: kernel matmul_"));
  CHECK(holds(bad.text, "does not compile: error: the fake compiler was told of "
                        "matmul_; its text is in "));
  CHECK_EQ(count("/kernels/"), 1);
  fs::remove_all(folder.file("cache"));
  CHECK_EQ(lathe(folder, run + " --threads 1").status, 0);
  CHECK_EQ(count("/kernels/"), 2);
  CHECK_EQ(count(".cubin"), 1);
  const Said again = lathe(folder, run + " --threads 2");
  CAPTURE(again.text);
  CHECK_EQ(again.status, 0);
  CHECK(holds(again.text, "0 kernels compiled and 2 taken from the cache"));
  fs::remove_all(folder.file("cache"));
  CHECK_EQ(lathe(folder, run + " --threads 2").status, 0);
  CHECK_EQ(count(".cubin"), 2);
}

TEST_CASE("cuda device: another compute capability compiles anew") {
  const TempFolder folder;
  const std::string run = "run -vv " + example("quickstart.yaml") +
                          " --device cuda";
  CHECK_EQ(lathe(folder, run).status, 0);
  CHECK(holds(lathe(folder, run, "LATHE_FAKE_SM=80").text,
              "is compiled by NVRTC"));
}

TEST_CASE("cuda device: memory that is short is an error with a table") {
  const TempFolder folder;
  const std::string log = folder.file("log");
  const std::string file = folder.write("m.yaml", R"(lathe: 1
model: m
inputs: {x: "float32[N, 64]"}
weights: {w: {type: "float32[64, 64]", init: 1.0}}
body:
  - y = x @ w @ w
)");
  struct Row {
    const char* bytes;
    const char* said;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"2000", ", wanted for weights, after 0 bytes of them:\n"},
           {"40000", ", wanted for temporaries:\n"},
           {"180000", ", wanted for `x` float32[N, 64]\n"}}) {
    fs::remove(log);
    const Said said = lathe(folder, "run '" + file + "' --device cuda -d N=400",
                            std::string("LATHE_FAKE_MEMORY=") + row.bytes +
                                " LATHE_FAKE_LOG='" + log + "'");
    CAPTURE(row.bytes);
    CAPTURE(said.text);
    CHECK_EQ(said.status, 3);
    CHECK(holds(said.text, "error[L0702]: the GPU cannot give "));
    CHECK(holds(said.text, row.said));
    CHECK(holds(file_bytes(log), "left: 0 bytes, 0 objects"));
  }
}

TEST_CASE("cuda device: a launch that fails names call, code and place") {
  const TempFolder folder;
  const Said said =
      lathe(folder, "run " + example("quickstart.yaml") + " --device cuda",
            "LATHE_FAKE_BAD_LAUNCH=1");
  CAPTURE(said.text);
  CHECK_EQ(said.status, 3);
  CHECK(holds(said.text, "error[L0703]: cuLaunchKernelEx fails for kernel "));
  CHECK(holds(said.text, "quickstart.yaml:"));
  CHECK(holds(said.text, "with CUDA_ERROR_LAUNCH_FAILED: "));
}

TEST_CASE("cuda device: an index out of range is found on the GPU") {
  const TempFolder folder;
  const std::string file = folder.write("m.yaml", R"(lathe: 1
model: m
inputs: {t: "float32[5, 2]", i: "int64[B]"}
body:
  - y = gather(t, i, axis=0)
)");
  const Said said = lathe(folder, "run '" + file +
                                      "' --device cuda -i t=zeros "
                                      "-i 'i=[1, 7, -1]'");
  CAPTURE(said.text);
  CHECK_EQ(said.status, 1);
  CHECK(holds(said.text, "error[L0801]"));
  CHECK(holds(said.text, "index 7"));
}

// A thread looks at the points for each place, and here there is none.
TEST_CASE("cuda device: an index into nothing is found on the GPU") {
  const TempFolder folder;
  const std::string file = folder.write("m.yaml", R"(lathe: 1
model: m
inputs: {x: "float32[B, 7]", u: "float32[N, 7]", i: "int64[N, 1]"}
body:
  - y = scatter_nd(x, u, i)
)");
  const std::string run = "run '" + file + "' --device cuda -i x=zeros ";
  const Said said = lathe(folder, run + "-d B=0 -i u=zeros -i 'i=[[0], [6]]'");
  CAPTURE(said.text);
  CHECK_EQ(said.status, 1);
  CHECK(holds(said.text,
              "error[L0801]: `scatter_nd` writes to index 0 of an "
              "axis of size 0, at position 0 of its updates"));
  CHECK_EQ(lathe(folder, run + "-d B=0 -i u=zeros -d N=0 -i i=zeros").status,
           0);
  CHECK_EQ(lathe(folder, run + "-d B=2 -i u=zeros -i 'i=[[0], [1]]'").status,
           0);
}

TEST_CASE("cuda device: every call that fails is named and nothing leaks") {
  const TempFolder folder;
  const std::string log = folder.file("log");
  const std::string run = "run -q " + example("quickstart.yaml") +
                          " --device cuda -d B=1 -d T=2";
  CHECK_EQ(lathe(folder, run).status, 0);
  for (const std::string call :
       {"cuDevicePrimaryCtxRetain", "cuCtxSetCurrent", "cuStreamCreate",
        "cuDeviceGetDefaultMemPool", "cuMemPoolSetAttribute",
        "cuMemAllocAsync", "cuMemHostAlloc", "cuEventCreate", "cuEventRecord",
        "cuMemcpyHtoDAsync", "cuMemcpyDtoHAsync", "cuMemsetD8Async",
        "cuModuleLoadData", "cuModuleGetFunction", "cuLaunchKernelEx",
        "cuStreamSynchronize"}) {
    CAPTURE(call);
    fs::remove(log);
    const Said said = lathe(folder, run, "LATHE_FAKE_FAIL=" + call +
                                             " LATHE_FAKE_LOG='" + log + "'");
    CAPTURE(said.text);
    CHECK_EQ(said.status, 3);
    CHECK(holds(said.text, "error[L0703]: " + call + " fails"));
    CHECK(holds(said.text, "with CUDA_ERROR_UNKNOWN: "));
    CHECK(holds(file_bytes(log), "left: 0 bytes, 0 objects"));
  }
}

TEST_CASE("cuda device: a driver from before 12.8 has another clock") {
  const TempFolder folder;
  const Said said = lathe(folder,
                          "run " + example("quickstart.yaml") +
                              " --device cuda -d B=1 -d T=2 --profile",
                          "LATHE_CUDA_LIB='" LATHE_FAKE_OLD_CUDA
                          "' LATHE_NVRTC_LIB='" LATHE_FAKE_OLD_CUDA "'");
  CAPTURE(said.text);
  CHECK_EQ(said.status, 0);
  CHECK(holds(said.text, "1.0 us"));
}

TEST_CASE("cuda device: a driver without memory pools will do") {
  const TempFolder folder;
  const std::string log = folder.file("log");
  const Said said = lathe(folder,
                          "run " + example("quickstart.yaml") +
                              " --device cuda -d B=1 -d T=2",
                          "LATHE_FAKE_POOLS=0 LATHE_FAKE_LOG='" + log + "'");
  CAPTURE(said.text);
  CHECK_EQ(said.status, 0);
  CHECK(holds(file_bytes(log), "left: 0 bytes, 0 objects"));
}

TEST_CASE("cuda device: kernels overlap where the GPU can do that") {
  const TempFolder folder;
  const std::string log = folder.file("log");
  const std::string run = "run -q " + example("quickstart.yaml") +
                          " --device cuda -d B=1 -d T=2";
  const std::string to_log = " LATHE_FAKE_LOG='" + log + "'";
  CHECK_EQ(lathe(folder, run, "LATHE_FAKE_SM=86" + to_log).status, 0);
  CHECK_FALSE(holds(file_bytes(log), " overlaps"));
  CHECK_EQ(lathe(folder, run, "LATHE_FAKE_SM=90" + to_log).status, 0);
  CHECK(holds(file_bytes(log), " overlaps"));
}

TEST_CASE("cuda device: a profile has a row for each step") {
  const TempFolder folder;
  const Said said = lathe(folder, "run " + example("quickstart.yaml") +
                                      " --device cuda -d B=1 -d T=2 --profile");
  CAPTURE(said.text);
  CHECK_EQ(said.status, 0);
  CHECK(holds(said.text, "TIME"));
  CHECK(holds(said.text, "BYTES"));
  // The fake driver's events are a microsecond apart.
  CHECK(holds(said.text, "1.0 us"));
}

TEST_CASE("cuda device: a pack needs no NVRTC where it runs") {
  const TempFolder folder;
  const std::string pack = "'" + folder.file("pack") + "'";
  // Made without a driver.
  const Said made = lathe(
      folder, "compile " + example("quickstart.yaml") + " --target sm_90a -o " +
                  pack, "LATHE_CUDA_LIB=/none/libcuda.so");
  CAPTURE(made.text);
  REQUIRE_EQ(made.status, 0);
  const std::string none = "LATHE_NVRTC_LIB=/none/libnvrtc.so ";
  const Said said = lathe(folder, "run " + pack, none);
  CAPTURE(said.text);
  CHECK_EQ(said.status, 0);
  CHECK(holds(said.text, "kernels of the pack"));
  const std::string result = "y: bfloat16[4, 4, 1024]";
  const Said again =
      lathe(folder, "run " + example("quickstart.yaml") + " --device cuda -q");
  CHECK(holds(said.text, again.text.substr(again.text.find(result))));
  // Each kernel has a cubin of its own, whatever runs have compiled together.
  const std::string later = folder.file("later");
  CHECK_EQ(lathe(folder, "compile " + example("quickstart.yaml") +
                             " --target sm_90a -o '" + later + "'").status, 0);
  for (const fs::directory_entry& entry :
       fs::recursive_directory_iterator(later)) {
    if (!entry.is_regular_file()) continue;
    const std::string name = fs::relative(entry.path(), later).string();
    CAPTURE(name);
    CHECK(file_bytes(entry.path().string()) ==
          file_bytes(folder.file("pack/" + name)));
  }
  const Said nowhere = lathe(folder, "run " + pack, "LATHE_FAKE_DEVICES=0");
  CHECK_EQ(nowhere.status, 3);
  CHECK(holds(nowhere.text,
              "error[L0701]: there is no device `cuda` here: cuInit fails with "
              "CUDA_ERROR_NO_DEVICE: an error of the fake driver; look whether "
              "`nvidia-smi` shows a GPU; the pack `" + folder.file("pack") +
                  "` is for sm_90a alone: on another machine run the model, or "
                  "a pack that `lathe compile` made there"));
  const Said other = lathe(folder, "run " + pack, none + "LATHE_FAKE_SM=80");
  CHECK_EQ(other.status, 3);
  CHECK(holds(other.text, "error[L0704]"));
}

TEST_CASE("cuda device: a machine without GPU says what to do") {
  const TempFolder folder;
  const std::string run =
      "run " + example("quickstart.yaml") + " --device cuda";
  Said said = lathe(folder, run, "LATHE_FAKE_DEVICES=0");
  CHECK_EQ(said.status, 3);
  CHECK(holds(said.text, "error[L0701]: there is no device `cuda` here: "
                         "cuInit fails with CUDA_ERROR_NO_DEVICE"));
  said = lathe(folder, run + ":1");
  CHECK_EQ(said.status, 3);
  CHECK(holds(said.text, "this machine has 1 GPUs; they count from cuda:0"));
  said = lathe(folder, run, "LATHE_FAKE_SM=75");
  CHECK_EQ(said.status, 3);
  CHECK(holds(said.text, "compute capability 7.5"));
  said = lathe(folder, run, "LATHE_CUDA_LIB=/none/libcuda.so");
  CHECK_EQ(said.status, 3);
  CHECK(holds(said.text, "cannot load the CUDA driver, which LATHE_CUDA_LIB "
                         "names: /none/libcuda.so"));
  said = lathe(folder, run, "LATHE_NVRTC_LIB=/none/libnvrtc.so");
  CHECK_EQ(said.status, 3);
  CHECK(holds(said.text, "error[L0603]: cannot load CUDA's run-time compiler"));
}

TEST_CASE("cuda device: doctor names what it found and where") {
  const TempFolder folder;
  const Said said = lathe(folder, "doctor",
                          "LATHE_CUBLASLT_LIB='" LATHE_FAKE_CUDA
                          "' LATHE_NCCL_LIB='" LATHE_FAKE_CUDA "'");
  CAPTURE(said.text);
  CHECK(holds(said.text, "13.0, " LATHE_FAKE_CUDA));
  CHECK(holds(said.text, "Fake GPU, compute capability 9.0"));
  CHECK(holds(said.text, "NVRTC 13.0, " LATHE_FAKE_CUDA));
  CHECK(holds(said.text, "cuBLASLt 13.1.0, " LATHE_FAKE_CUDA));
  CHECK(holds(said.text, "NCCL 2.28.9, " LATHE_FAKE_CUDA));
  const Said none = lathe(folder, "doctor", "LATHE_CUDA_LIB=/none/lib.so");
  CHECK_EQ(none.status, 0);
  CHECK(holds(none.text, "install NVIDIA's driver"));
  const Said broken = lathe(folder, "doctor", "LATHE_NCCL_LIB=/none/lib.so");
  CHECK(holds(broken.text, "between gpus: cannot load sums between GPUs, which "
                           "LATHE_NCCL_LIB names"));
}

}  // namespace lathe
