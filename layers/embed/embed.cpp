// Build-time program: writes a C++ source that registers text files.
//
//   embed OUTPUT ROOT FILE...
//
// Each FILE is registered under its path below ROOT.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

// A raw string literal; the delimiter must not occur in the text.
std::string raw_literal(const std::string& text) {
  if (text.find(")lathe\"") != std::string::npos) {
    throw std::runtime_error("a file contains the delimiter )lathe\"");
  }
  return "R\"lathe(" + text + ")lathe\"";
}

std::string source_of(const fs::path& root,
                      const std::vector<fs::path>& files) {
  std::string out =
      "#include <vector>\n\n"
      "#include \"interpreter/library.h\"\n\n"
      "namespace lathe {\n"
      "namespace {\n\n"
      "const RegisterLibraryFiles register_embedded(\n"
      "    std::vector<LibraryFile>{\n";
  for (const fs::path& file : files) {
    const std::string name = fs::relative(file, root).generic_string();
    out += "        {\"" + name + "\", " + raw_literal(read_file(file)) +
           "},\n";
  }
  return out +
         "    });\n\n"
         "}  // namespace\n"
         "}  // namespace lathe\n";
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) throw std::runtime_error("usage: embed OUTPUT ROOT FILE...");
  std::ofstream out(argv[1], std::ios::binary);
  out << source_of(argv[2], {argv + 3, argv + argc});
  out.flush();
  if (!out) throw std::runtime_error(std::string("cannot write ") + argv[1]);
  return 0;
} catch (const std::exception& error) {
  std::cerr << "embed: " << error.what() << "\n";
  return 1;
}
