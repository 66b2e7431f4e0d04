/* loop/local_zone.h - local time of the installation's zone, from the system's zone files.
 * Owns: the TZ of the process, which is how libc is told a zone.
 * Invariants:
 *   1. An unknown zone is UTC, and local_zone_set says so. */
#pragma once
#include "record/zone.h"

/* Sets the zone of the process; name as in the configuration. false: unknown, UTC is used. The name
 * must live as long as out_zone. */
bool local_zone_set(struct slice name, struct zone *out_zone);
