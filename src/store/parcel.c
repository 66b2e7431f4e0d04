#include "store/parcel.h"

#include <assert.h>
#include <stdlib.h>

#include "base/check.h"

/* Integers of SQLite and PostgreSQL are signed. */
static bool parcel_id_fits(uint64_t id)
{
    return id <= INT64_MAX;
}

static void parcel_check_write(const struct store_write *write)
{
    CHECK(write->seq != 0 || (write->record.size == 0 && write->payload.size == 0));
    CHECK(parcel_id_fits(write->seq) && parcel_id_fits(write->action));
    CHECK(write->action != 0 || write->row.size == 0);
    CHECK(write->queue < STORE_QUEUE_COUNT);
    for (size_t i = 0; i < write->key_count; i++)
        CHECK(write->keys[i].action != 0 && parcel_id_fits(write->keys[i].action) &&
              parcel_id_fits(write->keys[i].replaces));
    for (size_t i = 0; i < write->erased_count; i++)
        CHECK(parcel_id_fits(write->erased[i]));
    for (size_t i = 0; i < write->row_count; i++)
        CHECK(write->rows[i].table < STORE_TABLE_COUNT && write->rows[i].key.size > 0);
}

uint64_t parcel_check(const struct store_write *writes, size_t count, uint64_t seq)
{
    CHECK(count > 0);
    for (size_t i = 0; i < count; i++) {
        parcel_check_write(&writes[i]);
        if (writes[i].seq == 0)
            continue;
        CHECK(writes[i].seq == seq); /* port/store.h invariant 2 */
        seq++;
    }
    return seq;
}

/* Rows and keys come after the writes, all of them aligned alike; then the bytes. */
static size_t parcel_array_size(const struct store_write *write)
{
    return write->key_count * sizeof *write->keys + write->row_count * sizeof *write->rows +
           write->erased_count * sizeof *write->erased;
}

static size_t parcel_byte_size(const struct store_write *write)
{
    size_t size = write->record.size + write->payload.size + write->row.size + write->frozen.size +
                  write->scope.size + write->upstream.size + write->order.size;
    for (size_t i = 0; i < write->row_count; i++)
        size += write->rows[i].key.size + write->rows[i].value.size;
    return size;
}

static_assert(_Alignof(struct store_key) <= _Alignof(struct store_write), "keys may follow writes");
static_assert(sizeof(struct store_key) % _Alignof(struct store_row) == 0, "rows may follow keys");
static_assert(sizeof(struct store_row) % _Alignof(uint64_t) == 0, "numbers may follow rows");
static_assert(sizeof(uint64_t) % _Alignof(struct store_key) == 0, "keys may follow numbers");
static_assert(sizeof(struct store_row) % _Alignof(struct store_key) == 0, "keys may follow rows");

static struct slice parcel_copy(char **at, struct slice bytes)
{
    if (bytes.size == 0)
        return (struct slice){0};
    memcpy(*at, bytes.at, bytes.size);
    struct slice copy = {*at, bytes.size};
    *at += bytes.size;
    return copy;
}

static void parcel_copy_write(struct store_write *copy, const struct store_write *write,
                              char **arrays, char **bytes)
{
    *copy = *write;
    copy->record = parcel_copy(bytes, write->record);
    copy->payload = parcel_copy(bytes, write->payload);
    copy->row = parcel_copy(bytes, write->row);
    copy->frozen = parcel_copy(bytes, write->frozen);
    copy->scope = parcel_copy(bytes, write->scope);
    copy->upstream = parcel_copy(bytes, write->upstream);
    copy->order = parcel_copy(bytes, write->order);
    struct store_key *keys = (struct store_key *)(void *)*arrays;
    *arrays += write->key_count * sizeof *keys;
    struct store_row *rows = (struct store_row *)(void *)*arrays;
    *arrays += write->row_count * sizeof *rows;
    uint64_t *erased = (uint64_t *)(void *)*arrays;
    *arrays += write->erased_count * sizeof *erased;
    for (size_t i = 0; i < write->erased_count; i++)
        erased[i] = write->erased[i];
    copy->erased = erased;
    for (size_t i = 0; i < write->key_count; i++)
        keys[i] = write->keys[i];
    for (size_t i = 0; i < write->row_count; i++) {
        rows[i] = write->rows[i];
        rows[i].key = parcel_copy(bytes, write->rows[i].key);
        rows[i].value = parcel_copy(bytes, write->rows[i].value);
    }
    copy->keys = keys;
    copy->rows = rows;
}

struct parcel *parcel_new(const struct store_write *writes, size_t count)
{
    size_t array_size = 0;
    size_t byte_size = 0;
    for (size_t i = 0; i < count; i++) {
        array_size += parcel_array_size(&writes[i]);
        byte_size += parcel_byte_size(&writes[i]);
    }
    size_t head_size = sizeof(struct parcel) + count * sizeof(struct store_write);
    size_t size = head_size + array_size + byte_size;
    struct parcel *parcel = malloc(size);
    if (!parcel)
        return NULL;
    *parcel = (struct parcel){.size = size, .count = count};
    list_init(&parcel->node);
    char *arrays = (char *)parcel + head_size;
    char *bytes = arrays + array_size;
    for (size_t i = 0; i < count; i++)
        parcel_copy_write(&parcel->writes[i], &writes[i], &arrays, &bytes);
    CHECK(bytes == (char *)parcel + size);
    return parcel;
}
