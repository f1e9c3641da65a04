#pragma once
// The name that a library exports a function by, after the macros with which
// its header renames it.

#define LATHE_SYMBOL_TEXT(name) #name
#define LATHE_SYMBOL_NAME(name) LATHE_SYMBOL_TEXT(name)
