#include "notice/notice.h"

#include "notice/send.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"

enum err notices_new(uv_loop_t *loop, struct upstream_port upstream, struct notices **out_notices)
{
    struct notices *notices = calloc(1, sizeof *notices);
    if (!notices)
        return ERR_NO_MEMORY;
    notices->loop = loop;
    notices->upstream = upstream;
    list_init(&notices->sends);
    *out_notices = notices;
    return ERR_OK;
}

void notice_send_init(struct notices *notices, const struct notify_message *message,
                      struct notice_send *send)
{
    send->notices = notices;
    send->done = message->done;
    send->arg = message->arg;
    buf_init(&send->body, LIMIT_NOTICE_BODY * 16);
    buf_init(&send->what, LIMIT_NOTICE_WHAT * 4);
    list_add_before(&notices->sends, &send->link);
    notices->count++;
}

void notice_end(struct notice_send *send, const struct notify_result *result)
{
    struct notices *notices = send->notices;
    list_remove(&send->link);
    notices->count--;
    if (!notices->is_freed && result)
        send->done(send->arg, result);
    if (send->body.at)
        explicit_bzero(send->body.at, send->body.size); /* a pager's key stands in it */
    buf_done(&send->body);
    buf_done(&send->what);
    if (notices->is_freed && notices->count == 0)
        free(notices);
}

void notice_send_drop(struct notice_send *send)
{
    notice_end(send, NULL);
}

void notices_free(struct notices *notices)
{
    if (!notices || notices->is_freed)
        return;
    notices->is_freed = true;
    if (notices->count == 0) {
        free(notices);
        return;
    }
    size_t left = notices->count; /* the last one frees them all */
    for (struct list *node = notices->sends.next; left > 0; left--) {
        struct notice_send *send = LIST_ENTRY(node, struct notice_send, link);
        node = node->next;
        send->stop(send);
    }
}

static enum err notices_send(void *impl, const struct notify_message *message)
{
    struct notices *notices = impl;
    if (notices->is_freed || notices->count >= LIMIT_NOTICES_UNDER_WAY)
        return ERR_BUSY;
    switch (message->channel->kind) {
    case CHANNEL_IS_MAIL:
        return notice_mail_send(notices, message);
    case CHANNEL_IS_SLACK:
    case CHANNEL_IS_PAGERDUTY:
    case CHANNEL_IS_WEBHOOK:
        return notice_web_send(notices, message);
    case CHANNEL_IS_COMMAND:
        return notice_command_send(notices, message);
    case CHANNEL_IS_INBOX:
        return ERR_INVALID;
    }
    CHECK_UNREACHABLE();
}

struct notify_port notices_port(struct notices *notices)
{
    return (struct notify_port){notices, notices_send};
}
