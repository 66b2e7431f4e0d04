/* Any request, however broken, gets exactly one answer: a status of ours, a body of the type that
 * it says, and nothing of the engine is touched without a known token.
 * Input: a byte that chooses the token, METHOD SP TARGET LF, header lines, an empty line, the body.
 */
#include <jansson.h>

#include "base/check.h"
#include "unit/api_fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const fuzz_tokens[] = {"Bearer t-ana",          "Bearer t-ben",
                                          "Bearer t-eve",          "Bearer t-billing-cron",
                                          "Bearer t-helpdesk-bot", ""};
enum { FUZZ_TOKENS = sizeof fuzz_tokens / sizeof *fuzz_tokens };

static struct slice fuzz_line(struct slice *rest)
{
    size_t end = slice_find(*rest, '\n');
    struct slice line = slice_first(*rest, end);
    *rest = slice_from(*rest, end + 1);
    return line;
}

static void fuzz_check(const struct fake *fake, const struct fake_exchange *exchange,
                       bool has_token)
{
    static const char json[] = "Content-Type: application/json\n";
    static const char problem[] = "Content-Type: application/problem+json\n";
    struct slice head = buf_slice(&exchange->head);
    CHECK(exchange->answers == 1 && !exchange->is_streaming);
    CHECK(exchange->status >= 200 && exchange->status < 600);
    CHECK(has_token || fake->calls == 0);
    if (slice_starts(head, slice_text(json)) || slice_starts(head, slice_text(problem))) {
        json_t *value = json_loadb(exchange->body.at, exchange->body.size, 0, NULL);
        CHECK(value);
        json_decref(value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fake fake;
    struct fake_exchange exchange;
    struct slice rest = slice_of(data, size);
    if (size == 0)
        return 0;
    const char *token = fuzz_tokens[data[0] % FUZZ_TOKENS];
    rest = slice_from(rest, 1);
    fake_init(&fake);
    struct slice line = fuzz_line(&rest);
    size_t space = slice_find(line, ' ');
    fake_exchange_init(&exchange, slice_first(line, space), slice_from(line, space + 1),
                       (struct slice){0});
    exchange.request.is_loopback_peer = data[0] & 0x80;
    if (*token)
        fake_exchange_header(&exchange, SLICE("authorization"), slice_text(token));
    while (rest.size > 0) {
        line = fuzz_line(&rest);
        size_t colon = slice_find(line, ':');
        if (line.size == 0)
            break;
        if (!slice_is(slice_first(line, colon), "authorization")) /* only ours are known */
            fake_exchange_header(&exchange, slice_first(line, colon), slice_from(line, colon + 1));
    }
    exchange.request.body = rest;
    struct api *api = api_new(&fake.port, &(struct api_options){.version = SLICE("1")});
    struct door_handler handler = api_handler(api);
    (void)handler.lane(handler.impl, exchange.request.method, exchange.request.path); /* no crash */
    handler.handle(handler.impl, &exchange.door);
    if (fake.later && data[0] & 0x40)
        fake_done(&fake, 1, fake.later, fake.later_arg, false);
    else if (exchange.answers == 0)
        exchange.door.on_gone(&exchange.door);
    fuzz_check(&fake, &exchange, *token != '\0');
    fake_exchange_done(&exchange);
    api_free(api);
    return 0;
}
