#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/structure/source_tree.h"

namespace lathe {
namespace {

// Which folders the files of a folder may include.
const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"spec", {"spec"}},
    {"interpreter", {"interpreter", "spec"}},
    {"layers", {"layers", "interpreter", "spec"}},
    {"codegen", {"codegen", "interpreter", "spec"}},
    {"runtime", {"runtime", "codegen", "interpreter", "spec"}},
};

// Libraries that one source file wraps, by how their headers' names begin.
const std::vector<std::string> kWrapped = {
    "yaml-cpp/", "CLI/", "tbb/", "oneapi/", "nlohmann/", "xxhash.h"};

bool begins_with(const std::string& text, const std::string& head) {
  return text.rfind(head, 0) == 0;
}

}  // namespace

TEST_CASE("includes: only from the folders a folder stands on") {
  for (const std::string& folder : kFolders) {
    const std::set<std::string>& allowed = kMayInclude.at(folder);
    const std::string wrong =
        lines_where(sources_below(folder, {".cpp", ".h", ".def"}),
                    [&](const std::string& line) {
                      if (!begins_with(line, "#include \"")) return false;
                      const std::string header = included_header(line);
                      return !allowed.count(header.substr(0, header.find('/')));
                    });
    CHECK_EQ(wrong, "");
  }
}

TEST_CASE("includes: one source file knows a library") {
  for (const std::string& library : kWrapped) {
    std::set<std::string> users;
    for (const TreeFile& file : program_sources()) {
      for (const std::string& line : file.lines) {
        if (begins_with(included_header(line), library)) {
          users.insert(file.path);
        }
      }
    }
    std::string list;
    for (const std::string& user : users) list += user + " ";
    CAPTURE(library);
    CAPTURE(list);
    CHECK_LE(users.size(), 1);
  }
}

TEST_CASE("includes: headers include no library") {
  std::vector<TreeFile> headers;
  for (const TreeFile& file : program_sources()) {
    if (file.path.ends_with(".h")) headers.push_back(file);
  }
  const std::string wrong = lines_where(headers, [](const std::string& line) {
    if (begins_with(included_header(line), "fmt/")) return true;
    for (const std::string& library : kWrapped) {
      if (begins_with(included_header(line), library)) return true;
    }
    return false;
  });
  CHECK_EQ(wrong, "");
}

}  // namespace lathe
