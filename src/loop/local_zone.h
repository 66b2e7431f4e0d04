/* loop/local_zone.h - local time of the installation's zone, from the system's zone files.
 * Owns: the TZ of the process, which is how libc is told a zone.
 * Invariants:
 *   1. An unknown zone is UTC, and local_zone_set says so. */
#pragma once
#include "record/zone.h"

/* Are its rules on this machine? impl is not used: the shape is that of struct problems. */
bool local_zone_is_known(void *impl, struct slice name);
/* Sets the zone of the process; name as in the configuration. false: unknown, UTC is used. The name
 * must live as long as out_zone. */
bool local_zone_set(struct slice name, struct zone *out_zone);
