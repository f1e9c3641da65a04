#pragma once
// Tables of a library's functions: structs whose members have the names and
// types of the library's header, filled from the library when it is loaded.

// The name that a library exports a function by, after the macros with which
// its header renames it.
#define LATHE_SYMBOL_TEXT(name) #name
#define LATHE_SYMBOL_NAME(name) LATHE_SYMBOL_TEXT(name)

// A member of the table. For lists of calls: CALLS(LATHE_CALL_MEMBER).
#define LATHE_CALL_MEMBER(name) decltype(&::name) name = nullptr;

// The same for a function that older libraries export by another name, with the
// same meaning.
#define LATHE_LOAD_RENAMED_CALL(table, title, name, older)                  \
  (table).name =                                                            \
      reinterpret_cast<decltype(&::name)>((table).library->find(older));    \
  if (void* now = (table).library->find(LATHE_SYMBOL_NAME(name))) {         \
    (table).name = reinterpret_cast<decltype(&::name)>(now);                \
  }                                                                         \
  if (!(table).name) {                                                      \
    reason = cat({title, " is too old, it lacks ", older});                 \
    return nullptr;                                                         \
  }

// Fills the member of `table`, whose `library` is loaded, or returns null from
// the function with `reason` saying that `title` is too old.
#define LATHE_LOAD_CALL(table, title, name)                                 \
  (table).name = reinterpret_cast<decltype(&::name)>(                       \
      (table).library->find(LATHE_SYMBOL_NAME(name)));                      \
  if (!(table).name) {                                                      \
    reason = cat({title, " is too old, it lacks ", LATHE_SYMBOL_NAME(name)}); \
    return nullptr;                                                         \
  }
