#include "policy/fields.h"

#define X_FIELD(id, name) name,
#define X_MAP(list, table, what_)                                                                  \
    static const char *const fields_names_##table[] = {FIELDS_##list(X_FIELD)};                    \
    const struct fields fields_##table = {what_, fields_names_##table, list##_FIELD_COUNT};
FIELDS_MAPS(X_MAP)
#undef X_FIELD
#undef X_MAP

#define X_MAP(list, table, what) &fields_##table,
const struct fields *const fields_all[] = {FIELDS_MAPS(X_MAP)};
#undef X_MAP
const size_t fields_all_count = sizeof fields_all / sizeof *fields_all;
