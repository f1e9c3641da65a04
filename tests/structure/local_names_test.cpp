// Unity builds compile many files of a folder as one: what is local to a file
// must not be defined in another one, too. Looks at what begins in the first
// column of an anonymous namespace: constants, types, and functions whose first
// lines are the same. Other overloads may share a name.
#include <doctest/doctest.h>

#include <cctype>
#include <map>
#include <string>
#include <vector>

#include "tests/structure/source_tree.h"

namespace lathe {
namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// The names of kCamelCase that a line gives values to.
std::vector<std::string> defined_constants(const std::string& line) {
  std::vector<std::string> names;
  for (size_t i = 1; i + 1 < line.size(); ++i) {
    const bool begins = line[i] == 'k' && line[i - 1] == ' ' &&
                        std::isupper(static_cast<unsigned char>(line[i + 1]));
    if (!begins) continue;
    size_t end = i;
    while (end < line.size() && is_word(line[end])) ++end;
    const std::string name = line.substr(i, end - i);
    if (line[end] == '[') end = line.find(']', end) + 1;
    if (line.compare(end, 2, " =") == 0 || line[end] == '{') {
      names.push_back(name);
    }
  }
  return names;
}

// What a line in the first column defines.
std::vector<std::string> definitions(const std::string& line) {
  for (const std::string head : {"struct ", "class ", "enum class "}) {
    if (!line.starts_with(head) || !line.ends_with("{")) continue;
    size_t end = head.size();
    while (is_word(line[end])) ++end;
    return {line.substr(head.size(), end - head.size())};
  }
  for (const std::string other :
       {" ", "}", "#", "//", "template", "static_assert", "TEST_CASE"}) {
    if (line.starts_with(other)) return {};
  }
  if (line.starts_with("const")) {
    const std::vector<std::string> names = defined_constants(line);
    if (!names.empty()) return names;
  }
  if (line.find('(') == std::string::npos) return {};
  return {line};
}

// "a.cpp and b.cpp: name" for each name that two files define.
std::string shared_names(const std::vector<TreeFile>& files) {
  std::map<std::string, std::string> definers;
  std::string shared;
  for (const TreeFile& file : files) {
    std::string around;
    bool local = false;
    for (const std::string& line : file.lines) {
      if (line == "namespace {") local = true;
      if (line.starts_with("}  // namespace")) local = false;
      if (line.starts_with("namespace lathe")) around = line;
      if (!local) continue;
      for (const std::string& name : definitions(line)) {
        const auto [it, is_new] =
            definers.try_emplace(around + " " + name, file.path);
        if (is_new || it->second == file.path) continue;
        shared += it->second + " and " + file.path + ": " + name + "\n";
      }
    }
  }
  return shared;
}

}  // namespace

TEST_CASE("local names: no two files of a folder define one") {
  for (const std::string folder :
       {"spec", "interpreter", "layers", "codegen", "runtime", "tests/codegen",
        "tests/cuda", "tests/interpreter", "tests/layers", "tests/runtime",
        "tests/spec", "tests/structure", "tests/support"}) {
    CHECK_EQ(shared_names(sources_below(folder, {".cpp"})), "");
  }
}

TEST_CASE("local names: constants, types and equal functions are found") {
  const auto file = [](const std::string& path,
                       const std::vector<std::string>& lines) {
    TreeFile out{path, "spec", {"namespace lathe {", "namespace {"}};
    out.lines.insert(out.lines.end(), lines.begin(), lines.end());
    out.lines.push_back("}  // namespace");
    out.lines.push_back("int outside() {");
    return out;
  };
  CHECK_EQ(
      shared_names(
          {file("a.cpp", {"constexpr int kA = 1, kB = kC;", "struct S {",
                          "int one() {", "int two(int a) {"}),
           file("b.cpp", {"constexpr int kC = 2, kB = 2;", "struct S : T {",
                          "int one() {", "int two(char a) {"})}),
      "a.cpp and b.cpp: kB\na.cpp and b.cpp: S\na.cpp and b.cpp: int one() "
      "{\n");
}

}  // namespace lathe
