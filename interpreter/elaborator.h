#pragma once
// The working parts of elaboration, a group of functions per source file. Not
// for use outside interpreter/; the way in is elaborate.h.
//
// Functions that meet a mistake throw SpecError; the nearest statement,
// declaration or section catches it, reports it with the chain of layers and
// goes on with an unknown value.

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "interpreter/elaborate.h"
#include "interpreter/layer_instance.h"
#include "interpreter/op.h"
#include "interpreter/reports.h"
#include "interpreter/stored_quantization.h"

namespace lathe {

// One run of a body: names that statements assigned, and the sizes that the
// input types bound.
struct Frame {
  LayerInstance* layer = nullptr;
  std::map<std::string, Datum, std::less<>> names;
  std::map<std::string, Dim, std::less<>> dims;
  std::string last_assigned;
};

using Locals = std::vector<std::pair<std::string, Datum>>;

// Where an expression stands, which decides what its names mean.
struct Scope {
  LayerInstance* layer = nullptr;  // null inside a struct type
  const Locals* locals = nullptr;  // `index` of a repeat; fields of a struct
  Frame* frame = nullptr;          // inside a body
  bool layer_field = false;        // layers and layer types come first
  bool in_for = false;             // `range` is a list, not the op
};

struct CallArg {
  Datum value;
  SourceSpan span;
};

// The arguments of a call to a layer.
struct CallArgs {
  std::vector<CallArg> positional;
  std::vector<std::pair<Name, CallArg>> keywords;
  SourceSpan span;
};

// Limits that a spec must not pass.
inline constexpr int64_t kMaxRepeat = 100'000;
inline constexpr size_t kMaxLayerDepth = 64;
inline constexpr int64_t kMaxIterations = 1'000'000;

// For copies of layers; see copy_layer.h.
struct CallRecording;
class PartCopier;
class Recorder;

class Elaborator {
 public:
  Elaborator(const ElaborateInputs& inputs, Diagnostics& diagnostics);
  ~Elaborator();
  Model run();

  // ---- types (layer_types.cpp) ----
  // The type that `name` means in the file of `from`, or null.
  const LayerType* find_type(const LayerType& from, std::string_view name);
  const LayerType* find_struct(std::string_view name);
  // Every name that find_type knows in the file of `from`.
  std::vector<std::string> type_names(const LayerType& from);

  // ---- values of fields (read_value.cpp, convert_value.cpp) ----
  // A field's value under a type. `what` names it in messages.
  Datum read_value(const YamlNode& node, const ParamTypeAst& type,
                   const Scope& scope, const std::string& what);
  // True if a word of an untyped value names a param or value.
  bool names_value(std::string_view word, const Scope& scope);
  // A value without a type: a bare word that names nothing is a text.
  Datum read_untyped(const YamlNode& node, const Scope& scope);
  // The datum as a value of the type; L0331 if it is none.
  Datum convert_value(const Datum& datum, const ParamTypeAst& type,
                      const SourceSpan& span, const std::string& what);
  Datum config_datum(const ConfigValue& value, const ParamTypeAst& type);
  Datum config_struct(const ConfigMap& map, const LayerType& type,
                      const SourceSpan& span);
  // The type of a param: as written, or that of its default.
  const ParamTypeAst& param_type(const LayerType& type, const ParamDecl& decl);
  // Checks min, max and choices.
  void check_limits(const LayerType& type, const ParamDecl& decl,
                    const Datum& datum, const SourceSpan& span,
                    const Scope& scope);
  // A struct from the values of its fields, with defaults and asserts.
  Datum make_struct(const LayerType& type, std::vector<GivenField> fields,
                    const SourceSpan& span);
  ExprRef expression_of(const YamlNode& node);
  // A field of the type that reads back to the value (value_node.cpp). Null if
  // it holds layers, or is unknown.
  YamlRef value_node(const Datum& datum, const ParamTypeAst& type);
  YamlRef struct_node(const DatumStruct& value, const ParamTypeAst& type);

  // ---- `checkpoint` as a value (checkpoint_config.cpp) ----
  // The struct that the checkpoint's quantization_config describes, or none.
  Datum checkpoint_config(const LayerType& type, const SourceSpan& span,
                          const std::string& what);
  // What such a value is for one layer: a struct, or none.
  Datum settled_config(const Datum& value, LayerInstance& layer);

  // ---- params (params.cpp) ----
  Datum param(LayerInstance& layer, const ParamDecl& decl);
  Datum builtin_param(LayerInstance& layer, std::string_view name);
  std::optional<Datum> find_param_or_value(LayerInstance& layer,
                                           std::string_view name);
  // Params without a value, given or default.
  std::vector<const ParamDecl*> missing_params(const LayerInstance& layer);
  // Reads the fields of a declaration under the params of `type`.
  std::vector<GivenField> read_fields(const LayerType& type,
                                      const std::vector<ValueDecl>& fields,
                                      const Scope& scope,
                                      const std::string& owner);
  // True if one was given a name that the type has not.
  static bool has_unknown_field(const LayerType& type,
                                const std::vector<GivenField>& fields);
  // Throws L0334 for the conditions that do not hold.
  void check_asserts(const std::vector<AssertDecl>& asserts,
                     const Scope& scope);
  // What the command line, the preset and the config give a model's params.
  std::vector<GivenField> model_fields(const LayerType& type);
  // Throws L0211 with the nearest field. `owner` has no such field.
  [[noreturn]] void unknown_field(const LayerType& type, const Name& field,
                                  const std::string& owner) const;

  // ---- fields of params (field_overrides.cpp) ----
  // What the command line gives fields of a param; empty for most.
  const std::vector<FieldOverride>& field_overrides(
      const LayerInstance& layer, std::string_view param) const;
  // The value with the fields replaced that the command line gives.
  Datum with_field_overrides(LayerInstance& layer, const ParamDecl& decl,
                             const Datum& base);

  // ---- layers (declare_layer.cpp, build_layer.cpp) ----
  // What a name of `layers:` stands for: a layer, a list, or none.
  Datum declared_layer(LayerInstance& layer, const LayerDecl& decl);
  // A layer written in place, or several (`repeat`); none if `when` is false.
  std::vector<Datum> recipes_of(const LayerDecl& decl, const Scope& scope);
  // The layer that a param's recipe becomes in the layer that has the param.
  Datum param_layer(LayerInstance& layer, const ParamDecl& decl);
  LayerInstance* make_instance(LayerInstance* parent, const LayerRecipe& recipe,
                               std::string name, SourceSpan span,
                               int64_t repeats, std::optional<int64_t> item);
  // Gives all params, weights and sub-layers their values.
  void build(LayerInstance& layer);
  // Makes the sub-layers of a replica; nothing if they are there.
  void make_sublayers(LayerInstance& layer);
  std::optional<Datum> find_weight(LayerInstance& layer, std::string_view name,
                                   const SourceSpan& span);
  // `if_unknown`: what a mistake has left open counts as.
  bool condition(const ExprAst& expr, const Scope& scope,
                 const std::string& what, bool if_unknown = false);

  // ---- tensor types (tensor_types.cpp) ----
  // Of a weight: all sizes known. Nothing if a size is unknown by mistake.
  std::optional<TensorType> weight_type(const TensorTypeAst& type,
                                        LayerInstance& layer);
  // Of state: names that are no params are sizes known at run time.
  std::optional<TensorType> state_type(const TensorTypeAst& type,
                                       LayerInstance& layer);
  // Of a model's input: such names are the model's symbols. `open` allows
  // classes of dtypes and `...`, which a layer file on its own has.
  std::optional<TensorType> input_type(const TensorTypeAst& type,
                                       Frame& frame, bool open);
  // The dtype that a type's text means in `layer`; nothing by mistake.
  std::optional<DType> dtype_of(const TensorTypeAst& type,
                                LayerInstance& layer,
                                const std::string& what);
  // The symbol of a name in a frame, and a size in which names that are no
  // params are symbols.
  Dim symbol_of(const std::string& name, Frame& frame);
  Datum open_size(const ExprAst& expr, Frame& frame);
  // Two sizes that must agree once the dims are bound.
  void add_constraint(const Dim& left, const Dim& right,
                      const Diagnostic& diagnostic);
  Dim assumed_size(const Dim& size) const;
  // Gives params that are left out the sizes of the inputs they stand in.
  void infer_params(LayerInstance& layer, const std::vector<CallArg>& args);
  // Checks an argument against the input's type and binds its dims.
  void bind_input(LayerInstance& layer, const InputDecl& input,
                  const CallArg& arg, Frame& frame, const SourceSpan& call);

  // ---- calls and bodies (call_layer.cpp, run_body.cpp) ----
  // Calls a layer, or the items of a list one after the other.
  Datum call(const Datum& callee, const CallArgs& args);
  Datum call_layer(LayerInstance& layer, const CallArgs& args);
  using Outputs = std::vector<std::pair<std::string, Datum>>;
  Outputs run_body(Frame& frame);
  // What made a value, for messages: a layer's name, and the call.
  using Maker = std::pair<std::string, SourceSpan>;
  void run_statements(const std::vector<StatementAst>& statements,
                      Frame& frame);
  // Appends an op; several results become a list.
  Datum call_op(OpCall call);
  OpArg op_arg(const Datum& datum, const SourceSpan& span);
  // "x is float32[B, 64], made by `up_proj` at model.yaml:9".
  std::string origin_note(const std::string& name, ValueId value);

  // ---- names and expressions (names.cpp, evaluate_expression.cpp) ----
  // Throws L0330 with the nearest name.
  Datum resolve(const ExprAst& name, const Scope& scope);
  // Nothing if the name means nothing here.
  std::optional<Datum> find_name(std::string_view name, const Scope& scope,
                                 const SourceSpan& span);
  Datum field_of(const Datum& base, std::string_view field,
                 const SourceSpan& span);
  std::vector<std::string> visible_names(const Scope& scope);
  Datum evaluate(const ExprAst& expr, const Scope& scope);

  // ---- reporting ----
  void report(const SpecError& error);
  void report(Diagnostic diagnostic);

  const ElaborateInputs& inputs_;
  Diagnostics& diagnostics_;
  Model model_;
  Reports reports_;
  LayerInstance* root_ = nullptr;
  // The layers being built or called, outermost first, and where from.
  struct Active {
    LayerInstance* layer;
    SourceSpan from;
  };
  std::vector<Active> active_;

 private:
  const LayerType* type_of(const SpecFile& spec, std::string name,
                           bool library);
  const LayerType* import_type(const LayerType& importer,
                               const ImportDecl& import);
  const SpecFile* find_in_library(const LayerType& importer,
                                  const std::string& path);
  [[noreturn]] void refuse_ring(const Name& name) const;
  Datum param_value(LayerInstance& layer, const ParamDecl& decl);
  void check_choice_names_param(LayerInstance& layer, const ParamDecl& decl,
                                const Datum& value, const SourceSpan& span);
  Datum inherited(LayerInstance& layer, std::string_view name);
  std::optional<GivenField> from_config(const LayerType& type,
                                        const ParamDecl& decl);
  std::vector<GivenField> preset_fields(const SpecFile& spec);
  std::vector<GivenField> command_line_fields(const LayerType& type);
  std::vector<Datum> bases_of(const Name& name, const Scope& scope);
  Datum with_fields(const Datum& base, const LayerDecl& decl,
                    const Scope& scope);
  int64_t repeat_count(const LayerDecl& decl, const Scope& scope);
  bool is_list(const LayerInstance& layer, const LayerDecl& decl);
  Datum placed(LayerInstance& layer, const std::string& name,
               const LayerDecl& decl, std::vector<Datum> recipes, bool list);
  bool is_consequence(const LayerInstance& layer, const ParamDecl& decl) const;
  void build_afresh(LayerInstance& layer);
  void build_params(LayerInstance& layer);
  void build_weight(LayerInstance& layer, const WeightDecl& decl);
  void note_unsupported(LayerInstance& layer);
  Datum input_default(const InputDecl& input, Frame& frame);
  void bind_inputs(LayerInstance& layer, const std::vector<CallArg>& args,
                   const SourceSpan& call, Frame& frame);
  Datum returned(LayerInstance& layer, Outputs outputs,
                 const SourceSpan& call);

  // ---- copies (copy_layer.cpp) ----
  size_t build_key(LayerInstance& layer);
  LayerInstance* built_alike(LayerInstance& layer, size_t key);
  bool copy_build(LayerInstance& layer, size_t key);
  bool claim_copied(LayerInstance& layer, const std::string& path,
                    WeightSlot& slot);
  void catch_up(LayerInstance& layer, const LayerInstance& twin);
  Outputs run_or_copy(Frame& frame, const SourceSpan& call);
  std::optional<Outputs> copy_call(LayerInstance& layer, const Frame& frame,
                                   const SourceSpan& place);
  bool can_copy(const CallRecording& recording, LayerInstance& layer,
                const Frame& frame) const;
  bool same_index(LayerInstance& a, LayerInstance& b);
  bool finish_recording(CallRecording& recording, const Recorder& recorder);
  bool adds_new_paths(const PartCopier& copier, const ModelExtent& begin,
                      const ModelExtent& end) const;
  void own_paths(LayerInstance& layer, size_t first);
  Maker maker_of(ValueId value) const;
  void note_active();
  void spoil_recordings();
  void run_assign(const AssignAst& assign, Frame& frame);
  void run_loop(const ForAst& loop, Frame& frame);
  void run_branch(const IfAst& branch, Frame& frame);
  Outputs run_in_order(Frame& frame);
  SourceSpan own_place(const SourceSpan& span) const;
  bool is_open() const;
  LayerInstance* make_root(const LayerType& type);
  void run_root();
  void add_graph_input(const InputDecl& input, Frame& frame);
  double default_number(const Datum& value, const InputDecl& input);
  void add_graph_output(const std::string& name, const Datum& value);
  void build_uncalled();
  void check_presets();
  void check_preset_value(const ValueDecl& value);
  void check_tests();
  void list_params();
  void apply_checkpoint_init();
  void report_disagreement();

  std::deque<LayerInstance> instances_;
  std::map<const SpecFile*, std::unique_ptr<LayerType>> types_;
  std::map<std::string, std::unique_ptr<SpecFile>> imported_;
  std::map<std::string, const LayerType*, std::less<>> structs_;  // imported
  std::vector<const SpecFile*> importing_;
  std::unordered_map<const YamlNode*, ExprRef> expressions_;
  std::unordered_map<ValueId, Maker> makers_;
  // By path: the number of the weight, and the replica that it was copied for
  // if no layer in it has it yet.
  struct WeightPath {
    size_t number = 0;
    LayerInstance* replica = nullptr;
  };
  std::unordered_map<std::string, WeightPath> weight_paths_;
  // Layers to copy, by what they are built from.
  std::unordered_map<size_t, std::vector<LayerInstance*>> built_;
  std::vector<Recorder*> recorders_;  // outermost first
  size_t deepest_ = 0;                // that active_ has been meanwhile
  // Of the model's params, in the order of the command line.
  std::map<std::string, std::vector<FieldOverride>, std::less<>>
      field_overrides_;
  std::vector<std::string> resolving_;  // params and values, outermost first
  int64_t iterations_ = 0;
  bool calls_failed_ = false;  // some may not have been made
  std::optional<StoredQuantization> quantization_;  // when first asked for
  friend class ActiveLayer;
  friend class Recorder;
};

// Marks a layer as being built or called while it lives.
class ActiveLayer {
 public:
  ActiveLayer(Elaborator& elaborator, LayerInstance& layer,
              const SourceSpan& from);
  ~ActiveLayer();
  ActiveLayer(const ActiveLayer&) = delete;
  ActiveLayer& operator=(const ActiveLayer&) = delete;

 private:
  Elaborator& elaborator_;
};

}  // namespace lathe
