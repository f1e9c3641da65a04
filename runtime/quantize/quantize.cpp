#include "runtime/quantize/quantize.h"

#include <filesystem>
#include <map>
#include <optional>

#include "runtime/checkpoint.h"
#include "runtime/quantize/checkpoint_output.h"
#include "runtime/quantize/gguf_model.h"
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
    check_container();
    check_output();
    checkpoint_ = Checkpoint::open(request_.source);
    read_config();
    if (is_gguf()) model_.emplace(folder_of_source());
    plan();
    const JsonValue quantization = format_->config(plain_layers());
    const std::unique_ptr<CheckpointOutput> output = make_output(quantization);
    write(*output);
    output->commit(config_with(quantization));
    return result_;
  }

 private:
  bool is_gguf() const { return request_.output.ends_with(".gguf"); }
  bool is_file() const {
    return is_gguf() || request_.output.ends_with(".safetensors");
  }

  void check_container() const {
    const bool wants_gguf = format_->container() == Container::kGguf;
    if (wants_gguf == is_gguf()) return;
    fail("L0530", {},
         cat({"the format `", request_.format, "` is ",
              wants_gguf ? "one of GGUF files" : "none of GGUF files"}),
         wants_gguf ? "`-o NAME.gguf`" : "`-o` names a folder");
  }

  std::unique_ptr<CheckpointOutput> make_output(
      const JsonValue& quantization) const {
    const std::string& path = request_.output;
    if (is_gguf()) return make_gguf_output(path, planned_, model_->metadata());
    if (is_file()) return make_file_output(path, planned_, quantization);
    return make_folder_output(path, planned_, folder_of_source());
  }

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
           cat({backquoted(output), " is the checkpoint that is read"}),
           "name another file or folder");
    }
    if (fs::exists(output) && !request_.force) {
      fail("L0530", {}, cat({backquoted(output), " is there already"}),
           "`--force` replaces it");
    }
    if (fs::exists(output) && fs::is_directory(output) == is_file()) {
      fail("L0530", {},
           cat({backquoted(output), is_file() ? " is a folder"
                                              : " is a file, and `-o` names a "
                                                "folder"}));
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
      if (model_ && model_->drops(tensor.name)) continue;
      Job job{entry, selection.takes(tensor), planned_.size(), 1};
      const std::string name =
          model_ ? model_->name_of(tensor.name) : tensor.name;
      if (job.quantize) {
        std::vector<PlannedTensor> made =
            format_->plan(name, tensor.shape[0], tensor.shape[1]);
        job.count = made.size();
        std::move(made.begin(), made.end(), std::back_inserter(planned_));
      } else {
        planned_.push_back({name, copied_type(tensor), tensor.shape});
      }
      (job.quantize ? result_.quantized : result_.copied) += 1;
      result_.bytes_before += static_cast<int64_t>(tensor.bytes);
      jobs_.push_back(job);
    }
    if (model_) {
      for (const NamedTensor& extra : model_->extra()) {
        planned_.push_back(
            {extra.name, extra.tensor.dtype(), extra.tensor.shape()});
      }
    }
    for (const PlannedTensor& tensor : planned_) {
      result_.bytes_after += tensor.bytes();
    }
    if (result_.quantized > 0) return note_other_types();
    fail("L0530", {},
         cat({"no tensor of ", backquoted(request_.source),
              " is quantised: none is the weight of a linear layer, of two "
              "axes and in floats"}),
         "`--only PATTERN` names others, `lathe inspect` lists them");
  }

  // Types that stand in for the one asked for, where rows are too short.
  void note_other_types() const {
    std::map<std::string, int64_t> others;
    for (const Job& job : jobs_) {
      const DType dtype = planned_[job.first].dtype;
      if (!job.quantize || !is_block(dtype)) continue;
      ++others[std::string(to_string(dtype))];
    }
    for (const auto& [type, count] : others) {
      if (type == lower_case(request_.format)) continue;
      reporter_.note(cat({count, count == 1 ? " tensor is " : " tensors are ",
                          type, ": rows are no whole blocks of ",
                          request_.format}));
    }
  }

  // GGUF's programs want vectors in float32.
  DType copied_type(const FileTensor& tensor) const {
    const DType dtype = stored_type(tensor);
    const bool vector = tensor.shape.size() < 2;
    return model_ && vector && is_float(dtype) ? DType::kFloat32 : dtype;
  }

  static DType stored_type(const FileTensor& tensor) {
    if (tensor.dtype && is_block(*tensor.dtype)) {
      fail("L0530", {},
           cat({backquoted(tensor.name), " is quantised already: it is ",
                to_string(*tensor.dtype)}),
           "quantise a checkpoint with float weights");
    }
    if (tensor.dtype) return *tensor.dtype;
    fail("L0517", {},
         cat({backquoted(tensor.name), " is stored as ", tensor.type_code,
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
      write_job(job, stored, output);
      job.entry.file->release(stored);
      done += static_cast<int64_t>(row.bytes);
    }
    if (model_) write_extra(output);
    reporter_.progress({"quantising", done, result_.bytes_before});
  }

  void write_job(const Job& job, const Tensor& stored,
                 CheckpointOutput& output) const {
    const std::string& name = job.entry.tensor->name;
    const Tensor source = model_ ? model_->arranged(name, stored) : stored;
    if (!job.quantize) {
      const DType wanted = planned_[job.first].dtype;
      return output.put(job.first, source.dtype() == wanted
                                       ? source
                                       : convert(source, wanted));
    }
    const std::vector<Tensor> made = format_->encode(name, source);
    for (size_t i = 0; i < made.size(); ++i) {
      output.put(job.first + i, made[i]);
    }
  }

  void write_extra(CheckpointOutput& output) const {
    const std::vector<NamedTensor>& extra = model_->extra();
    for (size_t i = 0; i < extra.size(); ++i) {
      output.put(planned_.size() - extra.size() + i, extra[i].tensor);
    }
  }

  const QuantizeRequest& request_;
  const Reporter& reporter_;
  const std::unique_ptr<WeightFormat> format_;
  std::shared_ptr<const Checkpoint> checkpoint_;
  std::optional<GgufModel> model_;  // of a GGUF file that is written
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
