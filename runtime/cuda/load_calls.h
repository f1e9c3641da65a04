#pragma once
// Tables of a library's functions: structs whose members have the names and
// types of the library's header, filled from the library when it is loaded.

#include <string>

#include "spec/check.h"
#include "spec/text.h"

// The name that a library exports a function by, after the macros with which
// its header renames it.
#define LATHE_SYMBOL_TEXT(name) #name
#define LATHE_SYMBOL_NAME(name) LATHE_SYMBOL_TEXT(name)

// A member of the table. For lists of calls: CALLS(LATHE_CALL_MEMBER).
#define LATHE_CALL_MEMBER(name) decltype(&::name) name = nullptr;

// Fills the member of `table`, whose `library` is loaded, or returns null from
// the function with `reason` saying that `title` is too old.
#define LATHE_LOAD_CALL(table, title, name) \
  LATHE_LOAD_RENAMED_CALL(table, title, name, LATHE_SYMBOL_NAME(name))

// The same for a function that older libraries export by another name, with the
// same meaning.
#define LATHE_LOAD_RENAMED_CALL(table, title, name, older)                  \
  (table).name = reinterpret_cast<decltype(&::name)>(                       \
      (table).library->find(LATHE_SYMBOL_NAME(name)));                      \
  if (!(table).name) {                                                      \
    (table).name =                                                          \
        reinterpret_cast<decltype(&::name)>((table).library->find(older));  \
  }                                                                         \
  if (!(table).name) {                                                      \
    reason = cat({title, " is too old, it lacks ", older});                 \
    return nullptr;                                                         \
  }

namespace lathe::cuda {

// Throws DeviceError `code`: the function called `call` has failed with what
// `result` says; `place` may say where in the model.
[[noreturn]] inline void call_failed(const char* code, const char* call,
                                     const std::string& place,
                                     const std::string& result) {
  throw DeviceError(code, cat({call, " fails", place.empty() ? "" : " for ",
                               place, " with ", result}));
}

}  // namespace lathe::cuda
