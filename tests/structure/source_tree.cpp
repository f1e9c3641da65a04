#include "tests/structure/source_tree.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/support/paths.h"

namespace lathe {
namespace fs = std::filesystem;

const std::vector<std::string> kFolders = {"spec", "interpreter", "layers",
                                           "codegen", "runtime"};

TreeFile read_tree_file(const std::string& path) {
  TreeFile file{path, path.substr(0, path.find('/')), {}};
  std::ifstream in(source_dir() / path);
  for (std::string line; std::getline(in, line);) file.lines.push_back(line);
  return file;
}

std::vector<TreeFile> sources_below(
    const std::string& folder, const std::vector<std::string>& extensions) {
  std::vector<TreeFile> files;
  for (const fs::directory_entry& entry :
       fs::recursive_directory_iterator(source_dir() / folder)) {
    const std::string extension = entry.path().extension().string();
    if (entry.is_regular_file() &&
        std::count(extensions.begin(), extensions.end(), extension)) {
      const fs::path path = fs::relative(entry.path(), source_dir());
      files.push_back(read_tree_file(path.generic_string()));
    }
  }
  std::sort(
      files.begin(), files.end(),
      [](const TreeFile& a, const TreeFile& b) { return a.path < b.path; });
  return files;
}

std::vector<TreeFile> program_sources() {
  std::vector<TreeFile> all;
  for (const std::string& folder : kFolders) {
    std::vector<TreeFile> files = sources_below(folder, {".cpp", ".h", ".def"});
    std::move(files.begin(), files.end(), std::back_inserter(all));
  }
  return all;
}

std::string lines_where(const std::vector<TreeFile>& files,
                        const std::function<bool(const std::string&)>& wrong) {
  std::string found;
  for (const TreeFile& file : files) {
    for (size_t i = 0; i < file.lines.size(); ++i) {
      if (!wrong(file.lines[i])) continue;
      found +=
          file.path + ":" + std::to_string(i + 1) + ": " + file.lines[i] + "\n";
    }
  }
  return found;
}

std::string included_header(const std::string& line) {
  const std::string head = "#include ";
  if (line.rfind(head, 0) != 0) return "";
  const size_t end = line.find_first_of("\">", head.size() + 1);
  return line.substr(head.size() + 1, end - head.size() - 1);
}

std::vector<std::string> string_literals(const std::string& line) {
  std::vector<std::string> literals;
  std::string text;
  bool inside = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (!inside && line.compare(i, 2, "//") == 0) break;
    if (!inside && line[i] == '\'') {  // a character, which may be a quote
      i += line[i + 1] == '\\' ? 3 : 2;
    } else if (line[i] == '"') {
      if (inside) literals.push_back(text);
      text.clear();
      inside = !inside;
    } else if (inside) {
      if (line[i] == '\\') text += line[i++];
      text += line[i];
    }
  }
  return literals;
}

}  // namespace lathe
