#include "record/stop_row.h"

#include "record/number.h"

enum { STOP_ROW_VERSION = 2 };

static void stop_row_add_text(struct buf *out, struct slice text)
{
    number_add_varint(out, text.size);
    buf_add(out, text);
}

static bool stop_row_take_text(struct slice *rest, struct slice *out_text)
{
    uint64_t size = 0;
    if (!number_take_varint(rest, &size) || size > rest->size)
        return false;
    *out_text = slice_first(*rest, (size_t)size);
    *rest = slice_from(*rest, (size_t)size);
    return true;
}

static bool stop_row_take_name(struct slice *rest, char out[LIMIT_NAME + 1])
{
    struct slice text = {0};
    if (!stop_row_take_text(rest, &text) || text.size > LIMIT_NAME)
        return false;
    if (text.size > 0)
        memcpy(out, text.at, text.size);
    out[text.size] = '\0';
    return true;
}

static bool stop_row_take_version(struct slice *rest)
{
    if (rest->size == 0 || rest->at[0] != STOP_ROW_VERSION)
        return false;
    *rest = slice_from(*rest, 1);
    return true;
}

void stop_row_encode(const struct stop *stop, struct buf *out)
{
    const uint64_t numbers[] = {stop->id,
                                stop->incident,
                                stop->is_lifted,
                                stop->is_receipt_saved,
                                (uint64_t)stop->at_unix_ms,
                                (uint64_t)stop->stopped_at_unix_ms,
                                (uint64_t)stop->lifted_at_unix_ms,
                                stop->in_flight_at_start,
                                stop->in_flight,
                                stop->held,
                                stop->refused,
                                (uint64_t)stop->position,
                                stop->is_ramping,
                                (uint64_t)stop->alone_ms};
    buf_add_byte(out, STOP_ROW_VERSION);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        number_add_varint(out, numbers[i]);
    for (size_t i = 0; i < STOP_STATES; i++)
        number_add_varint(out, stop->ended[i]);
    for (size_t i = 0; i < 4; i++)
        stop_row_add_text(out, slice_text(stop->names[i]));
    stop_row_add_text(out, slice_text(stop->by));
    number_add_varint(out, stop->words_seq);
}

enum err stop_row_decode(struct slice bytes, struct stop *out)
{
    struct stop stop = {0};
    uint64_t numbers[14] = {0};
    bool is_good = stop_row_take_version(&bytes);
    for (size_t i = 0; is_good && i < sizeof numbers / sizeof *numbers; i++)
        is_good = number_take_varint(&bytes, &numbers[i]);
    for (size_t i = 0; is_good && i < STOP_STATES; i++) {
        uint64_t count = 0;
        is_good = number_take_varint(&bytes, &count);
        stop.ended[i] = (uint32_t)count;
    }
    for (size_t i = 0; is_good && i < 4; i++)
        is_good = stop_row_take_name(&bytes, stop.names[i]);
    if (!is_good || !stop_row_take_name(&bytes, stop.by))
        return ERR_CORRUPT;
    if (bytes.size > 0 && !number_take_varint(&bytes, &stop.words_seq))
        return ERR_CORRUPT;
    stop.id = numbers[0];
    stop.incident = numbers[1];
    stop.is_lifted = numbers[2] == 1; /* invariant 2 */
    stop.is_receipt_saved = numbers[3] == 1;
    stop.at_unix_ms = (int64_t)numbers[4];
    stop.stopped_at_unix_ms = (int64_t)numbers[5];
    stop.lifted_at_unix_ms = (int64_t)numbers[6];
    stop.in_flight_at_start = (uint32_t)numbers[7];
    stop.in_flight = (uint32_t)numbers[8];
    stop.held = (uint32_t)numbers[9];
    stop.refused = (uint32_t)numbers[10];
    stop.position = numbers[11] < POSITION_COUNT ? (enum position)numbers[11] : POSITION_STOPPED;
    stop.is_ramping = numbers[12] == 1;
    stop.alone_ms = (int64_t)numbers[13];
    *out = stop;
    return ERR_OK;
}

void incident_row_encode(const struct incident_row *incident, struct buf *out)
{
    buf_add_byte(out, STOP_ROW_VERSION);
    number_add_varint(out, incident->id);
    number_add_varint(out, incident->stop);
    number_add_varint(out, incident->is_closed);
    number_add_varint(out, incident->has_reason);
    number_add_varint(out, (uint64_t)incident->since_unix_ms);
    number_add_varint(out, (uint64_t)incident->closed_unix_ms);
    number_add_varint(out, incident->words_seq);
    stop_row_add_text(out, incident->by);
    stop_row_add_text(out, incident->workflow);
}

enum err incident_row_decode(struct slice bytes, struct incident_row *out)
{
    struct incident_row incident = {0};
    uint64_t numbers[7] = {0};
    bool is_good = stop_row_take_version(&bytes);
    for (size_t i = 0; is_good && i < sizeof numbers / sizeof *numbers; i++)
        is_good = number_take_varint(&bytes, &numbers[i]);
    if (!is_good || !stop_row_take_text(&bytes, &incident.by) ||
        !stop_row_take_text(&bytes, &incident.workflow))
        return ERR_CORRUPT;
    incident.id = numbers[0];
    incident.stop = numbers[1];
    incident.is_closed = numbers[2] == 1;
    incident.has_reason = numbers[3] == 1;
    incident.since_unix_ms = (int64_t)numbers[4];
    incident.closed_unix_ms = (int64_t)numbers[5];
    incident.words_seq = numbers[6];
    *out = incident;
    return ERR_OK;
}
