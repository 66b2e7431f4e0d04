/* base/check.h - stops the program, with a reason, at a bug of our own.
 * Owns: the difference between a bug (CHECK, on in release too) and an error that can happen
 *   (enum err).
 * Invariants:
 *   1. CHECK never guards against bytes from outside: those get an enum err or a struct problem.
 *   2. The condition has no side effect. */
#pragma once

#define CHECK(condition) ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))
#define CHECK_UNREACHABLE() check_failed("unreachable", __FILE__, __LINE__)

/* Prints "bug: FILE:LINE: TEXT" to standard error and aborts. */
_Noreturn void check_failed(const char *text, const char *file, int line);
