// Pages for people: they exist, stay short, and their links lead somewhere.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/structure/source_tree.h"
#include "tests/support/paths.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// A page's lines without what stands in code: `...` and fenced blocks.
std::vector<std::string> prose_of(const TreeFile& page) {
  std::vector<std::string> prose;
  bool fenced = false;
  for (const std::string& line : page.lines) {
    if (line.rfind("```", 0) == 0) fenced = !fenced;
    std::string text;
    bool code = fenced;
    for (char c : line) {
      if (c == '`') code = !code;
      if (!code) text += c;
    }
    prose.push_back(text);
  }
  return prose;
}

// Targets of [text](target) on a line that are files of the tree.
std::vector<std::string> links_in(const std::string& line) {
  std::vector<std::string> links;
  size_t at = 0;
  while ((at = line.find("](", at)) != std::string::npos) {
    at += 2;
    const std::string target = line.substr(at, line.find(')', at) - at);
    if (target.rfind("http", 0) != 0) links.push_back(target);
  }
  return links;
}

std::vector<TreeFile> pages() {
  std::vector<TreeFile> pages = {read_tree_file("README.md"),
                                 read_tree_file("CONTRIBUTING.md")};
  for (const std::string& folder : kFolders) {
    pages.push_back(read_tree_file(folder + "/README.md"));
  }
  pages.push_back(read_tree_file("examples/README.md"));
  pages.push_back(read_tree_file("tests/README.md"));
  return pages;
}

}  // namespace

TEST_CASE("docs: every folder has a page") {
  for (const TreeFile& page : pages()) {
    CAPTURE(page.path);
    CHECK_GT(page.lines.size(), 10);
  }
}

TEST_CASE("docs: the first page is short") {
  CHECK_LE(read_tree_file("README.md").lines.size(), 150);
}

TEST_CASE("docs: links lead to files") {
  for (const TreeFile& page : pages()) {
    const fs::path folder = (source_dir() / page.path).parent_path();
    for (const std::string& line : prose_of(page)) {
      for (const std::string& link : links_in(line)) {
        CAPTURE(page.path);
        CAPTURE(link);
        CHECK(fs::exists(folder / link));
      }
    }
  }
}

}  // namespace lathe
