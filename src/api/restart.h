/* api/restart.h - how an incident comes back, in its answer.
 * Owns: the member `restart` of an incident; what incidents.c and restart.c share. */
#pragma once
#include "api/call.h"

/* The member "restart" of an incident: asked, approved, its ramp; or null. */
void restart_add(struct call *call, uint64_t incident, struct buf *out);
/* The whole incident as the answer. */
void incidents_reply(struct call *call, int status, uint64_t id);
/* false: closed, and told. */
bool incidents_is_open(struct call *call);
