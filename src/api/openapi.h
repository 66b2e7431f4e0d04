/* api/openapi.h - the OpenAPI file, built into the binary.
 * Owns: nothing; the source is docs/openapi.json. */
#pragma once
#include "base/slice.h"

struct slice openapi_text(void);
