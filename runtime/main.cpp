#include <cstdio>

#include "runtime/version.h"

int main() {
  std::fprintf(stderr, "lathe %s\nusage: lathe VERB TARGET [options]\n",
               lathe::program_version());
  return 2;
}
