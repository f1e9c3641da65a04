#include "runtime/fault_error.h"

#include "interpreter/index_fault.h"
#include "spec/check.h"
#include "spec/diagnostic.h"

namespace lathe {

void fail_with_fault(const Step& step, const Fault& fault) {
  LATHE_CHECK(fault.site >= 0 &&
                  fault.site < static_cast<int64_t>(step.faults.size()),
              "fault site ", fault.site, " of step ", step.what);
  const FaultSite& site = step.faults[static_cast<size_t>(fault.site)];
  std::vector<std::string> notes;
  if (!site.path.empty()) notes.push_back(cat({"in: ", site.path}));
  fail("L0801", site.span,
       index_fault_text(site.op, site.writes, fault.value, fault.extent,
                        fault.position),
       "", std::move(notes));
}

}  // namespace lathe
