/* cli/curl.h - a curl command line, as people paste it, read as one HTTP request.
 * Owns: the shell's quoting rules and curl's options, as far as a request needs them. Pure.
 * Invariants:
 *   1. Nothing is run or expanded: `$NAME` stays text, so that the caller can make a reference
 *      of it.
 *   2. What would change the request and is not understood is a mistake with its place, never
 *      skipped; what only changes curl's manners (-s, -o, -L …) is skipped.
 *   3. out_command is untouched on false. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"

struct curl_header {
    struct slice name, value;
};
struct curl_command {
    struct slice method, url;
    struct slice body; /* empty = none */
    struct slice user; /* -u USER:PASSWORD, or empty */
    bool is_form;      /* the body is of -d without a JSON content type */
    bool is_insecure;  /* -k */
    size_t header_count;
    struct curl_header headers[LIMIT_HEADERS];
};

/* On false out_mistake has a sentence for people. The slices live in the arena. */
bool curl_parse(struct slice text, struct arena *arena, struct curl_command *out_command,
                struct slice *out_mistake);

/* Is that the name, whatever its case? `lower` is in lower case. */
bool curl_name_is(struct slice name, const char *lower);

enum { CURL_WORDS = 256 };
/* The words of a shell command: quotes, escapes, $'…', line continuations. false: an open quote,
 * too many words, or something that only a shell can do (| ; & < > ` $( ); out_mistake says what.
 */
bool curl_words(struct slice text, struct arena *arena, struct slice out_words[CURL_WORDS],
                size_t *out_count, struct slice *out_mistake);
