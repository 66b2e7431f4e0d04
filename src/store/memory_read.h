/* store/memory_read.h - the reads of a memory store.
 * Owns: nothing; copies from struct memory_data into the caller's arena. */
#pragma once
#include "store/memory_data.h"

/* Sets the read functions of the port. Its impl must begin with the struct memory_data. */
void memory_read_fill(struct store_port *port);
