/* loop/config_files.h - reads a configuration, and the secrets it names, from disk.
 * Owns: which files belong to an installation: the config file, every *.yaml in its policies
 *   folder, the secrets it refers to, and secrets/installation.key beside it.
 * Invariants:
 *   1. Paths in a configuration are relative to the folder of the config file.
 *   2. A file that others may read is no place for a secret: refused, with the command that
 *      mends it.
 *   3. NULL is returned only with a text that says what is wrong. */
#pragma once
#include "loop/loaded.h"

/* The configuration in force from now on. out_text: all problems (also when it is good: warnings).
 */
struct loaded *config_files_load(struct slice config_path, struct buf *out_text);
/* The same from the text that a store keeps (R28: the last good version). Secrets come from disk.
 */
struct loaded *config_files_load_stored(struct slice config_path, struct slice source,
                                        struct buf *out_text);
/* The value of the `store:` line, found without checking the rest; empty = none. */
void config_files_store_line(struct slice config_path, struct buf *out);
/* secrets/installation.key. is_new_store: it is made when it is missing (0600). ERR_DENIED: missing
 * although the store has been used; ERR_INVALID: not a key file; each with a sentence. */
MUST_USE enum err config_files_key(struct slice config_path, bool is_new_store,
                                   unsigned char out_key[32], struct buf *out_message);
/* The folder of the config file, "." if it names none; and a path relative to it. */
void config_files_beside(struct slice config_path, struct slice path, struct buf *out);
