#include "loop/local_zone.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"

static int64_t local_zone_offset_ms(void *impl, int64_t unix_ms)
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm local;
    (void)impl;
    if (!localtime_r(&seconds, &local))
        return 0;
    return (int64_t)local.tm_gmtoff * 1000;
}

/* libc takes any text for a zone and means UTC by it, so the file is looked for. */
bool local_zone_is_known(void *impl, struct slice name)
{
    (void)impl;
    char path[LIMIT_NAME * 2 + 32];
    struct buf text;
    buf_init(&text, sizeof path - 1);
    buf_add_text(&text, "/usr/share/zoneinfo/");
    buf_add(&text, name);
    bool is_known = buf_ok(&text) && name.size > 0 && name.at[0] != '/' &&
                    slice_find(name, '.') == name.size && access(buf_text(&text), R_OK) == 0;
    buf_done(&text);
    return is_known || slice_is(name, "UTC");
}

bool local_zone_set(struct slice name, struct zone *out_zone)
{
    char text[LIMIT_NAME * 2];
    bool is_known = name.size < sizeof text && local_zone_is_known(NULL, name);
    if (!is_known)
        name = SLICE("UTC");
    memcpy(text, name.at, name.size);
    text[name.size] = '\0';
    if (setenv("TZ", text, 1) != 0)
        is_known = false;
    tzset();
    *out_zone = (struct zone){.name = name, .utc_offset_ms = local_zone_offset_ms};
    return is_known;
}
