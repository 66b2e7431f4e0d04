#include "notice/wire.h"

#include <openssl/hmac.h>
#include <string.h>

#include "base/check.h"
#include "record/ids.h"
#include "record/member.h"

enum {
    WIRE_LINE = 76,         /* of quoted-printable */
    WIRE_WORD = 45,         /* bytes of one encoded word: 75 characters in base64 */
    WIRE_SECRET_MAX = 1024, /* of a webhook */
    WIRE_SIGNED_MAX = 256 * 1024
};

static void wire_add_thing(struct buf *out, const struct notice *notice)
{
    if (notice->incident != 0)
        text_add_id(out, ID_INCIDENT, notice->incident);
    else
        text_add_id(out, ID_NOTICE, notice->id);
}

/* ---- mail ---- */

static bool wire_is_visible(struct slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.at[i] <= ' ' || text.at[i] > '~' || text.at[i] == '<' || text.at[i] == '>')
            return false;
    return text.size > 0;
}

bool wire_is_address(struct slice address)
{
    size_t at = slice_find(address, '@');
    return wire_is_visible(address) && at > 0 && at + 1 < address.size && address.at[0] != '-';
}

/* RFC 2047: as it is when it is ASCII, else in encoded words that end between characters. */
static void wire_add_header_text(struct buf *out, struct slice text)
{
    bool is_plain = true;
    for (size_t i = 0; i < text.size; i++)
        is_plain = is_plain && text.at[i] >= ' ' && text.at[i] <= '~';
    if (is_plain && text.size < 2 * WIRE_LINE) {
        buf_add(out, text);
        return;
    }
    for (size_t used = 0; used < text.size;) {
        struct slice rest = slice_from(text, used);
        size_t size = 0;
        while (size < rest.size) {
            size_t next = text_utf8_size(slice_from(rest, size));
            next = next ? next : 1;
            if (size + next > WIRE_WORD)
                break;
            size += next;
        }
        buf_add_text(out, used ? "\r\n =?UTF-8?B?" : "=?UTF-8?B?");
        text_add_base64(out, slice_first(rest, size));
        buf_add_text(out, "?=");
        used += size;
    }
}

static void wire_add_date(struct buf *out, int64_t unix_ms)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct civil t = text_civil(unix_ms);
    buf_add_fmt(out, "%s, %d %s %d %02d:%02d:%02d +0000", days[t.weekday], t.day,
                months[t.month - 1], t.year, t.hour, t.minute, t.second);
}

static void wire_add_message_id(struct buf *out, const char *prefix, uint64_t id, struct slice from)
{
    buf_add_byte(out, '<');
    text_add_id(out, prefix, id);
    buf_add(out, slice_from(from, slice_find(from, '@')));
    buf_add_byte(out, '>');
}

/* RFC 2045 6.7. Line ends of the text become CRLF. */
static void wire_add_quoted_printable(struct buf *out, struct slice text)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t column = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        if (byte == '\n') {
            buf_add_text(out, "\r\n");
            column = 0;
            continue;
        }
        bool is_last = i + 1 == text.size || text.at[i + 1] == '\n';
        bool is_plain = (byte > ' ' && byte <= '~' && byte != '=') || (byte == ' ' && !is_last);
        size_t size = is_plain ? 1 : 3;
        if (column + size >= WIRE_LINE) {
            buf_add_text(out, "=\r\n");
            column = 0;
        }
        if (is_plain) {
            buf_add_byte(out, (char)byte);
        } else {
            buf_add_byte(out, '=');
            buf_add_byte(out, digits[byte >> 4]);
            buf_add_byte(out, digits[byte & 15]);
        }
        column += size;
    }
}

void wire_mail_add(struct buf *out, const struct notify_message *message)
{
    const struct notice *notice = message->notice;
    struct slice from = message->channel->from;
    buf_add_text(out, "From: interlock <");
    buf_add(out, from);
    buf_add_text(out, ">\r\nTo: <");
    buf_add(out, message->address);
    buf_add_text(out, ">\r\nSubject: ");
    wire_add_header_text(out, notice->line);
    buf_add_text(out, "\r\nDate: ");
    wire_add_date(out, notice->made_unix_ms);
    buf_add_text(out, "\r\nMessage-ID: ");
    wire_add_message_id(out, ID_NOTICE, notice->id, from);
    if (notice->incident != 0) { /* what belongs together is shown together */
        buf_add_text(out, "\r\nReferences: ");
        wire_add_message_id(out, ID_INCIDENT, notice->incident, from);
    }
    buf_add_text(out, "\r\nAuto-Submitted: auto-generated"
                      "\r\nMIME-Version: 1.0"
                      "\r\nContent-Type: text/plain; charset=utf-8"
                      "\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n");
    wire_add_quoted_printable(out, notice->line);
    buf_add_text(out, "\r\n\r\n");
    wire_add_quoted_printable(out, notice->body);
    buf_add_text(out, "\r\n");
}

/* ---- webhook ---- */

void wire_webhook_add(struct buf *out, const struct notify_message *message)
{
    const struct notice *notice = message->notice;
    struct buf type;
    buf_init(&type, 64);
    buf_add_text(&type, notice->incident ? "incident." : "interlock.");
    buf_add_text(&type, notice_about_name(notice->about));
    buf_add_byte(out, '{');
    member_add_text(out, "type", buf_slice(&type));
    member_add_time(out, "timestamp", notice->made_unix_ms);
    member_add_name(out, "data");
    buf_add_byte(out, '{');
    member_add_id(out, "incident", ID_INCIDENT, notice->incident);
    member_add_text(out, "scope", notice->scope);
    member_add_text(out, "person", notice->person);
    member_add_u64(out, "rung", notice->rung);
    member_add_text(out, "line", notice->line);
    member_add_text(out, "body", notice->body);
    buf_add_text(out, "}}");
    buf_done(&type);
}

void wire_signature_init(struct wire_signature *signature)
{
    buf_init(&signature->id, 64);
    buf_init(&signature->timestamp, 64);
    buf_init(&signature->signature, 128);
}

void wire_signature_done(struct wire_signature *signature)
{
    buf_done(&signature->id);
    buf_done(&signature->timestamp);
    buf_done(&signature->signature);
}

static int wire_base64_digit(char byte)
{
    if (byte >= 'A' && byte <= 'Z')
        return byte - 'A';
    if (byte >= 'a' && byte <= 'z')
        return byte - 'a' + 26;
    if (byte >= '0' && byte <= '9')
        return byte - '0' + 52;
    return byte == '+' ? 62 : byte == '/' ? 63 : -1;
}

/* The key behind "whsec_"; a secret without it is taken as it is. */
static bool wire_read_secret(struct slice secret, struct buf *out)
{
    struct slice prefix = SLICE("whsec_");
    uint32_t bits = 0;
    int count = 0;
    if (!slice_starts(secret, prefix)) {
        buf_add(out, secret);
        return secret.size > 0 && buf_ok(out);
    }
    secret = slice_from(secret, prefix.size);
    while (secret.size > 0 && secret.at[secret.size - 1] == '=')
        secret.size--;
    for (size_t i = 0; i < secret.size; i++) {
        int digit = wire_base64_digit(secret.at[i]);
        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        count += 6;
        if (count >= 8) {
            count -= 8;
            buf_add_byte(out, (char)(unsigned char)(bits >> count));
        }
    }
    return out->size > 0 && buf_ok(out);
}

enum err wire_sign(const struct notify_message *message, struct slice body,
                   struct wire_signature *out)
{
    unsigned char mac[32];
    unsigned size = 0;
    struct buf key, content;
    buf_init(&key, WIRE_SECRET_MAX);
    buf_init(&content, WIRE_SIGNED_MAX);
    text_add_id(&out->id, ID_NOTICE, message->notice->id);
    buf_add_i64(&out->timestamp, message->now_unix_ms / 1000);
    buf_add(&content, buf_slice(&out->id));
    buf_add_byte(&content, '.');
    buf_add(&content, buf_slice(&out->timestamp));
    buf_add_byte(&content, '.');
    buf_add(&content, body);
    bool is_good = wire_read_secret(message->secret, &key) && buf_ok(&content) &&
                   HMAC(EVP_sha256(), key.at, (int)key.size, (const unsigned char *)content.at,
                        content.size, mac, &size) != NULL;
    if (is_good) {
        buf_add_text(&out->signature, "v1,");
        text_add_base64(&out->signature, slice_of(mac, size));
    }
    if (key.at)
        explicit_bzero(key.at, key.size);
    buf_done(&content);
    buf_done(&key);
    return is_good ? ERR_OK : ERR_INVALID;
}

/* ---- the others ---- */

void wire_text_add(struct buf *out, const struct notify_message *message)
{
    buf_add(out, message->notice->line);
    buf_add_text(out, "\n\n");
    buf_add(out, message->notice->body);
}

/* Slack reads &, < and > as marks of its own. */
static void wire_add_slack_text(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        char byte = text.at[i];
        if (byte == '&')
            buf_add_text(out, "&amp;");
        else if (byte == '<')
            buf_add_text(out, "&lt;");
        else if (byte == '>')
            buf_add_text(out, "&gt;");
        else
            buf_add_byte(out, byte);
    }
}

void wire_slack_add(struct buf *out, const struct notify_message *message)
{
    struct buf text;
    buf_init(&text, LIMIT_NOTICE_BODY * 8);
    wire_add_slack_text(&text, message->notice->line);
    buf_add_text(&text, "\n");
    wire_add_slack_text(&text, message->notice->body);
    buf_add_byte(out, '{');
    member_add_text(out, "text", buf_slice(&text));
    buf_add_byte(out, '}');
    buf_done(&text);
}

static const char *wire_pagerduty_action(enum notice_about about)
{
    switch (about) {
    case NOTICE_TROUBLE:
    case NOTICE_INFORM:
    case NOTICE_DOWN:
    case NOTICE_RESTART:
    case NOTICE_REPORT: /* never sent to one */
        return "trigger";
    case NOTICE_ACKNOWLEDGED:
        return "acknowledge";
    case NOTICE_RECOVERED:
        return "resolve";
    }
    CHECK_UNREACHABLE();
}

void wire_pagerduty_add(struct buf *out, const struct notify_message *message)
{
    const struct notice *notice = message->notice;
    struct buf thing;
    buf_init(&thing, TEXT_ID_MAX);
    wire_add_thing(&thing, notice);
    buf_add_byte(out, '{');
    member_add_text(out, "routing_key", message->secret);
    member_add_word(out, "event_action", wire_pagerduty_action(notice->about));
    member_add_text(out, "dedup_key", buf_slice(&thing));
    member_add_name(out, "payload");
    buf_add_byte(out, '{');
    member_add_text(out, "summary", notice->line);
    member_add_word(out, "source", "interlock");
    member_add_word(out, "severity", notice->about == NOTICE_DOWN ? "warning" : "critical");
    member_add_time(out, "timestamp", notice->made_unix_ms);
    member_add_text(out, "component", notice->scope);
    member_add_name(out, "custom_details");
    buf_add_byte(out, '{');
    member_add_text(out, "text", notice->body);
    buf_add_text(out, "}},");
    buf_add_text(out, "\"client\":\"interlock\"}");
    buf_done(&thing);
}
