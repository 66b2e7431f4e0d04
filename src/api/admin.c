#include "api/body.h"
#include "api/handlers.h"
#include "api/parameter.h"
#include "api/principal.h"
#include "api/reply.h"
#include "base/limits.h"
#include "base/text.h"
#include "record/digest.h"
#include "record/ids.h"
#include "record/member.h"

enum { ADMIN_ID_BYTES = 8 };

struct admin_body {
    struct slice name, path;
};

/* The first 16 hex digits of a hash: how policies and tokens are named. */
static void admin_add_hex(struct buf *out, const char *name, const unsigned char *hash)
{
    member_add_name(out, name);
    buf_add_byte(out, '"');
    text_add_hex(out, slice_of(hash, ADMIN_ID_BYTES));
    buf_add_byte(out, '"');
}

static void admin_reload_done(void *arg, const struct engine_reply *reply)
{
    struct call *call = arg;
    call_enter(call);
    if (reply->outcome == ENGINE_BAD_INPUT) {
        reply_trouble(call, &(struct trouble){.code = TROUBLE_NO_POLICY, .detail = reply->detail});
    } else if (reply->outcome != ENGINE_TAKEN) {
        reply_refusal(call, reply);
    } else {
        const struct config *config = call->engine->config(call->engine->impl);
        struct buf out;
        reply_begin_object(&out);
        admin_add_hex(&out, "policy", config->version);
        member_add_text(&out, "warnings", reply->detail);
        reply_object(call, 200, &out);
    }
    call_leave(call);
}

/* All or nothing (R28): what is wrong is in the answer, and the old configuration stays. */
void admin_reload(struct call *call)
{
    if (!parameter_read(call, NULL, 0) || !body_read(call, NULL, 0, NULL))
        return;
    call->engine->reload(call->engine->impl, &call->principal, admin_reload_done, call);
}

static void admin_backup_done(void *arg, const struct engine_reply *reply)
{
    struct call *call = arg;
    call_enter(call);
    if (reply->outcome == ENGINE_BAD_INPUT) {
        reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                              .pointer = SLICE("/path"),
                                              .detail = reply->detail});
    } else if (reply->outcome != ENGINE_TAKEN) {
        reply_refusal(call, reply);
    } else {
        struct buf out;
        reply_begin_object(&out);
        member_add_text(&out, "path", call->text);
        reply_object(call, 200, &out);
    }
    call_leave(call);
}

void admin_backup(struct call *call)
{
    static const struct body_field fields[] = {
        {.name = "path",
         .type = BODY_TEXT,
         .is_required = true,
         .size_max = LIMIT_REASON,
         .at = offsetof(struct admin_body, path)},
    };
    struct admin_body body = {0};
    if (!parameter_read(call, NULL, 0) || !body_read(call, fields, 1, &body))
        return;
    if (body.path.size == 0 || body.path.at[0] != '/') {
        reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                              .pointer = SLICE("/path"),
                                              .detail = SLICE("\"path\" must begin with \"/\": "
                                                              "it is a file of the machine that "
                                                              "interlock runs on")});
        return;
    }
    call->text = body.path;
    call->engine->backup(call->engine->impl, &call->principal, body.path, admin_backup_done, call);
}

static void admin_erased(struct call *call, const struct engine_reply *reply)
{
    struct buf out;
    reply_begin_object(&out);
    member_add_id(&out, "action", ID_ACTION, reply->view->action->id);
    member_add_word(&out, "state", state_name(reply->view->action->state));
    member_add_time(&out, "erased_at", reply->view->erased_unix_ms);
    reply_object(call, 200, &out);
}

/* R24: what was said of an ended action goes for good; that it was, and how it ended, stays. */
void admin_erase(struct call *call)
{
    static const struct body_field fields[] = {
        {.name = "action",
         .type = BODY_TEXT,
         .is_required = true,
         .size_max = LIMIT_NAME,
         .at = offsetof(struct admin_body, name)},
        {.name = "reason",
         .type = BODY_TEXT,
         .is_required = true,
         .size_max = LIMIT_REASON,
         .at = offsetof(struct admin_body, path)},
    };
    struct admin_body body = {0};
    uint64_t id = 0;
    if (!parameter_read(call, NULL, 0) || !body_read(call, fields, 2, &body))
        return;
    if (!text_parse_id(body.name, ID_ACTION, &id) || body.path.size == 0) {
        bool is_reason = body.path.size == 0;
        reply_trouble(
            call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                    .pointer = is_reason ? SLICE("/reason") : SLICE("/action"),
                                    .detail = is_reason ? SLICE("\"reason\" must say why")
                                                        : SLICE("\"action\" must be an id: a_…")});
        return;
    }
    call->engine->act(call->engine->impl,
                      &(struct engine_call){.act = ENGINE_ERASE,
                                            .principal = &call->principal,
                                            .action = id,
                                            .reason = body.path,
                                            .done = reply_when_taken(call, admin_erased),
                                            .arg = call});
}

/* The one answer that ever shows the token. */
static void admin_token_made(struct call *call, const struct engine_reply *reply)
{
    (void)reply;
    unsigned char hash[DIGEST_SIZE];
    digest_bytes(call->text, hash);
    struct buf out;
    reply_begin_object(&out);
    admin_add_hex(&out, "id", hash);
    member_add_text(&out, "name", call->name);
    member_add_text(&out, "token", call->text);
    buf_add_byte(&out, '}');
    call_add_header(call, "Cache-Control", SLICE("no-store"));
    reply_json(call, 201, &out);
    buf_done(&out);
}

void admin_tokens_post(struct call *call)
{
    static const struct body_field fields[] = {
        {.name = "name",
         .type = BODY_NAME,
         .is_required = true,
         .at = offsetof(struct admin_body, name)},
    };
    struct admin_body body = {0};
    struct principal owner;
    if (!parameter_read(call, NULL, 0) || !body_read(call, fields, 1, &body))
        return;
    if (!principal_by_name(call->config, body.name, &owner)) {
        reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                              .pointer = SLICE("/name"),
                                              .detail = SLICE("\"name\" must be one of `people` or "
                                                              "`services` of the "
                                                              "configuration")});
        return;
    }
    unsigned char random[PRINCIPAL_TOKEN_BYTES], hash[DIGEST_SIZE];
    struct buf token;
    buf_init(&token, PRINCIPAL_TOKEN_MAX);
    call->engine->random(call->engine->impl, random, sizeof random);
    principal_add_token(random, &token);
    digest_bytes(buf_slice(&token), hash);
    call->text = call_copy(call, buf_slice(&token));
    call->name = call_copy(call, owner.name);
    buf_done(&token);
    call->engine->token_put(call->engine->impl, &call->principal, call->name, hash,
                            reply_when_taken(call, admin_token_made), call);
}

static void admin_token_revoked(struct call *call, const struct engine_reply *reply)
{
    (void)reply;
    struct buf out;
    reply_begin_object(&out);
    member_add_text(&out, "id", call->parameters[0]);
    member_add_bool(&out, "revoked", true);
    reply_object(call, 200, &out);
}

void admin_tokens_revoke(struct call *call)
{
    unsigned char id[ADMIN_ID_BYTES];
    if (!parameter_read(call, NULL, 0) || !body_read(call, NULL, 0, NULL))
        return;
    if (!text_parse_hex(call->parameters[0], id, sizeof id)) {
        reply_refuse(call, TROUBLE_BAD_ID,
                     "the id of a token is 16 hex digits, as GET /v1/admin/tokens shows it");
        return;
    }
    call->engine->token_revoke(call->engine->impl, &call->principal, call->parameters[0],
                               reply_when_taken(call, admin_token_revoked), call);
}

void admin_tokens_list(struct call *call)
{
    if (!parameter_read(call, NULL, 0))
        return;
    size_t count = LIMIT_TOKENS;
    struct engine_token *tokens = ARENA_ARRAY(&call->arena, count, struct engine_token);
    enum err err = tokens ? call->engine->tokens(call->engine->impl, &call->arena, tokens, &count)
                          : ERR_NO_MEMORY;
    if (err != ERR_OK) {
        reply_err(call, err);
        return;
    }
    struct buf out;
    reply_begin_list(&out);
    for (size_t i = 0; i < count; i++) {
        buf_add_text(&out, i ? ",{" : "{");
        member_add_text(&out, "id", tokens[i].id);
        member_add_text(&out, "name", tokens[i].name);
        member_add_text(&out, "made_by", tokens[i].made_by);
        member_add_time(&out, "made_at", tokens[i].made_unix_ms);
        buf_add_byte(&out, '}');
    }
    reply_list(call, (struct slice){0}, &out);
}
