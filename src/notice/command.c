/* notice/command.c - a program of the configuration, with the message on its standard input. */
#include <signal.h>
#include <stdlib.h>

#include "base/limits.h"
#include "notice/send.h"

enum { COMMAND_HANDLES = 3, COMMAND_WORD = 4096 };

struct command {
    struct notice_send send;
    uv_process_t process;
    uv_pipe_t input;
    uv_timer_t limit;
    uv_write_t write;
    struct arena arena;
    int open_handles;
    bool is_late;
    struct notify_result result;
};

static void command_closed(uv_handle_t *handle)
{
    struct command *command = handle->data;
    if (--command->open_handles > 0)
        return;
    command->result.what = buf_slice(&command->send.what);
    notice_end(&command->send, &command->result);
    arena_done(&command->arena);
    free(command);
}

static void command_close(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, command_closed);
}

static void command_close_all(struct command *command)
{
    command_close((uv_handle_t *)&command->process);
    command_close((uv_handle_t *)&command->input);
    command_close((uv_handle_t *)&command->limit);
}

static void command_exited(uv_process_t *process, int64_t exit_status, int term_signal)
{
    struct command *command = process->data;
    struct buf *what = &command->send.what;
    command->result.outcome =
        exit_status == 0 && term_signal == 0 ? NOTIFY_DELIVERED : NOTIFY_LATER;
    if (command->is_late)
        buf_add_fmt(what, "the command did not end in %d s", NOTICE_TIMEOUT_MS / 1000);
    else if (term_signal != 0)
        buf_add_fmt(what, "the command was ended by signal %d", term_signal);
    else if (exit_status != 0)
        buf_add_fmt(what, "the command ended with %d", (int)exit_status);
    command_close_all(command);
}

/* Its whole group: what it started ends with it. */
static void command_kill(struct command *command)
{
    int pid = (int)command->process.pid;
    if (pid > 0 && uv_is_active((uv_handle_t *)&command->process))
        (void)kill(-pid, SIGKILL); /* it may have ended in this moment */
}

static void command_on_limit(uv_timer_t *limit)
{
    struct command *command = limit->data;
    command->is_late = true;
    command_kill(command);
}

/* The end of interlock: nobody waits for it any more. */
static void command_stop(struct notice_send *send)
{
    struct command *command = (struct command *)(void *)send;
    command_kill(command);
    command_close_all(command);
}

/* A program that reads nothing is none of our business: its exit counts. */
static void command_written(uv_write_t *write, int status)
{
    struct command *command = write->data;
    (void)status;
    command_close((uv_handle_t *)&command->input);
}

static char **command_words(struct command *command, const struct channel *channel)
{
    char **words = ARENA_ARRAY(&command->arena, channel->word_count + 1, char *);
    for (size_t i = 0; words && i < channel->word_count; i++) {
        struct slice word = arena_copy(&command->arena, channel->words[i]);
        if (!word.at)
            return NULL;
        words[i] = (char *)(uintptr_t)word.at;
    }
    return words;
}

static int command_spawn(struct command *command, char **words)
{
    static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
    char *environment[] = {path, NULL};
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&command->input},
        {.flags = UV_IGNORE},
        {.flags = UV_IGNORE}};
    char folder[] = "/";
    uv_process_options_t options = {.exit_cb = command_exited,
                                    .file = words[0],
                                    .args = words,
                                    .env = environment,
                                    .cwd = folder,
                                    .flags = UV_PROCESS_DETACHED,
                                    .stdio_count = 3,
                                    .stdio = stdio};
    return uv_spawn(command->send.notices->loop, &command->process, &options);
}

static void command_begin(struct command *command, char **words)
{
    int failed = command_spawn(command, words);
    if (failed != 0) {
        command->result.outcome = NOTIFY_NEVER;
        buf_add_fmt(&command->send.what, "the command cannot be started: %s", uv_strerror(failed));
        command_close_all(command);
        return;
    }
    uv_buf_t bytes = uv_buf_init(command->send.body.at, (unsigned)command->send.body.size);
    (void)uv_timer_start(&command->limit, command_on_limit, NOTICE_TIMEOUT_MS, 0); /* has a cb */
    command->write.data = command;
    if (uv_write(&command->write, (uv_stream_t *)&command->input, &bytes, 1, command_written) != 0)
        command_close((uv_handle_t *)&command->input);
}

enum err notice_command_send(struct notices *notices, const struct notify_message *message)
{
    struct command *command = calloc(1, sizeof *command);
    if (!command)
        return ERR_NO_MEMORY;
    arena_init(&command->arena, LIMIT_CHANNEL_WORDS * COMMAND_WORD);
    char **words = command_words(command, message->channel);
    if (!words) {
        arena_done(&command->arena);
        free(command);
        return ERR_LIMIT;
    }
    notice_send_init(notices, message, &command->send);
    command->send.stop = command_stop;
    wire_text_add(&command->send.body, message);
    command->open_handles = COMMAND_HANDLES;
    (void)uv_pipe_init(notices->loop, &command->input, 0); /* these cannot fail */
    (void)uv_timer_init(notices->loop, &command->limit);
    command->process.data = command;
    command->input.data = command;
    command->limit.data = command;
    command_begin(command, words);
    return ERR_OK;
}
