#include "interpreter/bind_weights.h"

namespace lathe {

void bind_weights(Model&, const ElaborateInputs&, Diagnostics&) {}

}  // namespace lathe
