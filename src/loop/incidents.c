/* loop/incidents.c - incidents as they stand in the store: one, or a list of them; why each began.
 * Their rows are written with what opens and closes them: stops.c, alerts.c. */
#include "loop/incidents.h"

#include "loop/engine_state.h"
#include "loop/loaded.h"
#include "record/ids.h"
#include "record/stop_row.h"

/* The words of an incident's reason: in the payload of the record that brought them. Whoever reads
 * them, secrets that stand in them are not shown (R23). */
struct slice engine_words(struct engine *engine, uint64_t seq, struct arena *arena)
{
    struct slice stored = {0};
    struct bundle_words words = {0};
    const struct store_port *store = &engine->options.store;
    if (seq == 0 || store->get_payload(store->impl, seq, arena, &stored) != ERR_OK ||
        stored.size < BUNDLE_SALT)
        return (struct slice){0};
    if (bundle_words_decode(slice_from(stored, BUNDLE_SALT), arena, &words) != ERR_OK)
        return (struct slice){0};
    struct buf masked;
    buf_init(&masked, LIMIT_REASON * 8);
    redact_add(&engine->loaded->redact, words.reason, false, &masked);
    struct slice kept = arena_copy(arena, buf_slice(&masked));
    buf_done(&masked);
    return kept;
}

static void incident_fill(struct engine *engine, const struct incident_row *row,
                          struct arena *arena, struct engine_incident *out)
{
    *out = (struct engine_incident){.id = row->id,
                                    .stop = row->stop,
                                    .workflow = row->workflow,
                                    .state = row->is_closed ? SLICE("closed") : SLICE("open"),
                                    .reason = engine_words(engine, row->words_seq, arena),
                                    .by = row->by,
                                    .since_unix_ms = row->since_unix_ms,
                                    .closed_unix_ms = row->closed_unix_ms,
                                    .words_seq = row->words_seq};
    if (engine_read_journal(engine, row->id, &out->journal) != ERR_OK)
        out->journal = (struct journal){.incident = row->id}; /* it is not durable yet */
    out->kind = out->journal.kind;
}

static enum err incidents_do_list(void *impl, bool open_only, struct arena *arena,
                                  struct engine_incident *out, size_t *out_count)
{
    struct engine *engine = impl;
    const struct store_port *store = &engine->options.store;
    size_t room = *out_count;
    struct store_row *rows = ARENA_ARRAY(arena, LIMIT_PAGE, struct store_row);
    struct slice after = {0};
    size_t count = 0;
    *out_count = 0;
    if (!rows)
        return ERR_NO_MEMORY;
    do {
        enum err err =
            store->list_rows(store->impl, STORE_INCIDENTS, after, LIMIT_PAGE, arena, rows, &count);
        if (err != ERR_OK)
            return err;
        for (size_t i = 0; i < count && *out_count < room; i++) {
            struct incident_row row = {0};
            after = rows[i].key;
            if (incident_row_decode(rows[i].value, &row) != ERR_OK)
                return ERR_CORRUPT;
            if (open_only && row.is_closed)
                continue;
            incident_fill(engine, &row, arena, &out[(*out_count)++]);
        }
    } while (count == LIMIT_PAGE && *out_count < room);
    return ERR_OK;
}

enum err engine_read_incident(struct engine *engine, uint64_t id, struct arena *arena,
                              struct engine_incident *out)
{
    const struct store_port *store = &engine->options.store;
    struct incident_row row = {0};
    struct slice value = {0};
    struct buf key;
    buf_init(&key, TEXT_ID_MAX);
    text_add_id(&key, ID_INCIDENT, id);
    enum err err = store->get_row(store->impl, STORE_INCIDENTS, buf_slice(&key), arena, &value);
    buf_done(&key);
    if (err == ERR_OK)
        err = incident_row_decode(value, &row);
    if (err == ERR_OK)
        incident_fill(engine, &row, arena, out);
    return err;
}

static enum err incidents_do_get(void *impl, uint64_t id, struct arena *arena,
                                 struct engine_incident *out)
{
    return engine_read_incident(impl, id, arena, out);
}

struct slice engine_stop_reason(struct engine *engine, const struct stop *stop, struct arena *arena)
{
    struct engine_incident incident = {0};
    if (stop->words_seq != 0)
        return engine_words(engine, stop->words_seq, arena);
    enum err err = incidents_do_get(engine, stop->incident, arena, &incident);
    return err == ERR_OK && incident.stop == stop->id ? incident.reason : (struct slice){0};
}

static struct slice incidents_do_stop_reason(void *impl, const struct stop *stop,
                                             struct arena *arena)
{
    return engine_stop_reason(impl, stop, arena);
}

void engine_port_incidents(struct engine_port *port)
{
    port->incidents = incidents_do_list;
    port->incident = incidents_do_get;
    port->stop_reason = incidents_do_stop_reason;
}
