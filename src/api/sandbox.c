#include "api/body.h"
#include "api/handlers.h"
#include "api/parameter.h"
#include "api/reply.h"
#include "base/limits.h"

/* Settings and report are the sandbox's own JSON: this is only the way to it. */
static void sandbox_ask(struct call *call, struct slice settings)
{
    struct buf report;
    buf_init(&report, LIMIT_HTTP_ANSWER);
    enum err err =
        call->engine->sandbox(call->engine->impl, call->upstream->name, settings, &report);
    if (err == ERR_NOT_FOUND)
        reply_refuse(call, TROUBLE_NOT_FOUND, "the upstream %.*s is no sandbox",
                     SLICE_FMT(call->upstream->name));
    else if (err == ERR_INVALID)
        reply_refuse(call, TROUBLE_BAD_BODY, "%s",
                     report.size ? buf_text(&report) : "the sandbox does not know these settings");
    else if (err != ERR_OK)
        reply_err(call, err);
    else
        reply_json(call, 200, &report);
    buf_done(&report);
}

void sandbox_get(struct call *call)
{
    if (parameter_read(call, NULL, 0))
        sandbox_ask(call, (struct slice){0});
}

void sandbox_post(struct call *call)
{
    struct slice settings = call->request->body;
    if (parameter_read(call, NULL, 0) && body_read_any(call))
        sandbox_ask(call, settings);
}
