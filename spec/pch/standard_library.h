// What nearly every file includes of the standard library, parsed once for each
// target: a sixth of the time that a build takes. Files still include what they
// use, so that they compile without it (-Db_pch=false).
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>
