#include "runtime/quantize/quantize.h"

#include <filesystem>

#include "runtime/checkpoint.h"
#include "runtime/quantize/checkpoint_output.h"
#include "runtime/quantize/select_weights.h"
#include "runtime/quantize/weight_format.h"
#include "spec/diagnostic.h"
#include "spec/text.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// One tensor of the source and what becomes of it: `count` planned tensors.
struct Job {
  Checkpoint::Entry entry;
  bool quantize = false;
  size_t first = 0, count = 1;
};

class Quantizer {
 public:
  Quantizer(const QuantizeRequest& request, const Reporter& reporter)
      : request_(request),
        reporter_(reporter),
        format_(make_weight_format(request.format)) {}

  QuantizeResult run() {
    check_output();
    checkpoint_ = Checkpoint::open(request_.source);
    read_config();
    plan();
    const JsonValue quantization = format_->config(plain_layers());
    const std::unique_ptr<CheckpointOutput> output =
        is_file() ? make_file_output(request_.output, planned_, quantization)
                  : make_folder_output(request_.output, planned_,
                                       folder_of_source());
    write(*output);
    output->commit(config_with(quantization));
    return result_;
  }

 private:
  bool is_file() const { return request_.output.ends_with(".safetensors"); }

  std::string folder_of_source() const {
    const fs::path path(request_.source);
    if (fs::is_directory(path)) return path.string();
    return path.parent_path().empty() ? "." : path.parent_path().string();
  }

  void check_output() const {
    const std::string& output = request_.output;
    if (fs::exists(output) && fs::exists(request_.source) &&
        fs::equivalent(output, request_.source)) {
      fail("L0530", {},
           cat({lathe::quoted(output), " is the checkpoint that is read"}),
           "name another file or folder");
    }
    if (fs::exists(output) && !request_.force) {
      fail("L0530", {}, cat({lathe::quoted(output), " is there already"}),
           "`--force` replaces it");
    }
    if (fs::exists(output) && fs::is_directory(output) == is_file()) {
      fail("L0530", {},
           cat({lathe::quoted(output),
                is_file() ? " is a folder" : " is no folder, nor is it called "
                                             "a .safetensors file"}));
    }
  }

  void read_config() {
    const fs::path path = fs::path(folder_of_source()) / "config.json";
    if (!fs::exists(path)) return;
    const SourceRef source =
        make_source(path.string(), read_text_file(path.string()));
    config_ = parse_json(source);
    const JsonValue* section = config_.find("quantization_config");
    if (section == nullptr || section->is(JsonKind::kNull)) return;
    fail("L0530", span_of(*section, source),
         "this checkpoint is quantised already",
         "quantise the one with float weights");
  }

  void plan() {
    const WeightSelection selection(request_.only, request_.except,
                                    *checkpoint_);
    for (const Checkpoint::Entry& entry : checkpoint_->entries()) {
      const FileTensor& tensor = *entry.tensor;
      Job job{entry, selection.takes(tensor), planned_.size(), 1};
      if (job.quantize) {
        std::vector<PlannedTensor> made =
            format_->plan(tensor.name, tensor.shape[0], tensor.shape[1]);
        job.count = made.size();
        std::move(made.begin(), made.end(), std::back_inserter(planned_));
      } else {
        planned_.push_back({tensor.name, stored_type(tensor), tensor.shape});
      }
      (job.quantize ? result_.quantized : result_.copied) += 1;
      result_.bytes_before += static_cast<int64_t>(tensor.bytes);
      jobs_.push_back(job);
    }
    for (const PlannedTensor& tensor : planned_) {
      result_.bytes_after += tensor.bytes();
    }
    if (result_.quantized > 0) return;
    fail("L0530", {},
         cat({"no tensor of ", lathe::quoted(request_.source),
              " is quantised: none is the weight of a linear layer, of two "
              "axes and in floats"}),
         "`--only PATTERN` names others, `lathe inspect` lists them");
  }

  static DType stored_type(const FileTensor& tensor) {
    if (tensor.dtype) return *tensor.dtype;
    fail("L0517", {},
         cat({lathe::quoted(tensor.name), " is stored as ", tensor.type_code,
              ", which lathe does not have"}));
  }

  // Layers that a reader of config.json must know to be as they were.
  std::vector<std::string> plain_layers() const {
    std::vector<std::string> plain;
    bool has_head = false;
    for (const Job& job : jobs_) {
      const std::string& name = job.entry.tensor->name;
      has_head = has_head || name == "lm_head.weight";
      if (job.quantize || !is_matrix_weight(*job.entry.tensor) ||
          is_embedding(name)) {
        continue;
      }
      plain.push_back(layer_of(name));
    }
    // One that shares the embedding's table is not in the file.
    if (!has_head) plain.push_back("lm_head");
    return plain;
  }

  JsonValue config_with(const JsonValue& quantization) const {
    if (!config_.is(JsonKind::kObject)) return {};
    JsonValue out = JsonValue::object();
    for (const JsonMember& member : config_.members) {
      if (member.name != "quantization_config") out.members.push_back(member);
    }
    out.add("quantization_config", quantization);
    return out;
  }

  void write(CheckpointOutput& output) const {
    int64_t done = 0;
    for (const Job& job : jobs_) {
      const FileTensor& row = *job.entry.tensor;
      reporter_.progress({"quantising", done, result_.bytes_before});
      const Tensor stored = job.entry.file->read(row);
      if (job.quantize) {
        const std::vector<Tensor> made = format_->encode(row.name, stored);
        for (size_t i = 0; i < made.size(); ++i) {
          output.put(job.first + i, made[i]);
        }
      } else {
        output.put(job.first, stored);
      }
      job.entry.file->release(stored);
      done += static_cast<int64_t>(row.bytes);
    }
    reporter_.progress({"quantising", done, result_.bytes_before});
  }

  const QuantizeRequest& request_;
  const Reporter& reporter_;
  const std::unique_ptr<WeightFormat> format_;
  std::shared_ptr<const Checkpoint> checkpoint_;
  JsonValue config_;
  std::vector<Job> jobs_;
  std::vector<PlannedTensor> planned_;
  QuantizeResult result_;
};

}  // namespace

QuantizeResult quantize_checkpoint(const QuantizeRequest& request,
                                   const Reporter& reporter) {
  return Quantizer(request, reporter).run();
}

}  // namespace lathe
