#pragma once
// The version of the language that `lathe: 1` at the head of a file names.
namespace lathe {

// The only language version this program reads.
int language_version();

}  // namespace lathe
