/* record/action_json.h - an action as the API tells it: the whole object of design 7.
 * Owns: its members. Sentences come from story.h, the path from path.h.
 * Invariants:
 *   R7  a stranger gets `action`, `state` and nothing else.
 *   R9  `response` is copied from the stored bytes: the same at each replay, null once erased.
 *   R13 the permit's token stands only in a view that has it: the creating answer.
 *   1. `who` and `next` are objects or null; every action that has not ended has one of them. */
#pragma once
#include "record/view.h"

void action_json_add(struct buf *out, const struct view *view);
/* The members without the braces, for a problem that has the action inside. */
void action_json_add_members(struct buf *out, const struct view *view);
/* What somebody wrote beside it: `{"by", "at", "note"}`. */
void note_json_add(struct buf *out, const struct view_record *said);
