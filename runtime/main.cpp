#include "runtime/cli/command_line.h"

int main(int argc, char** argv) {
  return lathe::run_command_line({argv + 1, argv + argc});
}
