#include "runtime/cli/verbs.h"

#include "spec/suggest.h"
#include "spec/text.h"

namespace lathe {
namespace {

// Verbs of the language's plan that this version lacks.
constexpr std::string_view kLaterVerbs[] = {
    "bench", "fmt", "generate", "import", "new", "schema", "serve",
};

constexpr std::string_view kTargetText =
    "TARGET is a spec (`-` reads one from standard input), or a Hugging Face\n"
    "folder: its config.json chooses a spec of the library.\n";

}  // namespace

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> table = {
      {"run", "TARGET", 1, 1, "run a model on inputs, show or store outputs",
       "Compiles the model (or takes its kernels from the cache), loads the\n"
       "weights, runs once, and prints a summary of every output. Without -o\n"
       "nothing is stored. Without any -i the inputs are random, of sizes "
       "that\n"
       "-d gives. TARGET may be a pack, which `lathe compile` makes.\n",
       run_verb},
      {"check", "TARGET", 1, 1, "find all mistakes, without weights or device",
       "Reads the spec and builds its graph. Prints every mistake at once, in\n"
       "the order of the file. With --weights the checkpoint's names, shapes\n"
       "and types are checked too.\n",
       check_verb},
      {"explain", "TOPIC", 1, 1, "explain a layer type, an op, an error code",
       "TOPIC is a layer type (Linear), one of its fields (Linear.in_dim), a\n"
       "field of any (in_dim), a struct type, an op (softmax, or @), an error\n"
       "code (L0402, or a group: L04), or a spec file. `layers` and `ops` list\n"
       "them.\n",
       explain_verb},
      {"layers", "", 0, 0, "list the layer types",
       "Layer types, struct types and models of the library.\n", layers_verb},
      {"ops", "", 0, 0, "list the ops",
       "Every op is a function of the language by its name.\n", ops_verb},
      {"graph", "TARGET", 1, 1, "show the graph, before or after fusion",
       "--stage spec prints the spec in canonical form, --stage graph one "
       "line\n"
       "an op, --stage fused the kernels and what each computes.\n",
       graph_verb},
      {"kernels", "TARGET [KERNEL]", 1, 2, "print the generated source",
       "Prints the C++ text that is compiled for this machine, with the "
       "places\n"
       "of the spec in comments; one kernel if named.\n",
       kernels_verb},
      {"compile", "TARGET", 1, 1, "compile ahead of time, into a pack",
       "Writes a folder with the compiled model, a pack. `lathe run PACK` then\n"
       "needs no spec, no compiler and no NVRTC, here or on another machine.\n"
       "\n"
       "A pack for a GPU is made on any machine; NVRTC needs no GPU. One for "
       "the\n"
       "CPU runs on CPUs that have all instruction sets of this one. It wants "
       "the\n"
       "version of lathe that made it.\n"
       "\n"
       "Params are fixed, sizes like batch and length stay open. Weights of a\n"
       "checkpoint are not in the pack: it runs with those that it was "
       "compiled\n"
       "for, found at their path or with `run PACK --weights PATH`, unless\n"
       "--with-weights takes them along. Weights that the spec makes up are "
       "made\n"
       "up when it runs. A pack holds code: run only those you trust.\n",
       compile_verb},
      {"compare", "TARGET", 1, 1, "compare node by node with the reference",
       "Runs the model with compiled kernels and with the reference engine on\n"
       "the same inputs, and shows the first value that differs. With\n"
       "--reference, inputs that the file holds are taken from it.\n",
       compare_verb},
      {"inspect", "PATH", 1, 1, "list the tensors of a checkpoint",
       "PATH is a .safetensors file, an index or a folder. --match shows "
       "which of\n"
       "a model's weights the tensors fill, which are missing and which are "
       "not\n"
       "used; --fit adds up what weights and a run take of the memory, for "
       "the\n"
       "sizes that -d gives. What does not fit ends with status 1, or 3 for "
       "memory.\n",
       inspect_verb},
      {"quantize", "SOURCE", 1, 1, "write a checkpoint in a lower precision",
       "SOURCE is a .safetensors file, an index or a Hugging Face folder with\n"
       "float weights. The weights of linear layers are quantised, one after\n"
       "the other; embeddings, norms, lm_head and all else are copied. -o is "
       "a\n"
       "folder, which gets a config.json that says how, or a .safetensors "
       "file;\n"
       "for block types a .gguf file (without the tokenizer). It appears when "
       "all\n"
       "is written, or not at all.\n"
       "\n"
       "FORMAT is one of\n"
       "  fp8:channel      float8 codes, a scale a row (also: fp8)\n"
       "  fp8:tensor       one scale\n"
       "  fp8:block=NxK    a scale a block; 128x128 if left out\n"
       "  gptq:bits=B,group=G\n"
       "                   integers of 4 or 8 bits, a scale for G inputs (-1: "
       "all)\n"
       "  q8_0 q4_0 q4_1 q5_0 q5_1 q2_k q3_k q4_k q5_k q6_k\n"
       "                   blocks of GGUF files\n"
       "and more settings follow after commas: fp8 has `weight-only`, so that\n"
       "activations are not rounded; gptq has `asym`, with zero points.\n",
       quantize_verb},
      {"test", "TARGET", 1, 1, "run the `test:` sections of a file",
       "Each test sets params and inputs and says what the outputs must be.\n",
       test_verb},
      {"cache", "[list|prune|clear]", 0, 1,
       "show or clear the compiled kernels",
       "Kernels are kept by their text, compiler and machine; without them "
       "the\n"
       "next run compiles again. `list` shows them, `prune` removes what was "
       "not\n"
       "used for 30 days or is beyond 1 GiB, `clear` removes all.\n",
       cache_verb},
      {"doctor", "", 0, 0, "say what this machine can do",
       "CPU, compiler, cache folder, memory and threads as lathe sees them.\n",
       doctor_verb},
  };
  return table;
}

const Verb* find_verb(std::string_view name) {
  for (const Verb& verb : verbs()) {
    if (verb.name == name) return &verb;
  }
  return nullptr;
}

void unknown_verb(const std::string& name) {
  for (std::string_view later : kLaterVerbs) {
    if (name != later) continue;
    throw UsageError(cat({"this version of lathe has no verb `", name, "`"}),
                     "`lathe --help` lists what it has");
  }
  if (name.rfind('-', 0) == 0) {
    throw UsageError(cat({"the verb comes first, before ", backquoted(name)}),
                     "lathe VERB TARGET [options]");
  }
  std::vector<std::string> names;
  for (const Verb& verb : verbs()) names.emplace_back(verb.name);
  std::string help = did_you_mean(name, names);
  if (help.empty()) help = "`lathe --help` lists the verbs";
  throw UsageError(cat({"there is no verb ", backquoted(name)}), help);
}

namespace {

constexpr size_t kHelpWidth = 80;
constexpr size_t kOptionColumn = 26;

// Text behind `column`, wrapped.
std::string wrapped(std::string_view text, size_t column) {
  std::string out, line;
  for (const std::string& word : split(text, ' ')) {
    if (!line.empty() && column + line.size() + 1 + word.size() > kHelpWidth) {
      out += line + "\n" + std::string(column, ' ');
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return out + line + "\n";
}

std::string option_line(const OptionRow& row) {
  std::string left = "  ";
  std::string names;
  for (const std::string& name : split(row.names, ',')) {
    names += (names.empty() ? "" : ", ") + name;
  }
  left += names;
  if (!row.value.empty()) left += cat({" ", row.value});
  if (left.size() + 2 > kOptionColumn) {
    left += "\n" + std::string(kOptionColumn, ' ');
  } else {
    left.resize(kOptionColumn, ' ');
  }
  return left + wrapped(row.doc, kOptionColumn);
}

}  // namespace

std::string program_help() {
  std::string out =
      "lathe runs neural networks written as YAML.\n\n"
      "usage: lathe VERB TARGET [options]\n\n"
      "verbs:\n";
  for (const Verb& verb : verbs()) {
    std::string name(verb.name);
    name.resize(10, ' ');
    out += cat({"  ", name, verb.summary, "\n"});
  }
  return out + "\n" + std::string(kTargetText) +
         "\n`lathe VERB --help` tells more, `lathe --version` the version.\n"
         "Exit status: 0 done, 1 the spec or the data is wrong, 2 usage,\n"
         "3 the machine cannot, 4 a bug in lathe.\n";
}

std::string verb_help(const Verb& verb) {
  const std::string operands =
      verb.operands.empty() ? "" : cat({" ", verb.operands});
  std::string out = cat(
      {"usage: lathe ", verb.name, operands, " [options]\n\n", verb.details});
  if (verb.operands.find("TARGET") != std::string_view::npos) {
    out += kTargetText;
  }
  std::string own, common;
  for (const OptionRow& row : option_rows()) {
    if (!takes(verb.name, row)) continue;
    (row.verbs.empty() ? common : own) += option_line(row);
  }
  if (!own.empty()) out += "\noptions:\n" + own;
  return out + "\noptions of every verb:\n" + common;
}

}  // namespace lathe
