#include "base/err.h"

#include "base/check.h"

const char *err_text(enum err err)
{
    static const char *const texts[] = {
#define X(name, text) text,
        ERR_LIST(X)
#undef X
    };
    CHECK((unsigned)err < ERR_COUNT);
    return texts[err];
}
