/* api/principal.h - who calls: from a bearer token to a person or a service of the configuration.
 * Owns: the spelling of tokens, and the step from a token to a name to a principal.
 * Invariants:
 *   1. A token is looked up by its SHA-256 only: nothing compares secret bytes, so time tells
 *      nothing about them, and the token itself is not kept.
 *   2. A name that the configuration in force does not have is nobody (R20): a removed person's
 *      token is void at once. */
#pragma once
#include "base/buf.h"
#include "port/engine.h"

enum { PRINCIPAL_TOKEN_BYTES = 32, PRINCIPAL_TOKEN_MAX = 64 };

enum principal_found { PRINCIPAL_UNKNOWN_TOKEN, PRINCIPAL_REMOVED, PRINCIPAL_FOUND };

/* The principal of a token. PRINCIPAL_REMOVED: *out_name says whose it was. */
enum principal_found principal_by_token(const struct engine_port *engine, struct slice token,
                                        struct slice *out_name, struct principal *out_principal);
/* By name, in this configuration. */
bool principal_by_name(const struct config *config, struct slice name,
                       struct principal *out_principal);
/* A new token from 32 random bytes: "ilk_" and base32. Its hash is what is stored. */
void principal_add_token(const unsigned char random[PRINCIPAL_TOKEN_BYTES], struct buf *out);
