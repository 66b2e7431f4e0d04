/* notice/web.c - webhooks, Slack-like webhooks and pagers: one POST through the upstream port. */
#include <stdlib.h>

#include "base/limits.h"
#include "base/uri.h"
#include "notice/send.h"

struct web {
    struct notice_send send;
};

static void web_end(struct web *web, const struct notify_result *result)
{
    notice_end(&web->send, result);
    free(web);
}

/* Broken off by the owner of the upstream port: its done never comes. */
static void web_stop(struct notice_send *send)
{
    struct notify_result result = {.outcome = NOTIFY_LATER};
    web_end((struct web *)(void *)send, &result);
}

/* Seconds only. */
static int64_t web_retry_after_ms(const struct upstream_answer *answer)
{
    uint64_t seconds = 0;
    for (size_t i = 0; i < answer->header_count; i++) {
        struct slice name = answer->headers[i].name;
        if (name.size == 11 && strncasecmp(name.at, "retry-after", 11) == 0 &&
            slice_to_u64(answer->headers[i].value, 86400, &seconds))
            return (int64_t)seconds * 1000;
    }
    return 0;
}

/* What a 4xx or a redirect refuses now it refuses at each try; 408, 425 and 429 say "later". */
static enum notify_outcome web_outcome(const struct upstream_answer *answer)
{
    int status = answer->status;
    if (answer->phase != UPSTREAM_ANSWERED || status >= 500 || status == 408 || status == 425 ||
        status == 429)
        return NOTIFY_LATER;
    return status >= 200 && status < 300 ? NOTIFY_DELIVERED : NOTIFY_NEVER;
}

static void web_done(void *arg, const struct upstream_answer *answer)
{
    struct notify_result result = {.outcome = web_outcome(answer),
                                   .what = answer->what,
                                   .retry_after_ms = web_retry_after_ms(answer)};
    web_end(arg, &result);
}

static enum err web_call(struct web *web, const struct notify_message *message, struct slice url,
                         const struct wire_signature *signature)
{
    struct uri uri;
    struct upstream_header headers[4] = {{SLICE("content-type"), SLICE("application/json")}};
    struct upstream_endpoint endpoint = {.name = message->channel->name,
                                         .tls_ca = message->channel->tls_ca};
    struct upstream_call call = {.endpoint = &endpoint,
                                 .method = SLICE("POST"),
                                 .headers = headers,
                                 .header_count = 1,
                                 .body = buf_slice(&web->send.body),
                                 .timeout_ms = NOTICE_TIMEOUT_MS,
                                 .connect_timeout_ms = NOTICE_TIMEOUT_MS,
                                 .answer_max = LIMIT_NOTICE_ANSWER,
                                 .done = web_done,
                                 .arg = web};
    /* A Slack url is a secret, and no check has seen it. */
    if (!uri_split(url, &uri) || (!uri.is_https && !uri_host_is_loopback(uri.host)))
        return ERR_INVALID;
    uri_split_base(url, &endpoint.base_url, &call.target);
    if (signature) {
        headers[1] = (struct upstream_header){SLICE("webhook-id"), buf_slice(&signature->id)};
        headers[2] =
            (struct upstream_header){SLICE("webhook-timestamp"), buf_slice(&signature->timestamp)};
        headers[3] =
            (struct upstream_header){SLICE("webhook-signature"), buf_slice(&signature->signature)};
        call.header_count = 4;
    }
    const struct upstream_port *upstream = &web->send.notices->upstream;
    return upstream->call(upstream->impl, &call);
}

static enum err web_begin(struct web *web, const struct notify_message *message)
{
    struct slice url = message->channel->url;
    struct wire_signature signature;
    enum err err = ERR_OK;
    wire_signature_init(&signature);
    if (message->channel->kind == CHANNEL_IS_WEBHOOK) {
        wire_webhook_add(&web->send.body, message);
        err = wire_sign(message, buf_slice(&web->send.body), &signature);
    } else if (message->channel->kind == CHANNEL_IS_SLACK) {
        wire_slack_add(&web->send.body, message);
        url = message->secret;
    } else {
        wire_pagerduty_add(&web->send.body, message);
    }
    if (err == ERR_OK)
        err = web_call(web, message, url,
                       message->channel->kind == CHANNEL_IS_WEBHOOK ? &signature : NULL);
    wire_signature_done(&signature);
    return err;
}

enum err notice_web_send(struct notices *notices, const struct notify_message *message)
{
    struct web *web = calloc(1, sizeof *web);
    if (!web)
        return ERR_NO_MEMORY;
    notice_send_init(notices, message, &web->send);
    web->send.stop = web_stop;
    enum err err = web_begin(web, message);
    if (err != ERR_OK) {
        notice_send_drop(&web->send);
        free(web);
    }
    return err;
}
