#include "serve_suspects.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "record/ids.h"

enum { SUSPECTS_LINES = 1024 };

/* What the handler needs, prepared: nothing in it may allocate. */
static struct {
    char path[4096];
    const struct engine *engine;
} suspects;

static bool suspects_path(struct slice folder, char out[4096])
{
    int size = snprintf(out, 4096, "%.*s/suspects", SLICE_FMT(folder));
    return size > 0 && size < 4096;
}

static void suspects_on_abort(int number)
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* as text_add_id */
    char line[17] = "a_";
    uint64_t id = suspects.engine ? engine_in_work(suspects.engine) : 0;
    (void)signal(number, SIG_DFL); /* then the process ends as it would have */
    if (id == 0)
        return;
    for (size_t i = 14; i >= 2; i--) {
        line[i] = digits[id & 31];
        id >>= 5;
    }
    line[15] = '\n';
    int fd = open(suspects.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    ssize_t put = write(fd, line, 16);
    (void)put; /* nobody is left to be told */
    (void)close(fd);
}

void serve_suspects_watch(struct slice folder, const struct engine *engine)
{
    suspects.engine = engine;
    if (!engine || !suspects_path(folder, suspects.path))
        (void)signal(SIGABRT, SIG_DFL);
    else
        (void)signal(SIGABRT, suspects_on_abort);
}

size_t serve_suspects_read(struct slice folder, uint64_t out_ids[SUSPECTS_MAX])
{
    char path[4096];
    char line[64];
    uint64_t once[SUSPECTS_LINES];
    size_t once_count = 0;
    size_t count = 0;
    FILE *file = suspects_path(folder, path) ? fopen(path, "re") : NULL;
    while (file && fgets(line, sizeof line, file) && once_count < SUSPECTS_LINES) {
        uint64_t id = 0;
        bool is_known = false;
        line[strcspn(line, "\n")] = '\0';
        if (!text_parse_id(slice_text(line), ID_ACTION, &id))
            continue;
        for (size_t i = 0; i < once_count; i++)
            is_known = is_known || once[i] == id;
        if (!is_known)
            once[once_count++] = id;
        else if (count < SUSPECTS_MAX)
            out_ids[count++] = id;
    }
    if (file)
        (void)fclose(file); /* only read from */
    return count;
}

void serve_suspects_forget(struct slice folder)
{
    char path[4096];
    if (suspects_path(folder, path))
        (void)unlink(path); /* usually there is none */
}
