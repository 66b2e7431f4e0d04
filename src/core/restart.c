#include "core/restart.h"

#include <string.h>

#include "base/check.h"

int64_t restart_alone_ms(const struct restart_terms *terms)
{
    if (terms->alone_ms <= 0 || terms->alone_ms_at_open <= 0 || terms->needs_other)
        return 0; /* invariants 4, 5 */
    return terms->alone_ms > terms->alone_ms_at_open ? terms->alone_ms : terms->alone_ms_at_open;
}

int64_t restart_over_unix_ms(const struct restart_request *request,
                             const struct restart_terms *terms)
{
    return request->at_unix_ms + restart_alone_ms(terms) + RESTART_ASKED_MS;
}

static bool restart_is_changed(const struct restart_request *request,
                               const struct restart_terms *terms)
{
    return memcmp(request->digest, terms->digest, RESTART_DIGEST) != 0;
}

bool restart_stands(const struct restart_request *request, const struct restart_terms *terms)
{
    return request->by[0] != '\0' && terms->now_unix_ms < restart_over_unix_ms(request, terms) &&
           !restart_is_changed(request, terms);
}

/* Nobody asks: because of what? */
static enum restart_says restart_says_nobody(const struct restart_request *request)
{
    switch (request->end) {
    case RESTART_END_NONE:
        return RESTART_NOT_ASKED;
    case RESTART_END_REJECTED:
        return RESTART_REJECTED;
    case RESTART_END_WITHDRAWN:
        return RESTART_WITHDRAWN;
    }
    CHECK_UNREACHABLE();
}

enum restart_says restart_decide(const struct restart_request *request,
                                 const struct restart_terms *terms,
                                 const struct restart_voice *voice)
{
    if (request->by[0] == '\0')
        return restart_says_nobody(request);
    if (voice->is_service)
        return RESTART_SERVICE; /* invariant 1 */
    if (!voice->is_member)
        return RESTART_NOT_MEMBER;
    if (terms->now_unix_ms >= restart_over_unix_ms(request, terms))
        return RESTART_OVER;
    if (restart_is_changed(request, terms))
        return RESTART_CHANGED; /* invariant 2 */
    if (!slice_is(voice->person, request->by))
        return RESTART_YES;
    int64_t alone = restart_alone_ms(terms);
    if (alone == 0)
        return RESTART_OWN; /* I11 */
    return terms->now_unix_ms - request->at_unix_ms < alone ? RESTART_OWN_NOT_YET
                                                            : RESTART_YES_ALONE;
}

enum restart_says restart_decide_no(const struct restart_request *request,
                                    const struct restart_terms *terms,
                                    const struct restart_voice *voice)
{
    if (request->by[0] == '\0')
        return restart_says_nobody(request);
    if (voice->is_service)
        return RESTART_SERVICE; /* invariants 1, 5 */
    if (!voice->is_member && !slice_is(voice->person, request->by))
        return RESTART_NOT_MEMBER; /* invariant 5 */
    if (terms->now_unix_ms >= restart_over_unix_ms(request, terms))
        return RESTART_OVER;
    return restart_is_changed(request, terms) ? RESTART_CHANGED : RESTART_YES;
}

void restart_end(struct restart_request *request, struct slice person)
{
    CHECK(request->by[0] != '\0');
    request->end = slice_is(person, request->by) ? RESTART_END_WITHDRAWN : RESTART_END_REJECTED;
    request->by[0] = '\0';
}

const char *restart_says_name(enum restart_says says)
{
    static const char *const names[RESTART_SAYS_COUNT] = {
        [RESTART_NOT_ASKED] = "not_asked",     [RESTART_REJECTED] = "rejected",
        [RESTART_WITHDRAWN] = "withdrawn",     [RESTART_SERVICE] = "service",
        [RESTART_NOT_MEMBER] = "not_entitled", [RESTART_OVER] = "over",
        [RESTART_CHANGED] = "changed",         [RESTART_OWN] = "own",
        [RESTART_OWN_NOT_YET] = "own_not_yet", [RESTART_YES] = "yes",
        [RESTART_YES_ALONE] = "yes_alone"};
    CHECK((unsigned)says < RESTART_SAYS_COUNT);
    return names[says];
}
