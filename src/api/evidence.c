/* What is known of one workflow, for the people who answer for it: report and ready. */
#include "api/handlers.h"
#include "api/parameter.h"
#include "api/reply.h"
#include "base/limits.h"
#include "base/text.h"
#include "record/ready.h"
#include "record/report.h"

enum { EVIDENCE_DAY_MS = 24 * 3600 * 1000 };

static enum err evidence_read(struct call *call, int64_t window_ms, int64_t stops_ms,
                              struct evidence *out)
{
    const struct engine_port *engine = call->engine;
    int64_t now = engine->now_unix_ms(engine->impl);
    struct engine_evidence_query query = {.workflow = call->workflow,
                                          .since_unix_ms = now - window_ms,
                                          .stops_since_unix_ms = now - stops_ms};
    return engine->evidence(engine->impl, &query, &call->arena, out);
}

static void evidence_reply(struct call *call, bool is_text, const struct buf *out)
{
    if (is_text)
        reply_text(call, 200, out);
    else
        reply_json(call, 200, out);
}

void evidence_report(struct call *call)
{
    struct slice since = {0};
    const struct parameter fields[] = {{"since", &since}};
    int64_t window_ms = 7LL * EVIDENCE_DAY_MS;
    bool is_text = false;
    struct evidence evidence;
    if (!parameter_format(call, fields, 1, &is_text))
        return;
    if (since.at && (!text_parse_duration(since, &window_ms) || window_ms < 3600000 ||
                     window_ms > LIMIT_REPORT_DAYS * (int64_t)EVIDENCE_DAY_MS)) {
        (void)parameter_refuse(call, "since", "a duration from 1h to 400d, as 7d");
        return;
    }
    enum err err = evidence_read(call, window_ms, window_ms, &evidence);
    if (err != ERR_OK) {
        reply_err(call, err);
        return;
    }
    struct buf out;
    buf_init(&out, LIMIT_HTTP_ANSWER);
    if (is_text)
        report_text_add(&out, &evidence);
    else
        report_json_add(&out, &evidence);
    evidence_reply(call, is_text, &out);
    buf_done(&out);
}

void evidence_ready(struct call *call)
{
    struct evidence evidence;
    struct tally quiet;
    struct ready ready;
    bool is_text = false;
    if (!parameter_format(call, NULL, 0, &is_text))
        return;
    enum err err = evidence_read(call, READY_EVIDENCE_MS, READY_REHEARSED_MS, &evidence);
    if (err == ERR_OK)
        err = call->engine->tally(call->engine->impl, call->workflow->name,
                                  evidence.now_unix_ms - READY_QUIET_MS, &quiet);
    if (err != ERR_OK) {
        reply_err(call, err);
        return;
    }
    struct buf out;
    buf_init(&out, LIMIT_HTTP_ANSWER);
    ready_judge(&ready, &evidence, &quiet);
    if (is_text)
        ready_text_add(&out, &ready);
    else
        ready_json_add(&out, &ready);
    ready_done(&ready);
    evidence_reply(call, is_text, &out);
    buf_done(&out);
}
