#include "record/wording.h"

#include "base/check.h"

const struct wording_verb *wording_verb_of(const struct step *step)
{
    static const struct wording_verb verbs[KIND_COUNT] = {
        [KIND_LOOKUP] = {"answered", "ask", "being asked"},
        [KIND_LLM] = {"answered", "ask", "being asked"},
        [KIND_EMAIL] = {"sent", "send", "being sent"},
        [KIND_MESSAGE] = {"sent", "send", "being sent"},
        [KIND_PAYMENT] = {"charged", "charge", "being charged"},
        [KIND_TICKET] = {"changed", "change", "being changed"},
        [KIND_RECORD] = {"changed", "change", "being changed"},
        [KIND_WEBHOOK] = {"delivered", "deliver", "being delivered"},
        [KIND_COMMAND] = {"carried out", "carry out", "being carried out"},
    };
    static const struct wording_verb unknown = {"done", "do", "being done"};
    if (!step || (unsigned)step->kind >= KIND_COUNT)
        return &unknown;
    return &verbs[step->kind];
}

/* Characters that move, hide or reorder what stands beside them on a line. */
static bool wording_is_unsafe(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x61c || code == 0x200e ||
           code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

void wording_add_line(struct buf *out, struct slice text, size_t max)
{
    size_t start = out->size;
    while (text.size > 0) {
        uint32_t code = 0;
        size_t size = text_utf8_decode(text, &code);
        struct slice piece = slice_first(text, size);
        if (size == 0) {
            piece = SLICE("\xef\xbf\xbd");
            size = 1;
        } else if (wording_is_unsafe(code)) {
            piece = SLICE(" ");
        }
        if (out->size - start + piece.size > max) {
            buf_add_text(out, "\xe2\x80\xa6");
            return;
        }
        buf_add(out, piece);
        text = slice_from(text, size);
    }
}

void wording_add_quoted(struct buf *out, struct slice text, size_t max)
{
    buf_add_byte(out, '"');
    wording_add_line(out, text, max);
    buf_add_byte(out, '"');
}

static bool wording_is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("_-.:/@%+=,", c) != NULL);
}

void wording_add_shell(struct buf *out, struct slice text)
{
    size_t plain = 0;
    while (plain < text.size && wording_is_plain(text.at[plain]))
        plain++;
    if (text.size > 0 && plain == text.size && text.at[0] != '-') {
        buf_add(out, text);
        return;
    }
    buf_add_byte(out, '\'');
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] == '\'')
            buf_add_text(out, "'\\''");
        else
            buf_add_byte(out, text.at[i]);
    }
    buf_add_byte(out, '\'');
}

void wording_capital(struct buf *out, size_t from)
{
    if (from < out->size && out->at[from] >= 'a' && out->at[from] <= 'z')
        out->at[from] = (char)(out->at[from] - 'a' + 'A');
}

bool wording_add_place(struct buf *out, const struct origin *origin)
{
    if (!origin || origin->kind != ORIGIN_FILE)
        return false;
    struct slice file = origin->file;
    for (size_t slash; (slash = slice_find(file, '/')) < file.size;)
        file = slice_from(file, slash + 1);
    wording_add_line(out, file, LIMIT_SUMMARY);
    buf_add_fmt(out, ":%d", origin->line);
    return true;
}

void wording_add_origin(struct buf *out, const struct origin *first, const struct origin *second)
{
    size_t start = out->size;
    buf_add_text(out, " (");
    if (wording_add_place(out, first) || wording_add_place(out, second))
        buf_add_byte(out, ')');
    else
        buf_cut(out, start);
}

const char *wording_of_reason(enum reason reason)
{
    static const char *const words[REASON_COUNT] = {
        [REASON_NONE] = "the gate said go",
        [REASON_STATUS] = "what its answer means",
        [REASON_STATUS_DECLARED] = "what the policy says that this answer means",
        [REASON_SUCCESS_TRUE] = "the policy's `success` holds",
        [REASON_SUCCESS_FALSE] = "the answer is not what the policy's `success` asks for",
        [REASON_SUCCESS_ERROR] = "the policy's `success` cannot be told from this answer",
        [REASON_FAILURE_TRUE] = "the policy's `failure` holds",
        [REASON_NO_CONNECTION] = "no connection",
        [REASON_CERTIFICATE] = "its certificate does not verify",
        [REASON_WITHHELD] = "it was called back before a byte had left",
        [REASON_NO_ANSWER] = "the connection ended before an answer",
        [REASON_TIMEOUT] = "no answer in time",
        [REASON_CRASH] = "interlock ended while it was under way",
        [REASON_LEASE] = "its lease ran out without a report",
        [REASON_NOT_BEGUN] = "its permit was not used in time",
        [REASON_REPORTED] = "the caller reported it",
        [REASON_CONFLICT_409] =
            "a conflict after a try that may have happened says nothing about it",
        [REASON_HINT] = "the upstream asks not to try again",
        [REASON_ATTEMPTS_SPENT] = "all its tries are used",
        [REASON_WITHIN_OVER] = "its time for tries is over",
        [REASON_NO_TOKEN] =
            "the retry budget of this upstream is empty: ten actions that go well earn a "
            "retry, and it starts empty after a crash",
        [REASON_NO_ROOM] = "as many calls as are allowed are under way",
        [REASON_ORDER] = "an older action of the same thing has not ended",
        [REASON_OVERTAKEN] = "a newer action of the same thing has started meanwhile",
        [REASON_SUPERSEDED] = "a newer action of the same thing took its place",
        [REASON_RETRY_AFTER] = "the upstream asks to wait longer than a minute",
        [REASON_UPSTREAM_DOWN] = "the upstream does not answer",
        [REASON_NO_IDEMPOTENCY] = "the upstream cannot recognise a repeat",
        [REASON_KEEPS_OVER] = "the upstream may have forgotten the key by now",
        [REASON_OBSERVE] = "mode observe tries once, as before interlock",
        [REASON_RELEASES_SPENT] = "it has left the safe queue too often",
        [REASON_STOP] = "stopped",
        [REASON_ON_FALLBACK] = "the switch is on fallback: nothing goes by itself",
        [REASON_ON_REVIEW] = "the switch is on review: a person approves each one",
        [REASON_ON_CAUTION] =
            "the switch is on caution: what is unsure, and a fifth of the rest, goes to people",
        [REASON_RULE] = "a rule",
        [REASON_LOW_CONFIDENCE] = "the confidence is too low",
        [REASON_MODE_REVIEW] = "mode review: a person approves each one",
        [REASON_STALE] = "its facts may be old",
        [REASON_UNDECIDABLE] = "a rule cannot be told",
        [REASON_RENDER] = "the request cannot be made from this input",
        [REASON_HOLD_ENDED] = "the time in the safe queue has run out",
        [REASON_PERSON] = "a person said so",
        [REASON_PERSON_BY_HAND] = "a person did it by hand",
        [REASON_QUARANTINE] = "interlock could not work on it twice",
        [REASON_LATE] = "its answer came late",
        [REASON_RETIRED] = "its policy was retired",
        [REASON_BY_CHECK] = "the check says that it happened",
        [REASON_CHECK_SAYS_NOT] = "the check says that it did not happen",
        [REASON_CHECK_CANNOT_TELL] = "the check could not tell",
        [REASON_FACT] = "its facts may be old: fresh ones are read first",
        [REASON_FALLBACK] = "its fallback goes on",
        [REASON_TEMPLATE] = "a template of the policy is the answer",
        [REASON_PAST_DUE] = "nobody decided by its due time",
    };
    CHECK((unsigned)reason < REASON_COUNT && words[reason] != NULL);
    return words[reason];
}

const char *wording_of_attempt(enum reason reason)
{
    static const char *const words[REASON_COUNT] = {
        [REASON_NO_CONNECTION] = "could not connect",
        [REASON_CERTIFICATE] = "its certificate does not verify",
        [REASON_WITHHELD] = "called back before a byte had left",
        [REASON_NO_ANSWER] = "the connection ended without an answer",
        [REASON_TIMEOUT] = "no answer",
        [REASON_CRASH] = "interlock ended before the answer",
        [REASON_LEASE] = "no report came",
        [REASON_NOT_BEGUN] = "its permit was not used",
    };
    CHECK((unsigned)reason < REASON_COUNT);
    return words[reason] ? words[reason] : wording_of_reason(reason);
}

const char *wording_of_state(enum action_state state)
{
    static const char *const words[STATE_COUNT] = {
        [STATE_UNCERTAIN] = "uncertain",
        [STATE_ATTEMPTING] = "under way",
        [STATE_WAITING] = "waits for another try",
        [STATE_IN_REVIEW] = "in review",
        [STATE_HELD] = "held",
        [STATE_DONE] = "done",
        [STATE_FAILED] = "failed",
        [STATE_REJECTED] = "rejected",
        [STATE_EXPIRED] = "expired",
        [STATE_CANCELLED] = "cancelled",
    };
    CHECK((unsigned)state < STATE_COUNT);
    return words[state];
}

const char *wording_of_says(enum says says, const struct wording_verb *verb)
{
    switch (says) {
    case SAYS_NOTE:
    case SAYS_GO:
        return verb->act;
    case SAYS_REVIEW:
        return "ask";
    case SAYS_FALLBACK:
        return "fall back";
    case SAYS_HOLD:
        return "hold";
    case SAYS_REFUSE:
        return "refuse";
    case SAYS_REJECT:
        return "reject";
    case SAYS_COUNT:
        break;
    }
    CHECK_UNREACHABLE();
}
