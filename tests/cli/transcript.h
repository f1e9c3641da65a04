// Terminal sessions as text: commands and what they print.
//
//   $ lathe nope
//   2> lathe: there is no verb `nope`
//   [2]
//
// A line `$ COMMAND` runs in a shell at the root of the sources, with `lathe`
// on the path and an empty folder as $TMP. Its output follows, then what it
// says on stderr behind `2> `, then the exit status unless it is 0. Lines
// before a command that begin with `# ` are remarks.
#pragma once

#include <string>

namespace lathe {

// The transcript with every command run again. Equal to `text` if all is as it
// was.
std::string replay(const std::string& text);

}  // namespace lathe
