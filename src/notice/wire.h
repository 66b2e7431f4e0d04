/* notice/wire.h - what a message looks like on the wire of each channel.
 * Owns: the bytes: mail (RFC 5322), Standard Webhooks 1.0, Slack-like webhooks, PagerDuty
 *   Events v2.
 * Invariants:
 *   1. The id of a message is the same at each try (Message-ID, webhook-id); a pager's dedup_key
 *      is the incident, through trigger, acknowledge and resolve.
 *   2. Nothing of a text can end a header or forge a member: each is encoded for where it
 *      stands.
 * Pure: memory in, memory out. */
#pragma once
#include "base/buf.h"
#include "port/notify.h"

/* A whole mail with CRLF; its body in quoted-printable. */
void wire_mail_add(struct buf *out, const struct notify_message *message);
/* The address inside of "<>" is safe as a part of an SMTP command: visible ASCII, one @. */
bool wire_is_address(struct slice address);

/* {"type","timestamp","data"} */
void wire_webhook_add(struct buf *out, const struct notify_message *message);
/* webhook-id, webhook-timestamp, webhook-signature: three values. ERR_INVALID: no usable secret. */
struct wire_signature {
    struct buf id, timestamp, signature;
};
void wire_signature_init(struct wire_signature *signature);
void wire_signature_done(struct wire_signature *signature);
MUST_USE enum err wire_sign(const struct notify_message *message, struct slice body,
                            struct wire_signature *out);

/* {"text"} */
void wire_slack_add(struct buf *out, const struct notify_message *message);
/* A body for /v2/enqueue; has the routing key in it. */
void wire_pagerduty_add(struct buf *out, const struct notify_message *message);
/* First line, an empty line, the body. */
void wire_text_add(struct buf *out, const struct notify_message *message);
