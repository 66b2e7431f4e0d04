/* record/member.h - the members of a JSON object, written one behind the other.
 * Owns: commas, quotes, null for what is not there. */
#pragma once
#include "base/text.h"

/* `,"name":` - or without the comma after a brace. */
void member_add_name(struct buf *out, const char *name);
/* Text; empty is null. */
void member_add_text(struct buf *out, const char *name, struct slice text);
void member_add_word(struct buf *out, const char *name, const char *word); /* NULL = null */
void member_add_bool(struct buf *out, const char *name, bool value);
void member_add_u64(struct buf *out, const char *name, uint64_t value);
/* RFC 3339; 0 = null. */
void member_add_time(struct buf *out, const char *name, int64_t unix_ms);
/* 0 = null. */
void member_add_id(struct buf *out, const char *name, const char *prefix, uint64_t id);
/* JSON as it is; empty = null. */
void member_add_raw(struct buf *out, const char *name, struct slice json);
