#include "tests/cli/transcript.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <sstream>
#include <stdexcept>

#include "tests/support/paths.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

// What a command printed, and how it ended.
struct Result {
  std::string out, err;
  int status = -1;
};

std::string quoted_for_shell(const std::string& text) {
  std::string out = "'";
  for (char c : text)
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// The environment of the user who runs the tests must not show.
std::string shell_script(const std::string& command, const TempFolder& folder) {
  const std::string root = source_dir().string();
  return "cd " + quoted_for_shell(root) +
         " && unset LATHE_CXX XDG_CACHE_HOME && export HOME=" +
         quoted_for_shell(folder.file("home")) +
         " TMP=" + quoted_for_shell(folder.file("tmp")) +
         " LATHE_CACHE_DIR=" + quoted_for_shell(folder.file("cache")) +
         " PATH=" + quoted_for_shell(LATHE_PATH) + ":$PATH; { " +
         command + "\n} >" + quoted_for_shell(folder.file("out")) + " 2>" +
         quoted_for_shell(folder.file("err")) + " </dev/null";
}

Result run(const std::string& command, const TempFolder& folder) {
  const std::string script = shell_script(command, folder);
  const int status = std::system(script.c_str());
  if (status == -1 || !WIFEXITED(status)) {
    throw std::runtime_error("the shell did not exit: " + command);
  }
  return {folder.read("out"), folder.read("err"), WEXITSTATUS(status)};
}

// The temporary folder's name changes from run to run.
std::string without_folder(std::string text, const std::string& name) {
  for (size_t at; (at = text.find(name)) != std::string::npos;) {
    text.replace(at, name.size(), "$TMP");
  }
  return text;
}

std::string marked(const std::string& text, const std::string& mark) {
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    out += mark + line + "\n";
  }
  return out;
}

}  // namespace

std::string replay(const std::string& text) {
  TempFolder folder;
  folder.write("home/.keep", "");
  folder.write("tmp/.keep", "");
  std::string out, pending;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("# ", 0) == 0) {
      pending += line + "\n";
    } else if (line.rfind("$ ", 0) == 0) {
      const Result result = run(line.substr(2), folder);
      const std::string shown =
          marked(result.out, "") + marked(result.err, "2> ");
      out += pending + line + "\n" + without_folder(shown, folder.file("tmp"));
      if (result.status != 0)
        out += "[" + std::to_string(result.status) + "]\n";
      pending.clear();
    } else {
      pending.clear();  // output, which is made anew
    }
  }
  return out;
}

}  // namespace lathe
