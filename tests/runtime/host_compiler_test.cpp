#include "runtime/host_compiler.h"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>

#include "runtime/cpu_device.h"
#include "runtime/process.h"
#include "tests/runtime/hand_program.h"
#include "tests/support/error_text.h"
#include "tests/support/kernel_symbols.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// A folder that holds nothing but one program.
struct Workshop {
  explicit Workshop(const std::string& name = "", const std::string& text = "") {
    options = options_from_environment();
    options.temp_dir = folder.path().string();
    options.cache_dir = folder.file("cache");
    if (name.empty()) return;
    program = folder.write("bin/" + name, "#!/bin/sh\n" + text);
    fs::permissions(program, fs::perms::owner_all);
    options.search_path = folder.file("bin");
    options.compiler = "";
  }
  std::string compile(const std::string& text) {
    return error_of([&] {
      auto device = make_cpu_device(options, {});
      device
          ->compile(hand_prelude(), {{.name = "bad", .text = text,
                                      .place = "mlp (model.yaml:7)"}})
          ->wait();
    });
  }
  TempFolder folder;
  Options options;
  std::string program;
};

}  // namespace

TEST_CASE("compiler: found on the search path, by the usual names") {
  for (const char* name : {"c++", "g++", "clang++"}) {
    Workshop shop(name, "exit 0\n");
    CHECK_EQ(find_compiler(shop.options)->path, shop.program);
  }
  Workshop shop("cc", "exit 0\n");
  CHECK_FALSE(find_compiler(shop.options).has_value());
}

TEST_CASE("compiler: none is an error that says what to install") {
  Workshop shop("other", "exit 0\n");
  const std::string error = shop.compile("");
  CHECK_NE(error.find("L0601: there is no C++ compiler"), std::string::npos);
  CHECK_NE(error.find("install the package g++"), std::string::npos);
}

TEST_CASE("compiler: one that the user names must be there") {
  Workshop shop;
  shop.options.compiler = "no-such-compiler";
  CHECK_EQ(shop.compile(""),
           "L0601: there is no compiler `no-such-compiler`, which LATHE_CXX "
           "names\n");
}

TEST_CASE("compiler: a text that does not compile is kept and named") {
  Workshop shop;
  const std::string kept = shop.folder.file("cache/failed/bad.cpp");
  const std::string error = shop.compile("extern \"C\" void bad( {}\n");
  CHECK_EQ(error.substr(0, error.find(": bad:1:")),
           "L0602: kernel bad of mlp (model.yaml:7) does not compile");
  CHECK_NE(error.find("error: "), std::string::npos);
  CHECK_NE(error.find("; its text is in " + kept), std::string::npos);
  CHECK_NE(shop.folder.read("cache/failed/bad.cpp").find("void bad( {}"),
           std::string::npos);
}

TEST_CASE("compiler: one that is killed or hangs is reported") {
  const std::string version = "case \"$*\" in *version*) echo v; exit;; esac\n";
  Workshop killed("c++", version + "kill -9 $$\n");
  CHECK_NE(killed.compile("").find("the compiler was ended by signal 9"),
           std::string::npos);
  Workshop silent("c++", version + "exit 7\n");
  CHECK_NE(silent.compile("").find("the compiler ended with status 7"),
           std::string::npos);
  Workshop slow("c++", version + "exec /bin/sleep 100\n");
  slow.options.compile_seconds = 1;
  CHECK_NE(slow.compile("").find("it was not done after 1 s"),
           std::string::npos);
}

TEST_CASE("compiler: objects need nothing but memcpy, memset and memmove") {
  TempFolder folder;
  const std::string text =
      hand_prelude() +
      hand_kernel("copy", "f0[i] = f1[i] * f1[i] + (float)n2[i];", 3, 0).text;
  const std::string source = folder.write("k.cpp", text);
  const std::string object = folder.file("k.so");
  const auto compiler = find_compiler(options_from_environment());
  REQUIRE(compiler.has_value());
  const CompileResult result = compile_object(*compiler, source, object, 60);
  CHECK_EQ(result.log, "");
  REQUIRE(result.ok);
  CHECK_EQ(missing_symbols(object), "");
}

TEST_CASE("process: output, exit status, signal and time limit") {
  const ProcessResult said =
      run_process({"/bin/sh", "-c", "echo out; echo err >&2; exit 3"}, 10);
  CHECK_EQ(said.output, "out\nerr\n");
  CHECK_EQ(said.exit_status, 3);
  CHECK_EQ(run_process({"/bin/sh", "-c", "kill -15 $$"}, 10).signal, 15);
  // What the program has started ends with it.
  const ProcessResult late =
      run_process({"/bin/sh", "-c", "sleep 100 & sleep 100"}, 1);
  CHECK(late.timed_out);
  CHECK_LT(late.seconds, 10);
  CHECK_EQ(run_process({"/bin/sh", "-c", "yes | head -c 3000000"}, 30)
               .output.size(),
           size_t{1} << 20);
  CHECK_NE(error_of([] { run_process({"/no/such/program"}, 1); })
               .find("cannot start `/no/such/program`"),
           std::string::npos);
}

}  // namespace lathe
