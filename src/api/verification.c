#include "api/verification.h"

#include "api/handlers.h"
#include "api/parameter.h"
#include "api/reply.h"
#include "base/limits.h"
#include "base/text.h"
#include "record/member.h"

static const char verification_cursor[] = "v_";

static void verification_drop(struct verification *run)
{
    verify_free(run->verify);
    *run = (struct verification){0};
}

void verifications_done(struct verifications *verifications)
{
    for (size_t i = 0; i < VERIFICATION_RUNS; i++)
        verification_drop(&verifications->runs[i]);
}

static struct verification *verification_begin(struct call *call,
                                               const struct verify_options *options)
{
    struct verifications *all = call->verifications;
    struct verification *run = &all->runs[0];
    for (size_t i = 1; i < VERIFICATION_RUNS; i++)
        if (all->runs[i].turn < run->turn)
            run = &all->runs[i]; /* a free one has turn 0 */
    verification_drop(run);
    call->engine->random(call->engine->impl, &run->id, sizeof run->id);
    run->verify = verify_new(call->engine->store(call->engine->impl), options);
    return run->verify ? run : NULL;
}

static struct verification *verification_find(struct call *call, struct slice cursor)
{
    uint64_t id;
    if (!text_parse_id(cursor, verification_cursor, &id))
        return NULL;
    for (size_t i = 0; i < VERIFICATION_RUNS; i++)
        if (call->verifications->runs[i].verify && call->verifications->runs[i].id == id)
            return &call->verifications->runs[i];
    return NULL;
}

/* The report with its words, or where to go on. */
static void verification_reply(struct call *call, struct verification *run, bool is_done)
{
    struct buf out, text;
    buf_init(&out, LIMIT_HTTP_ANSWER);
    buf_init(&text, LIMIT_HTTP_ANSWER);
    if (is_done) {
        verify_text_add(&text, run->verify);
        verify_json_add(&out, run->verify);
        buf_cut(&out, out.size - 1); /* its closing brace: two more members */
        member_add_text(&out, "text", buf_slice(&text));
        member_add_word(&out, "next", NULL);
    } else {
        buf_add_byte(&out, '{');
        member_add_bool(&out, "good", true); /* so far */
        member_add_id(&out, "next", verification_cursor, run->id);
    }
    buf_add_byte(&out, '}');
    if (is_done)
        verification_drop(run);
    reply_json(call, 200, &out);
    buf_done(&text);
    buf_done(&out);
}

static void verification_step(struct call *call, struct verification *run)
{
    bool is_done = false;
    enum err err = ERR_OK;
    run->turn = ++call->verifications->turn;
    for (int i = 0; i < VERIFICATION_STEPS && err == ERR_OK && !is_done; i++)
        err = verify_step(run->verify, &is_done);
    if (err == ERR_OK) {
        verification_reply(call, run, is_done);
        return;
    }
    verification_drop(run);
    reply_err(call, err);
}

/* `head` is one that an earlier report named; the store must still have it. */
void verification_get(struct call *call)
{
    struct slice cursor = {0}, head = {0};
    const struct parameter fields[] = {{"cursor", &cursor}, {"head", &head}};
    struct verify_options options = {0};
    options.config = call->engine->config;
    options.impl = call->engine->impl;
    if (!parameter_read(call, fields, 2))
        return;
    if (head.at && !verify_parse_head(head, &options)) {
        (void)parameter_refuse(call, "head", "SEQ:HASH, as a report says it"); /* answered */
        return;
    }
    struct verification *run =
        cursor.at ? verification_find(call, cursor) : verification_begin(call, &options);
    if (run)
        verification_step(call, run);
    else if (cursor.at)
        reply_refuse(call, TROUBLE_NOT_FOUND,
                     "no proof with this cursor is under way: it ended, or others took its place "
                     "(%d at once); begin anew without a cursor",
                     VERIFICATION_RUNS);
    else
        reply_err(call, ERR_NO_MEMORY);
}
