// Rules about whole files: sizes, build lists, what no file may mention.
#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/structure/source_tree.h"

namespace lathe {
namespace {

constexpr size_t kMaxLines = 400;

// Files that may be longer, with their own limit and the reason.
struct LongFile {
  size_t lines;
  std::string reason;
};
const std::map<std::string, LongFile> kLongFiles = {};

std::vector<TreeFile> code_of(const std::string& folder) {
  return sources_below(folder, {".cpp", ".h", ".def"});
}

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// The meson.build files that could list a folder's sources, as one text.
std::string build_text(const std::string& folder) {
  std::string text;
  for (const TreeFile& file : sources_below(folder, {".build"})) {
    for (const std::string& line : file.lines) text += line + "\n";
  }
  return text;
}

// The type that a line at namespace scope defines, or "".
std::string defined_type(const std::string& line) {
  for (const std::string head : {"struct ", "class ", "enum class "}) {
    if (line.rfind(head, 0) != 0 || line.back() != '{') continue;
    const size_t end = line.find(' ', head.size());
    return line.substr(head.size(), end - head.size());  // may be A::B
  }
  return "";
}

}  // namespace

TEST_CASE("files: none is too long") {
  std::string too_long;
  for (const std::string folder :
       {"spec", "interpreter", "layers", "codegen", "runtime", "tests"}) {
    for (const TreeFile& file : code_of(folder)) {
      const auto exempt = kLongFiles.find(file.path);
      const size_t limit =
          exempt == kLongFiles.end() ? kMaxLines : exempt->second.lines;
      if (file.lines.size() <= limit) continue;
      too_long += file.path + " has " + std::to_string(file.lines.size()) +
                  " lines, wanted at most " + std::to_string(limit) + "\n";
    }
  }
  CHECK_EQ(too_long, "");
}

TEST_CASE("files: every header can be included twice") {
  for (const TreeFile& file : program_sources()) {
    // What is compiled by itself is never included.
    if (!file.path.ends_with(".h") || file.path.rfind("spec/pch/", 0) == 0) {
      continue;
    }
    CAPTURE(file.path);
    CHECK_NE(lines_where({file},
                         [](const std::string& line) {
                           return line == "#pragma once";
                         }),
             "");
  }
}

TEST_CASE("files: no two headers define a type of the same name") {
  // One namespace: the linker would take one type's functions for the other's.
  std::map<std::string, std::string> defined_in;
  for (const TreeFile& file : program_sources()) {
    if (!file.path.ends_with(".h")) continue;
    for (const std::string& line : file.lines) {
      const std::string name = defined_type(line);
      if (name.empty()) continue;
      CAPTURE(name);
      CHECK_EQ(defined_in.emplace(name, file.path).first->second, file.path);
    }
  }
}

TEST_CASE("files: every source is built") {
  for (const std::string folder :
       {"spec", "interpreter", "layers", "codegen", "runtime", "tests"}) {
    const std::string text = build_text(folder);
    for (const TreeFile& file : sources_below(folder, {".cpp"})) {
      if (file.path == "runtime/main.cpp") continue;  // in the top meson.build
      CAPTURE(file.path);
      CHECK(text.find(base_name(file.path) + "'") != std::string::npos);
    }
  }
}

TEST_CASE("files: none names a folder of one machine") {
  // Put together here, so that this file does not find itself.
  const std::vector<std::string> heads = {"home", "root", "Users", "work"};
  const auto wrong = [&](const std::string& line) {
    for (const std::string& head : heads) {
      if (line.find("/" + head + "/") != std::string::npos) return true;
    }
    return false;
  };
  const std::vector<std::string> texts = {
      ".cpp", ".h",    ".def",  ".build", ".md",  ".yaml", ".err",
      ".py",  ".json", ".wrap", ".sh",    ".txt", ".dot"};
  for (const std::string folder :
       {"spec", "interpreter", "layers", "codegen", "runtime", "tests"}) {
    CHECK_EQ(lines_where(sources_below(folder, texts), wrong), "");
  }
}

}  // namespace lathe
