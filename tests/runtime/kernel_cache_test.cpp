#include "runtime/kernel_cache.h"

#include <doctest/doctest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>

#include "runtime/cache_tools.h"
#include "runtime/cpu_device.h"
#include "tests/runtime/hand_program.h"
#include "tests/support/error_text.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// A cache in a folder of its own, and a kernel: y[i] = `value`.
struct Kitchen {
  Kitchen() {
    options = options_from_environment();
    options.cache_dir = folder.file("cache");
    options.temp_dir = folder.path().string();
    options.threads = 1;
    reporter.on_message = [this](ReportKind, const std::string& text) {
      said += text + "\n";
    };
  }

  static KernelSource constant_kernel(int value) {
    const std::string name = cat({"fill_", value});
    return {.name = name,
            .text = hand_kernel(name, cat({"f0[i] = ", value, ";"}), 1, 0).text,
            .place = cat({"fill (model.yaml:", value, ")"})};
  }

  // A new device, as in a new process, compiles the kernels and runs them.
  std::vector<float> run(const std::vector<int>& values) {
    auto device = make_cpu_device(options, reporter);
    std::vector<KernelSource> sources;
    std::vector<Launch> launches;
    std::vector<float> results(values.size());
    std::vector<void*> buffers;
    for (size_t i = 0; i < values.size(); ++i) {
      sources.push_back(constant_kernel(values[i]));
      launches.push_back({.kernel = int(i), .buffers = {int(i)}, .items = 1});
      buffers.push_back(&results[i]);
    }
    auto module = device->compile(hand_prelude(), sources);
    device->schedule(*module, launches)->run(buffers, nullptr);
    report = module->wait();
    return results;
  }

  std::vector<std::string> files(const std::string& subfolder) const {
    std::vector<std::string> result;
    for (const auto& file : fs::directory_iterator(
             fs::path(options.cache_dir) / subfolder)) {
      result.push_back(file.path().string());
    }
    return result;
  }

  // The only file with this ending.
  std::string file_with(const std::string& subfolder,
                        const std::string& ending) const {
    for (const std::string& file : files(subfolder)) {
      if (file.ends_with(ending)) return file;
    }
    return "";
  }

  // A compiler of one's own: a shell script.
  void use_compiler(const std::string& script) {
    options.compiler = folder.write("compiler", "#!/bin/sh\n" + script);
    fs::permissions(options.compiler, fs::perms::owner_all);
  }

  TempFolder folder;
  Options options;
  Reporter reporter;
  std::string said;
  CompileReport report;
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Runs `body` in a child process and gives its exit status.
template <typename Body>
int status_of_child(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    int status = 99;
    try {
      status = body();
    } catch (...) {
    }
    _exit(status);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

}  // namespace

TEST_CASE("cache: a hit starts no process") {
  Kitchen kitchen;
  const std::string log = kitchen.folder.file("log");
  kitchen.use_compiler("echo run >> " + log + "\nexec c++ \"$@\"\n");
  CHECK_EQ(kitchen.run({1, 2}), std::vector<float>{1, 2});
  CHECK_EQ(kitchen.report.compiled, 2);
  const std::string before = kitchen.folder.read("log");
  CHECK_EQ(kitchen.run({1, 2}), std::vector<float>{1, 2});
  CHECK_EQ(kitchen.report.cached, 2);
  CHECK_EQ(kitchen.folder.read("log"), before);
}

TEST_CASE("cache: only what is missing is compiled") {
  Kitchen kitchen;
  kitchen.run({1, 2});
  CHECK_EQ(kitchen.run({2, 3, 1}), std::vector<float>{2, 3, 1});
  CHECK_EQ(kitchen.report.cached, 2);
  CHECK_EQ(kitchen.report.compiled, 1);
  CHECK(contains(kitchen.said, "kernel fill_3 is compiled: its text is new"));
}

TEST_CASE("cache: is for its owner only") {
  Kitchen kitchen;
  kitchen.run({1});
  for (const char* name : {"", "/kernels", "/objects", "/new"}) {
    CAPTURE(name);
    struct stat facts;
    REQUIRE_EQ(stat((kitchen.options.cache_dir + name).c_str(), &facts), 0);
    CHECK_EQ(facts.st_mode & 0777, 0700);
  }
}

TEST_CASE("cache: damage is found, said and mended") {
  const auto damage = [](Kitchen& kitchen, const std::string& kind) {
    const std::string object = kitchen.file_with("objects", ".so");
    const std::string entry = kitchen.files("kernels")[0];
    if (kind == "truncated") fs::resize_file(object, 1000);
    if (kind == "empty") fs::resize_file(object, 0);
    if (kind == "missing") fs::remove(object);
    if (kind == "entry") fs::resize_file(entry, 20);
  };
  for (const auto& [kind, reason] :
       {std::pair{"truncated", "its object is damaged"},
        {"empty", "its object is damaged"},
        {"missing", "its object is gone"},
        {"entry", "its entry is damaged"}}) {
    const std::string damaged = kind;
    CAPTURE(damaged);
    Kitchen kitchen;
    kitchen.run({5});
    damage(kitchen, damaged);
    CHECK_EQ(kitchen.run({5}), std::vector<float>{5});
    CHECK_EQ(kitchen.report.compiled, 1);
    CHECK(contains(kitchen.said, cat({"kernel fill_5 is compiled: ", reason})));
    kitchen.run({5});
    CHECK_EQ(kitchen.report.cached, 1);
  }
}

TEST_CASE("cache: a new compiler is a reason to compile") {
  Kitchen kitchen;
  kitchen.use_compiler("exec c++ \"$@\"\n");
  kitchen.run({4});
  kitchen.use_compiler("exec  c++ \"$@\"\n");
  kitchen.run({4});
  CHECK_EQ(kitchen.report.compiled, 1);
  CHECK(contains(kitchen.said,
                 cat({"the compiler has changed, it was ",
                      kitchen.options.compiler})));
}

TEST_CASE("cache: a folder that others may write to is not used") {
  Kitchen kitchen;
  fs::create_directory(kitchen.options.cache_dir);
  fs::permissions(kitchen.options.cache_dir, fs::perms::all);
  CHECK_EQ(kitchen.run({1}), std::vector<float>{1});
  CHECK(contains(kitchen.said, "other users may write to it"));
  CHECK(fs::is_empty(kitchen.options.cache_dir));
}

TEST_CASE("cache: a folder that cannot be made is replaced for the run") {
  Kitchen kitchen;
  for (const std::string& path :
       {kitchen.folder.write("file", "text"), std::string("/proc/lathe")}) {
    kitchen.said.clear();
    kitchen.options.cache_dir = path;
    CHECK_EQ(kitchen.run({1}), std::vector<float>{1});
    CHECK(contains(kitchen.said,
                   cat({"the kernel cache ", path, " cannot be used"})));
  }
  // The temporary folders are gone.
  int folders = 0;
  for (const auto& file : fs::directory_iterator(kitchen.folder.path())) {
    folders += file.is_directory();
  }
  CHECK_EQ(folders, 0);
}

TEST_CASE("cache: none is needed") {
  Kitchen kitchen;
  kitchen.options.cache_dir.clear();
  CHECK_EQ(kitchen.run({1}), std::vector<float>{1});
  CHECK_FALSE(contains(kitchen.said, "cannot be used"));
}

TEST_CASE("cache: several processes may fill it at once") {
  Kitchen kitchen;
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      const bool right = kitchen.run({1, 2, 3}) == std::vector<float>{1, 2, 3};
      _exit(right ? 0 : 1);
    }
    children.push_back(child);
  }
  for (pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    CHECK_EQ(status, 0);
  }
  kitchen.run({1, 2, 3});
  CHECK_EQ(kitchen.report.cached, 3);
  CHECK(kitchen.files("new").empty());
}

TEST_CASE("cache: a process that is killed while compiling does no harm") {
  Kitchen kitchen;
  kitchen.use_compiler(
      "case \"$*\" in *version*) echo v1;; *) exec c++ \"$@\";; esac\n");
  const std::string good = kitchen.folder.read("compiler");
  kitchen.use_compiler(
      "case \"$*\" in *version*) echo v1;; *) kill -9 $PPID;; esac\n");
  CHECK_EQ(status_of_child([&] { return kitchen.run({1})[0] == 1 ? 0 : 1; }),
           1000);
  CHECK_EQ(kitchen.files("objects").size(), 0);
  CHECK_EQ(kitchen.files("new").size(), 1);
  kitchen.folder.write("compiler", good);
  CHECK_EQ(kitchen.run({1}), std::vector<float>{1});
}

TEST_CASE("cache: a full disk is an error that says so") {
  Kitchen kitchen;
  // Room for the text, not for the object. Ignored, the signal becomes the
  // error that a full disk gives.
  const int status = status_of_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096, 4096};
    setrlimit(RLIMIT_FSIZE, &limit);
    const std::string error = error_of([&] { kitchen.run({1}); });
    return contains(error, "File too large") &&
                   contains(kitchen.said, "cannot be used")
               ? 0
               : 1;
  });
  CHECK_EQ(status, 0);
  CHECK_EQ(kitchen.run({1}), std::vector<float>{1});
}

TEST_CASE("cache: when its disk is full, the run goes on elsewhere") {
  constexpr int kNotAllowed = 77;
  Kitchen kitchen;
  fs::create_directory(kitchen.options.cache_dir);
  const int status = status_of_child([&] {
    // A small disk that only this child sees.
    if (unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", kitchen.options.cache_dir.c_str(), "tmpfs", 0,
              "size=40k,mode=700") != 0) {
      return kNotAllowed;
    }
    const bool right = kitchen.run({1, 2}) == std::vector<float>{1, 2};
    return right && contains(kitchen.said, "No space left on device") ? 0 : 1;
  });
  if (status == kNotAllowed) {
    MESSAGE("skipped: this user may not mount a small disk");
  } else {
    CHECK_EQ(status, 0);
  }
}

TEST_CASE("cache: kernels are compiled in one file per core") {
  Kitchen kitchen;
  kitchen.run({1, 2, 3, 4, 5, 6, 7, 8, 9});
  const long cores = sysconf(_SC_NPROCESSORS_ONLN);
  const size_t objects = kitchen.files("objects").size() / 2;
  CHECK_LE(objects, static_cast<size_t>(cores));
  CHECK_EQ(kitchen.files("kernels").size(), 9);
}

TEST_CASE("cache: lists, measures, prunes and clears") {
  Kitchen kitchen;
  kitchen.options.threads = 1;
  const std::string& dir = kitchen.options.cache_dir;
  CHECK(list_cache(dir).empty());
  kitchen.run({1});
  kitchen.run({2});
  const auto objects = list_cache(dir);
  REQUIRE_EQ(objects.size(), 2);
  CHECK_EQ(objects[0].kernels.size(), 1);
  CHECK_GT(cache_bytes(dir), objects[0].bytes + objects[1].bytes);

  // An old object goes, and its entry with it.
  const auto long_ago =
      fs::file_time_type::clock::now() - std::chrono::hours(24 * 40);
  fs::last_write_time(objects[0].path, long_ago);
  CHECK_GT(prune_cache(dir, {}), objects[0].bytes);
  CHECK_EQ(list_cache(dir).size(), 1);
  CHECK_EQ(kitchen.files("kernels").size(), 1);
  CHECK_EQ(prune_cache(dir, {}), 0);
  CHECK_GE(prune_cache(dir, {.max_bytes = 10}), objects[1].bytes);
  CHECK(list_cache(dir).empty());

  kitchen.run({3});
  const std::string mine = dir + "/notes.txt";
  REQUIRE(write_file(mine, "mine"));
  CHECK_GT(clear_cache(dir), 0);
  CHECK_EQ(cache_bytes(dir), 0);
  CHECK(fs::exists(mine));
  CHECK_EQ(kitchen.run({3}), std::vector<float>{3});
}

TEST_CASE("cache: old objects go by themselves, once a day") {
  Kitchen kitchen;
  kitchen.run({1});
  const std::string old = kitchen.file_with("objects", ".so");
  const auto long_ago =
      fs::file_time_type::clock::now() - std::chrono::hours(24 * 40);
  fs::last_write_time(old, long_ago);
  kitchen.run({2});
  CHECK(fs::exists(old));
  fs::last_write_time(kitchen.options.cache_dir + "/pruned", long_ago);
  kitchen.run({3});
  CHECK_FALSE(fs::exists(old));
}

TEST_CASE("cache: an object in use looks used") {
  Kitchen kitchen;
  kitchen.run({1});
  const auto old = fs::file_time_type::clock::now() - std::chrono::hours(72);
  fs::last_write_time(kitchen.file_with("objects", ".so"), old);
  kitchen.run({1});
  CHECK_GT(fs::last_write_time(kitchen.file_with("objects", ".so")), old);
}

}  // namespace lathe
