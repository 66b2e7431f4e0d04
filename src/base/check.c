#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *text, const char *file, int line)
{
    (void)fprintf(stderr, "bug: %s:%d: %s\n", file, line, text); /* aborts next; nothing to do */
    abort();
}
