#include "runtime/machine.h"

#include <sched.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "spec/text.h"

namespace lathe {
namespace {

// First line of a small file of the kernel's; empty if there is none.
std::string line_of(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

// The limit of memory and of processor time that a container sets; 0: none.
int64_t memory_limit() {
  const std::string text = line_of("/sys/fs/cgroup/memory.max");
  if (text.empty() || text == "max") return 0;
  return std::atoll(text.c_str());
}

int processor_limit() {
  std::istringstream in(line_of("/sys/fs/cgroup/cpu.max"));
  std::string quota;
  double period = 0;
  in >> quota >> period;
  if (quota.empty() || quota == "max" || period <= 0) return 0;
  return std::max(1, static_cast<int>(std::atof(quota.c_str()) / period + 0.5));
}

int usable_cores() {
  int cores = static_cast<int>(std::thread::hardware_concurrency());
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) cores = CPU_COUNT(&set);
  const int limit = processor_limit();
  if (limit > 0) cores = std::min(cores, limit);
  return std::max(1, cores);
}

// "MemAvailable:   123 kB" of /proc/meminfo, in bytes.
int64_t meminfo(const char* key) {
  std::ifstream in("/proc/meminfo");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(key)) {
      return std::atoll(line.c_str() + std::strlen(key)) * 1024;
    }
  }
  return 0;
}

int64_t cache_bytes(int name, int64_t otherwise) {
  const long bytes = sysconf(name);
  return bytes > 0 ? bytes : otherwise;
}

#if defined(__x86_64__)

std::string brand() {
  std::array<unsigned, 13> words = {};
  for (unsigned i = 0; i < 3; ++i) {
    unsigned* w = &words[4 * i];
    if (!__get_cpuid(0x80000002 + i, w, w + 1, w + 2, w + 3)) return "";
  }
  std::string text(reinterpret_cast<const char*>(words.data()));
  const size_t first = text.find_first_not_of(' ');
  const size_t last = text.find_last_not_of(' ');
  return first == std::string::npos ? ""
                                    : text.substr(first, last - first + 1);
}

// The words of CPUID that say which instructions and which model there are;
// those that name the core asked are left out.
std::string identity_of_cpu() {
  std::string result = "x86-64";
  auto add = [&](unsigned leaf, unsigned subleaf, int first, int last) {
    unsigned w[4] = {};
    if (!__get_cpuid_count(leaf, subleaf, &w[0], &w[1], &w[2], &w[3])) return;
    for (int i = first; i <= last; ++i) {
      char text[16];
      std::snprintf(text, sizeof text, "-%x", w[i]);
      result += text;
    }
  };
  add(0, 0, 1, 3);
  add(1, 0, 0, 0);
  add(1, 0, 2, 3);
  add(7, 0, 1, 3);
  add(7, 1, 0, 0);
  add(0x80000001, 0, 2, 3);
  return result;
}

// What CPU and operating system both support.
void describe_cpu(Machine& machine) {
  __builtin_cpu_init();
  std::vector<std::string> features;
#define LATHE_FEATURE(name) \
  if (__builtin_cpu_supports(name)) features.push_back(name)
  LATHE_FEATURE("avx2");
  LATHE_FEATURE("fma");
  LATHE_FEATURE("avx512f");
  LATHE_FEATURE("avx512bw");
  LATHE_FEATURE("avx512vl");
  LATHE_FEATURE("avx512dq");
  LATHE_FEATURE("avx512vbmi");
  LATHE_FEATURE("avx512vnni");
  LATHE_FEATURE("avx512bf16");
#undef LATHE_FEATURE
  machine.features = join(features, " ");
  auto has = [&](const char* name) {
    return std::find(features.begin(), features.end(), name) != features.end();
  };
  machine.cpu = brand();
  machine.identity = identity_of_cpu() + " " + machine.features;
  if (has("avx512f") && has("avx512bw") && has("avx512vl") &&
      has("avx512dq")) {
    machine.target = "avx512";
  } else if (has("avx2") && has("fma")) {
    machine.target = "avx2";
  } else {
    machine.target = "generic";
  }
}

#else

void describe_cpu(Machine& machine) {
#if defined(__aarch64__)
  machine.target = "neon";
  machine.features = "neon";
  machine.identity =
      "aarch64 " +
      line_of("/sys/devices/system/cpu/cpu0/regs/identification/midr_el1");
#else
  machine.target = "generic";
  machine.identity = "generic";
#endif
}

#endif

bool has_feature(const Machine& machine, const std::string& name) {
  return (" " + machine.features + " ").find(" " + name + " ") !=
         std::string::npos;
}

}  // namespace

Machine describe_machine() {
  Machine machine;
  describe_cpu(machine);
  machine.cores = usable_cores();
  machine.l1_bytes = cache_bytes(_SC_LEVEL1_DCACHE_SIZE, machine.l1_bytes);
  machine.l2_bytes = cache_bytes(_SC_LEVEL2_CACHE_SIZE, machine.l2_bytes);
  machine.l3_bytes = cache_bytes(_SC_LEVEL3_CACHE_SIZE, 0);
  machine.memory_bytes = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) *
                         sysconf(_SC_PAGESIZE);
  if (const int64_t limit = memory_limit(); limit > 0) {
    machine.memory_bytes = std::min(machine.memory_bytes, limit);
  }
  const std::string pages =
      line_of("/sys/kernel/mm/transparent_hugepage/enabled");
  machine.huge_pages = !pages.empty() &&
                       pages.find("[never]") == std::string::npos;
  return machine;
}

Target target_of(const Machine& machine, int threads) {
  Target target = target_preset(machine.target);
  target.l1_bytes = static_cast<int>(machine.l1_bytes);
  target.l2_bytes = static_cast<int>(machine.l2_bytes);
  target.threads = threads;
  if (machine.target == "avx512") {
    target.bf16_dot = has_feature(machine, "avx512bf16");
    target.byte_permute = has_feature(machine, "avx512vbmi");
  }
  return target;
}

int64_t available_memory() {
  const int64_t free = meminfo("MemAvailable:");
  const int64_t limit = memory_limit();
  if (limit == 0) return free;
  const int64_t used =
      std::atoll(line_of("/sys/fs/cgroup/memory.current").c_str());
  const int64_t left = std::max<int64_t>(1, limit - used);
  return free == 0 ? left : std::min(free, left);
}

}  // namespace lathe
