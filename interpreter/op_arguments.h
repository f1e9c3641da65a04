#pragma once
// Calls of ops: which argument belongs to which parameter, and whether it is
// of the parameter's kind.

#include <string>
#include <vector>

#include "interpreter/op.h"

namespace lathe {

// The call's arguments in the order of the signature's parameters, defaults
// filled in; monostate for optional ones left out. Throws SpecError L0320.
std::vector<OpArg> bind_arguments(const OpSignature& signature,
                                  const OpCall& call);

// As it would be written: "-1", "[2, 3]", "'tanh'", "none".
std::string to_string(const OpArg& arg);

// For messages: "the number 0.5", "the text 'last'", "a tensor".
std::string describe(const OpArg& arg);

}  // namespace lathe
