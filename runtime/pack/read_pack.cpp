#include <filesystem>
#include <map>

#include "runtime/kernel_cache.h"
#include "runtime/mapped_file.h"
#include "runtime/pack/check_program.h"
#include "runtime/pack/json_archive.h"
#include "runtime/pack/pack.h"
#include "runtime/pack/pack_damage.h"
#include "runtime/pack/pack_files.h"
#include "runtime/safetensors.h"
#include "runtime/version.h"
#include "spec/diagnostic.h"
#include "spec/text.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostManifest = size_t{16} << 20;
constexpr size_t kMostFile = size_t{1} << 30;

[[noreturn]] void fail_for(const std::string& folder, const std::string& what,
                           const std::string& help) {
  fail("L0531", {}, cat({"the pack ", backquoted(folder), " ", what}), help);
}

[[noreturn]] void fail_as_damaged(const std::string& folder,
                                  const std::string& what) {
  fail_for(folder, cat({"is damaged: ", what}),
           "copy it again, or make it again with `lathe compile`");
}

// "kernels/0.so": below the pack, and nothing that the system takes for more.
bool is_plain_name(const std::string& name) {
  const fs::path path(name);
  if (name.empty() || path.is_absolute()) return false;
  for (const fs::path& part : path) {
    if (part == ".." || part == "." || part.empty()) return false;
  }
  return true;
}

class PackReader {
 public:
  explicit PackReader(std::string folder) : folder_(std::move(folder)) {}

  Pack read() {
    try {
      read_manifest();
      read_constants();
      read_program();
    } catch (const PackDamage& damage) {
      fail_as_damaged(folder_, damage.what());
    }
    return std::move(pack_);
  }

 private:
  struct Listed {
    int64_t bytes = 0;
    std::string hash;
  };

  std::string path(const std::string& name) const {
    return (fs::path(folder_) / name).string();
  }

  JsonValue parse(const std::string& name, const std::string& text) const {
    try {
      return parse_json(text, name);
    } catch (const SpecError& error) {
      throw PackDamage(error.diagnostics().front().message);
    }
  }

  template <typename T>
  T member(const JsonValue& object, const std::string& where,
           const char* name) const {
    const JsonValue* found = object.find(name);
    JsonReader reader(tables_, where + "." + name);
    if (found == nullptr) reader.fail("is missing");
    T value = {};
    reader.read(*found, value);
    return value;
  }

  void read_manifest() {
    const JsonValue json = parse(
        kPackManifest, read_text_file(path(kPackManifest), kMostManifest));
    require_version(json);
    pack_.folder = folder_;
    for (auto& name : member<std::vector<std::string>>(json, kPackManifest,
                                                       "instructions")) {
      pack_.instructions.insert(name);
    }
    const auto weights = member<std::string>(json, kPackManifest, "weights");
    pack_.carries_weights = weights == kPackWeights;
    pack_.weights_path = pack_.carries_weights ? path(weights) : weights;
    const JsonValue* files = json.find("files");
    if (files == nullptr) throw PackDamage("pack.json lists no `files`");
    for (const JsonValue& row : files->items) {
      Listed listed{member<int64_t>(row, "files", "bytes"), ""};
      if (row.find("hash")) listed.hash = member<std::string>(row, "files",
                                                              "hash");
      const auto name = member<std::string>(row, "files", "name");
      if (!is_plain_name(name)) throw PackDamage(cat({"it lists ", name}));
      files_[name] = listed;
      check_size(name);
    }
  }

  // Before anything else is looked at: the rest may have another form.
  void require_version(const JsonValue& json) const {
    const auto version = member<int64_t>(json, kPackManifest, "lathe_pack");
    const auto made_by = member<std::string>(json, kPackManifest, "lathe");
    if (version == kPackVersion && made_by == program_version()) return;
    fail_for(folder_,
             cat({"was made by lathe ", made_by, " and this is lathe ",
                  program_version()}),
             "make it again with `lathe compile` of this version");
  }

  void check_size(const std::string& name) const {
    std::error_code error;
    const auto bytes = fs::file_size(path(name), error);
    if (error) throw PackDamage(cat({name, " is missing"}));
    if (static_cast<int64_t>(bytes) == files_.at(name).bytes) return;
    throw PackDamage(cat({name, " has ", static_cast<int64_t>(bytes),
                          " bytes and not ", files_.at(name).bytes}));
  }

  // The contents of a listed file, as they were written.
  std::string contents(const std::string& name) const {
    const auto listed = files_.find(name);
    if (listed == files_.end()) throw PackDamage(cat({name, " is not listed"}));
    std::string text = read_text_file(path(name), kMostFile);
    if (hash_of(text) != listed->second.hash) {
      throw PackDamage(cat({name, " has changed since it was made"}));
    }
    return text;
  }

  void read_constants() {
    if (!files_.contains(kPackConstants)) return;
    (void)contents(kPackConstants);
    const SafetensorsFile file(path(kPackConstants));
    for (size_t i = 0; i < file.tensors().size(); ++i) {
      const FileTensor* tensor = file.find(std::to_string(i));
      if (tensor == nullptr) throw PackDamage("constants are missing");
      tables_.constants.push_back(
          std::make_shared<const Tensor>(file.read(*tensor)));
    }
  }

  void read_program() {
    const JsonValue json = parse(kPackProgram, contents(kPackProgram));
    const JsonValue* sources = json.find("sources");
    if (sources == nullptr) throw PackDamage("it has no sources");
    for (const JsonValue& row : sources->items) {
      tables_.sources.push_back(
          make_source(member<std::string>(row, "sources", "name"),
                      member<std::string>(row, "sources", "text")));
    }
    pack_.program = member<Program>(json, kPackProgram, "program");
    pack_.weights =
        member<std::vector<WeightRecipe>>(json, kPackProgram, "weights");
    check_program(pack_.program);
    std::map<std::string, bool> checked;
    for (const std::string& name : member<std::vector<std::string>>(
             json, kPackProgram, "objects")) {
      if (!checked[name]) (void)contents(name);
      checked[name] = true;
      pack_.objects.push_back(path(name));
    }
    if (pack_.objects.size() != pack_.program.kernels.size()) {
      throw PackDamage("it does not hold every kernel");
    }
  }

  std::string folder_;
  std::map<std::string, Listed> files_;
  PackTables tables_;
  Pack pack_;
};

}  // namespace

bool is_pack(const std::string& path) {
  return fs::is_regular_file(fs::path(path) / kPackManifest);
}

Pack read_pack(const std::string& folder) {
  return PackReader(folder).read();
}

}  // namespace lathe
