/* api/plans.c - the plan of a workflow, and a name under it. */
#include "api/body.h"
#include "api/handlers.h"
#include "api/parameter.h"
#include "api/reply.h"
#include "record/member.h"
#include "record/plan.h"

struct plans_body {
    struct slice facts;
};
static const struct body_field plans_fields[] = {
    {.name = "facts",
     .type = BODY_TEXT,
     .is_required = true,
     .size_max = 2 * DIGEST_SIZE,
     .at = offsetof(struct plans_body, facts)},
};

static void plans_add_json(struct buf *out, struct slice text, const unsigned char *facts,
                           const struct plan_signature *signature)
{
    struct buf hex;
    buf_init(&hex, 4 * DIGEST_SIZE);
    text_add_hex(&hex, slice_of(facts, DIGEST_SIZE));
    buf_add_byte(out, '{');
    member_add_text(out, "text", text);
    member_add_text(out, "facts", buf_slice(&hex));
    member_add_bool(out, "is_signed",
                    signature && memcmp(signature->facts, facts, DIGEST_SIZE) == 0);
    buf_reset(&hex);
    if (signature)
        text_add_hex(&hex, slice_of(signature->facts, DIGEST_SIZE));
    member_add_text(out, "signed_facts", buf_slice(&hex));
    member_add_text(out, "signed_by", signature ? signature->by : (struct slice){0});
    member_add_time(out, "signed_at", signature ? signature->at_unix_ms : 0);
    buf_add_byte(out, '}');
    buf_done(&hex);
}

static void plans_reply(struct call *call, bool is_text)
{
    const struct engine_port *engine = call->engine;
    struct plan_signature signature = {0};
    unsigned char facts[DIGEST_SIZE];
    struct buf text, out;
    enum err err = engine->plan_signature(engine->impl, call->workflow, &call->arena, &signature);
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        reply_err(call, err);
        return;
    }
    const struct plan_signature *found = err == ERR_OK ? &signature : NULL;
    buf_init(&text, LIMIT_HTTP_ANSWER);
    buf_init(&out, LIMIT_HTTP_ANSWER);
    plan_text_add(&text, call->config, call->workflow);
    plan_facts(call->config, call->workflow, facts);
    if (is_text) {
        plan_signed_add(&text, call->config, found, facts, engine->zone(engine->impl));
        reply_text(call, 200, &text);
    } else {
        plans_add_json(&out, buf_slice(&text), facts, found);
        reply_json(call, 200, &out);
    }
    buf_done(&out);
    buf_done(&text);
}

void plans_get(struct call *call)
{
    bool is_text = false;
    if (parameter_format(call, NULL, 0, &is_text))
        plans_reply(call, is_text);
}

static void plans_taken(struct call *call, const struct engine_reply *reply)
{
    (void)reply;
    plans_reply(call, false);
}

/* By a person, and only to the facts that they saw. */
void plans_sign(struct call *call)
{
    struct plans_body body = {0};
    unsigned char seen[DIGEST_SIZE], facts[DIGEST_SIZE];
    if (!body_read(call, plans_fields, 1, &body))
        return;
    if (!text_parse_hex(body.facts, seen, DIGEST_SIZE)) {
        reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                              .pointer = SLICE("/facts"),
                                              .detail = SLICE("\"facts\" is the digest that the "
                                                              "plan has: 64 hex digits")});
        return;
    }
    plan_facts(call->config, call->workflow, facts);
    if (memcmp(seen, facts, DIGEST_SIZE) != 0)
        reply_refuse(call, TROUBLE_NOT_NOW,
                     "the plan in force is another one: look at it, then sign that");
    else
        call->engine->plan_sign(call->engine->impl, &call->principal, call->workflow,
                                reply_when_taken(call, plans_taken), call);
}
