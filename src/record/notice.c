#include "record/notice.h"

#include "base/check.h"
#include "record/ids.h"
#include "record/number.h"

enum { NOTICE_ROW_VERSION = 1 };
#define NOTICE_KEY_WAITING "-waiting/" /* before every id */

static void notice_add_field(struct buf *out, struct slice text)
{
    number_add_varint(out, text.size);
    buf_add(out, text);
}

static bool notice_take_field(struct slice *rest, struct slice *out_text)
{
    uint64_t size = 0;
    if (!number_take_varint(rest, &size) || size > rest->size)
        return false;
    *out_text = slice_first(*rest, (size_t)size);
    *rest = slice_from(*rest, (size_t)size);
    return true;
}

static bool notice_take_numbers(struct slice *rest, uint64_t *out_numbers, size_t count)
{
    if (rest->size == 0 || rest->at[0] != NOTICE_ROW_VERSION)
        return false;
    *rest = slice_from(*rest, 1);
    for (size_t i = 0; i < count; i++)
        if (!number_take_varint(rest, &out_numbers[i]))
            return false;
    return true;
}

static void notice_add_numbers(struct buf *out, const uint64_t *numbers, size_t count)
{
    buf_add_byte(out, NOTICE_ROW_VERSION);
    for (size_t i = 0; i < count; i++)
        number_add_varint(out, numbers[i]);
}

void notice_encode(const struct notice *notice, struct buf *out)
{
    const uint64_t numbers[] = {notice->id,
                                notice->incident,
                                (uint64_t)notice->about,
                                (uint64_t)notice->state,
                                notice->rung,
                                notice->tries,
                                (uint64_t)notice->made_unix_ms,
                                (uint64_t)notice->next_unix_ms,
                                (uint64_t)notice->ended_unix_ms,
                                notice->order};
    bool has_text = notice->state == NOTICE_WAITING; /* invariant 3 */
    notice_add_numbers(out, numbers, sizeof numbers / sizeof *numbers);
    notice_add_field(out, notice->person);
    notice_add_field(out, notice->channel);
    notice_add_field(out, notice->scope);
    notice_add_field(out, has_text ? notice->line : (struct slice){0});
    notice_add_field(out, has_text ? notice->body : (struct slice){0});
    notice_add_field(out, notice->what);
}

enum err notice_decode(struct slice bytes, struct notice *out)
{
    struct notice notice = {0};
    uint64_t numbers[10] = {0};
    if (!notice_take_numbers(&bytes, numbers, sizeof numbers / sizeof *numbers) ||
        !notice_take_field(&bytes, &notice.person) || !notice_take_field(&bytes, &notice.channel) ||
        !notice_take_field(&bytes, &notice.scope) || !notice_take_field(&bytes, &notice.line) ||
        !notice_take_field(&bytes, &notice.body) || !notice_take_field(&bytes, &notice.what))
        return ERR_CORRUPT;
    notice.id = numbers[0];
    notice.incident = numbers[1];
    if (numbers[2] <= NOTICE_RESTART)
        notice.about = (enum notice_about)numbers[2];
    if (numbers[3] <= NOTICE_FAILED) /* invariant 2 */
        notice.state = (enum notice_state)numbers[3];
    notice.rung = numbers[4] <= LADDER_RUNG_NOBODY ? (uint8_t)numbers[4] : LADDER_RUNG_NOBODY;
    notice.tries = numbers[5] < UINT32_MAX ? (uint32_t)numbers[5] : UINT32_MAX;
    notice.made_unix_ms = (int64_t)numbers[6];
    notice.next_unix_ms = (int64_t)numbers[7];
    notice.ended_unix_ms = (int64_t)numbers[8];
    notice.order = numbers[9];
    *out = notice;
    return ERR_OK;
}

void notice_add_prefix(uint64_t incident, struct buf *out)
{
    text_add_id(out, ID_INCIDENT, incident);
    buf_add_byte(out, '/');
}

void notice_add_key(const struct notice *notice, struct buf *out)
{
    if (notice->state == NOTICE_WAITING)
        buf_add_text(out, NOTICE_KEY_WAITING);
    else
        notice_add_prefix(notice->incident, out);
    text_add_id(out, "", notice->order);
    buf_add_byte(out, '/');
    text_add_id(out, ID_NOTICE, notice->id);
}

const char *notice_about_name(enum notice_about about)
{
    switch (about) {
    case NOTICE_TROUBLE:
        return "trouble";
    case NOTICE_ACKNOWLEDGED:
        return "acknowledged";
    case NOTICE_RECOVERED:
        return "recovered";
    case NOTICE_DOWN:
        return "down";
    case NOTICE_INFORM:
        return "inform";
    case NOTICE_REPORT:
        return "report";
    case NOTICE_RESTART:
        return "restart";
    }
    CHECK_UNREACHABLE();
}

const char *notice_state_name(enum notice_state state)
{
    switch (state) {
    case NOTICE_WAITING:
        return "waiting";
    case NOTICE_DELIVERED:
        return "delivered";
    case NOTICE_FAILED:
        return "failed";
    }
    CHECK_UNREACHABLE();
}

void ladder_row_encode(const struct ladder_row *row, struct buf *out)
{
    const struct ladder *ladder = &row->ladder;
    const uint64_t numbers[] = {row->incident,
                                (uint64_t)ladder->state,
                                ladder->rung,
                                ladder->rounds,
                                ladder->told,
                                ladder->lost,
                                (uint64_t)ladder->times.level_2_ms,
                                (uint64_t)ladder->times.level_3_ms,
                                (uint64_t)ladder->opened_unix_ms,
                                (uint64_t)ladder->next_unix_ms,
                                (uint64_t)ladder->acknowledged_unix_ms,
                                (uint64_t)ladder->closed_unix_ms};
    notice_add_numbers(out, numbers, sizeof numbers / sizeof *numbers);
    notice_add_field(out, row->acknowledged_by);
}

enum err ladder_row_decode(struct slice bytes, struct ladder_row *out)
{
    struct ladder_row row = {0};
    uint64_t numbers[12] = {0};
    if (!notice_take_numbers(&bytes, numbers, sizeof numbers / sizeof *numbers) ||
        !notice_take_field(&bytes, &row.acknowledged_by))
        return ERR_CORRUPT;
    struct ladder *ladder = &row.ladder;
    row.incident = numbers[0];
    if (numbers[1] <= LADDER_CLOSED) /* invariant 2 */
        ladder->state = (enum ladder_state)numbers[1];
    ladder->rung = numbers[2] <= LADDER_RUNG_NOBODY ? (uint8_t)numbers[2] : LADDER_RUNG_NOBODY;
    ladder->rounds = (uint32_t)numbers[3];
    ladder->told = (uint32_t)numbers[4];
    ladder->lost = (uint32_t)numbers[5];
    ladder->times = (struct ladder_times){(int64_t)numbers[6], (int64_t)numbers[7]};
    ladder->opened_unix_ms = (int64_t)numbers[8];
    ladder->next_unix_ms = (int64_t)numbers[9];
    ladder->acknowledged_unix_ms = (int64_t)numbers[10];
    ladder->closed_unix_ms = (int64_t)numbers[11];
    if (ladder->state != LADDER_CLOSED && ladder->next_unix_ms == 0)
        ladder->next_unix_ms = ladder->opened_unix_ms > 0 ? ladder->opened_unix_ms : 1;
    if (ladder->state == LADDER_CLOSED)
        ladder->next_unix_ms = 0;
    *out = row;
    return ERR_OK;
}
