#pragma once
// The project's own source files as text, for tests that look at them.

#include <functional>
#include <string>
#include <vector>

namespace lathe {

struct TreeFile {
  std::string path;    // from the root: "spec/dim.cpp"
  std::string folder;  // "spec"
  std::vector<std::string> lines;
};

// The folders of the program, in the order in which they may include.
extern const std::vector<std::string> kFolders;

// One file, by its path from the root; without lines if it does not exist.
TreeFile read_tree_file(const std::string& path);

// All files below `folder` whose extension is one of `extensions`, by path.
std::vector<TreeFile> sources_below(const std::string& folder,
                                    const std::vector<std::string>& extensions);

// The C++ sources, headers and tables of the whole program, tests left out.
std::vector<TreeFile> program_sources();

// "path:line: text" for each line that `wrong` is true of, one a line.
std::string lines_where(const std::vector<TreeFile>& files,
                        const std::function<bool(const std::string&)>& wrong);

// The header that an #include line names, quotes or brackets left out; else "".
std::string included_header(const std::string& line);

// The contents of the plain string literals on a line, comments left out.
std::vector<std::string> string_literals(const std::string& line);

}  // namespace lathe
