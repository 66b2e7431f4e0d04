#include "upstream/curl.h"

#include <stdlib.h>

#include "base/limits.h"
#include "upstream/curl_call.h"

struct upstream_curl {
    struct curl_drive drive;
    struct list active;
    struct list spare;
    size_t active_count;
    size_t spare_count;
    bool is_guard_off;
    bool is_freed;
};

static void upstream_curl_keep(struct upstream_curl *curl, struct curl_call *call)
{
    if (curl->is_freed || curl->spare_count >= LIMIT_UPSTREAM_SPARE) {
        curl_call_free(call);
        return;
    }
    curl_call_clear(call);
    list_add_before(curl->spare.next, &call->node); /* the warmest first */
    curl->spare_count++;
}

static struct curl_call *upstream_curl_take_spare(struct upstream_curl *curl)
{
    if (list_is_empty(&curl->spare))
        return curl_call_new(&curl->drive);
    struct curl_call *call = LIST_ENTRY(curl->spare.next, struct curl_call, node);
    list_remove(&call->node);
    curl->spare_count--;
    return call;
}

static void upstream_curl_remove(struct upstream_curl *curl, struct curl_call *call)
{
    (void)curl_multi_remove_handle(curl->drive.multi, call->easy); /* it was added */
    list_remove(&call->node);
    curl->active_count--;
}

static void upstream_curl_finish(struct upstream_curl *curl, struct curl_call *call, CURLcode code)
{
    struct upstream_answer answer = curl_call_end(call, code);
    upstream_curl_remove(curl, call);
    call->done(call->arg,
               &answer); /* may free the port: then the memory still lives for this turn */
    upstream_curl_keep(curl, call);
}

static void upstream_curl_after(void *arg)
{
    struct upstream_curl *curl = arg;
    while (!curl->is_freed) {
        int left = 0;
        const CURLMsg *message = curl_multi_info_read(curl->drive.multi, &left);
        if (!message)
            return;
        struct curl_call *call = NULL;
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call) == CURLE_OK)
            upstream_curl_finish(curl, call, message->data.result);
    }
}

static void upstream_curl_closed(void *arg)
{
    free(arg);
    curl_global_cleanup();
}

enum err upstream_curl_new(uv_loop_t *loop, const struct upstream_curl_options *options,
                           struct upstream_curl **out_curl)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return ERR_NO_MEMORY;
    struct upstream_curl *curl = calloc(1, sizeof *curl);
    if (!curl || curl_drive_init(&curl->drive, loop) != ERR_OK) {
        upstream_curl_closed(curl);
        return ERR_NO_MEMORY;
    }
    list_init(&curl->active);
    list_init(&curl->spare);
    curl->is_guard_off = options && options->is_guard_off;
    curl->drive.after = upstream_curl_after;
    curl->drive.closed = upstream_curl_closed;
    curl->drive.arg = curl;
    *out_curl = curl;
    return ERR_OK;
}

void upstream_curl_free(struct upstream_curl *curl)
{
    if (!curl || curl->is_freed)
        return;
    curl->is_freed = true;
    while (!list_is_empty(&curl->active)) {
        struct curl_call *call = LIST_ENTRY(curl->active.next, struct curl_call, node);
        upstream_curl_remove(curl, call);
        curl_call_free(call);
    }
    while (!list_is_empty(&curl->spare))
        curl_call_free(upstream_curl_take_spare(curl));
    curl_drive_close(&curl->drive);
}

static enum err upstream_curl_call(void *impl, const struct upstream_call *from)
{
    struct upstream_curl *curl = impl;
    if (curl->is_freed || curl->active_count >= LIMIT_UPSTREAM_CALLS)
        return ERR_BUSY;
    struct curl_call *call = upstream_curl_take_spare(curl);
    if (!call)
        return ERR_NO_MEMORY;
    call->is_guard_off = curl->is_guard_off;
    enum err err = curl_call_begin(call, from);
    if (err == ERR_OK) {
        CURLMcode code = curl_multi_add_handle(curl->drive.multi, call->easy);
        if (code != CURLM_OK)
            err = code == CURLM_RECURSIVE_API_CALL ? ERR_BUSY : ERR_NO_MEMORY;
    }
    if (err != ERR_OK) {
        upstream_curl_keep(curl, call);
        return err;
    }
    list_add_before(&curl->active, &call->node);
    curl->active_count++;
    return ERR_OK;
}

static size_t upstream_curl_count(void *impl)
{
    const struct upstream_curl *curl = impl;
    return curl->active_count;
}

struct upstream_port upstream_curl_port(struct upstream_curl *curl)
{
    return (struct upstream_port){curl, upstream_curl_call, upstream_curl_count};
}
