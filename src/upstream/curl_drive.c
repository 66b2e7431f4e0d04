#include "upstream/curl_drive.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/limits.h"

enum {
    CURL_DRIVE_AGAIN_MS = 10,
    CURL_DRIVE_KICKS = 8, /* runs before one poll: calls begun by a call that just ended */
    CURL_DRIVE_DRAIN = 16 /* reads of 4 KiB from an idle connection that is to be ended */
};

struct curl_watch {
    uv_poll_t poll;
    struct curl_drive *drive;
    curl_socket_t fd;
    uint64_t cookie; /* of a socket opened by us; 0 = one of libcurl's own */
    bool is_kept;    /* it was open after its first use: invariant 1, else 2 */
    int wanted;      /* UV_READABLE | UV_WRITABLE: what libcurl asks for */
    int watched;     /* what epoll has */
};

static struct curl_watch *curl_watch_find(const struct curl_drive *drive, curl_socket_t fd)
{
    return map_get(&drive->watches, map_key_u64((uint64_t)fd));
}

static void curl_drive_handle_closed(struct curl_drive *drive)
{
    CHECK(drive->handle_count > 0);
    drive->handle_count--;
    if (drive->handle_count == 0 && drive->is_closing)
        drive->closed(drive->arg);
}

static void curl_watch_closed(uv_handle_t *handle)
{
    struct curl_watch *watch = handle->data;
    struct curl_drive *drive = watch->drive;
    free(watch);
    curl_drive_handle_closed(drive);
}

/* Before the fd is closed. */
static void curl_watch_free(struct curl_watch *watch)
{
    (void)map_remove(&watch->drive->watches, map_key_u64((uint64_t)watch->fd)); /* it is there */
    uv_close((uv_handle_t *)&watch->poll, curl_watch_closed);
}

/* The kernel's number of a socket, never given twice; 0 = fd is no socket. */
static uint64_t curl_watch_cookie(curl_socket_t fd)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

static struct curl_watch *curl_watch_new(struct curl_drive *drive, curl_socket_t fd)
{
    struct curl_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return NULL;
    if (map_put(&drive->watches, map_key_u64((uint64_t)fd), watch) != ERR_OK) {
        free(watch);
        return NULL;
    }
    if (uv_poll_init(drive->loop, &watch->poll, fd) != 0) {
        (void)map_remove(&drive->watches, map_key_u64((uint64_t)fd)); /* put above */
        free(watch);
        return NULL;
    }
    watch->drive = drive;
    watch->fd = fd;
    watch->poll.data = watch;
    drive->handle_count++;
    uv_unref((uv_handle_t *)&watch->poll); /* invariant 4 */
    return watch;
}

static void curl_drive_on_time(uv_timer_t *timer);

/* One run of libcurl, and what comes after it, outside of libcurl. A run that ends early, without
 * memory, has not told us its next time: it is run again soon. */
static void curl_drive_act(struct curl_drive *drive, curl_socket_t fd, int events)
{
    int running = 0;
    CURLMcode code = curl_multi_socket_action(drive->multi, fd, events, &running);
    CHECK(code != CURLM_BAD_HANDLE && code != CURLM_RECURSIVE_API_CALL);
    if (code != CURLM_OK)
        (void)uv_timer_start(&drive->timer, curl_drive_on_time, CURL_DRIVE_AGAIN_MS, 0);
    drive->after(drive->arg);
}

static void curl_watch_ready(uv_poll_t *poll, int status, int events);

/* Makes epoll have what libcurl wants. */
static void curl_watch_sync(struct curl_watch *watch)
{
    if (watch->wanted == watch->watched)
        return;
    watch->watched = watch->wanted;
    if (watch->wanted == 0)
        (void)uv_poll_stop(&watch->poll); /* cannot fail */
    else if (uv_poll_start(&watch->poll, watch->wanted, curl_watch_ready) != 0)
        watch->watched = 0; /* the call ends by its timeout */
}

/* Invariant 5. Reads what came, so that libcurl's look at the socket finds its end. */
static void curl_watch_end_idle(struct curl_watch *watch)
{
    char bytes[4096];
    ssize_t size = 0;
    for (int i = 0; i < CURL_DRIVE_DRAIN; i++) {
        size = recv(watch->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (size <= 0)
            break;
    }
    (void)shutdown(watch->fd, SHUT_RDWR); /* it may be gone already */
    curl_watch_sync(watch);
}

static void curl_watch_ready(uv_poll_t *poll, int status, int events)
{
    struct curl_watch *watch = poll->data;
    if (status < 0)
        watch->watched = 0; /* libuv stops a socket with an error */
    if (watch->wanted == 0) {
        curl_watch_end_idle(watch);
        return;
    }
    int flags = 0; /* with an error: libcurl looks itself, and still reads what came before it */
    if (status >= 0)
        flags = (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
                (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
    curl_drive_act(watch->drive, watch->fd, flags);
    if (!uv_is_closing((uv_handle_t *)poll) && watch->watched == 0)
        curl_watch_sync(watch);
}

/* libcurl wants nothing of it any more: after a use, or because it is gone. */
static void curl_watch_rest(struct curl_watch *watch)
{
    if (watch->cookie != 0 && !watch->is_kept)
        watch->is_kept = curl_watch_cookie(watch->fd) == watch->cookie;
    watch->wanted = 0;
    if (!watch->is_kept)
        curl_watch_free(watch);
}

static int curl_drive_on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
    (void)easy;
    (void)unused;
    struct curl_drive *drive = arg;
    struct curl_watch *watch = curl_watch_find(drive, fd);
    if (what == CURL_POLL_REMOVE) {
        if (watch)
            curl_watch_rest(watch);
        return 0;
    }
    if (!watch)
        watch = curl_watch_new(drive, fd);
    if (!watch)
        return 0; /* no memory for a look-up's pipe: that call ends by its timeout */
    watch->wanted =
        (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    curl_watch_sync(watch);
    return 0;
}

static curl_socket_t curl_drive_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct curl_drive *drive = arg;
    int wanted = 0;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    struct curl_watch *gone = curl_watch_find(drive, fd);
    if (gone) { /* invariant 6 */
        wanted = gone->wanted;
        curl_watch_free(gone);
    }
    struct curl_watch *watch = curl_watch_new(drive, fd);
    if (!watch) {
        (void)close(fd); /* a socket never connected */
        return CURL_SOCKET_BAD;
    }
    watch->cookie = curl_watch_cookie(fd);
    watch->wanted = wanted;
    curl_watch_sync(watch);
    return fd;
}

static int curl_drive_close_socket(void *arg, curl_socket_t fd)
{
    struct curl_watch *watch = curl_watch_find(arg, fd);
    if (watch)
        curl_watch_free(watch);
    return close(fd);
}

static void curl_drive_on_time(uv_timer_t *timer)
{
    curl_drive_act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static void curl_drive_on_kick(uv_prepare_t *kick)
{
    struct curl_drive *drive = kick->data;
    for (int i = 0; i < CURL_DRIVE_KICKS && uv_is_active((uv_handle_t *)kick); i++) {
        (void)uv_prepare_stop(kick); /* cannot fail */
        curl_drive_act(drive, CURL_SOCKET_TIMEOUT, 0);
    }
    if (uv_is_active((uv_handle_t *)kick)) {
        (void)uv_prepare_stop(kick);                                   /* cannot fail */
        (void)uv_timer_start(&drive->timer, curl_drive_on_time, 0, 0); /* has a callback */
    }
}

static int curl_drive_on_timer(CURLM *multi, long timeout_ms, void *arg)
{
    (void)multi;
    struct curl_drive *drive = arg;
    if (drive->is_closing)
        return 0;
    if (timeout_ms < 0)
        (void)uv_timer_stop(&drive->timer); /* cannot fail */
    else if (timeout_ms == 0)
        (void)uv_prepare_start(&drive->kick, curl_drive_on_kick); /* has a callback */
    else
        (void)uv_timer_start(&drive->timer, curl_drive_on_time, (uint64_t)timeout_ms, 0);
    return 0;
}

enum err curl_drive_init(struct curl_drive *drive, uv_loop_t *loop)
{
    *drive = (struct curl_drive){.loop = loop, .handle_count = 2};
    drive->multi = curl_multi_init();
    if (!drive->multi)
        return ERR_NO_MEMORY;
    map_init(&drive->watches, LIMIT_UPSTREAM_SOCKETS);
    (void)uv_timer_init(loop, &drive->timer);  /* cannot fail */
    (void)uv_prepare_init(loop, &drive->kick); /* cannot fail */
    drive->timer.data = drive;
    drive->kick.data = drive;
    CURLM *multi = drive->multi;
    bool is_set =
        curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, curl_drive_on_socket) == CURLM_OK &&
        curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, drive) == CURLM_OK &&
        curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, curl_drive_on_timer) == CURLM_OK &&
        curl_multi_setopt(multi, CURLMOPT_TIMERDATA, drive) == CURLM_OK &&
        curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) == CURLM_OK &&
        curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)LIMIT_UPSTREAM_IDLE) == CURLM_OK;
    CHECK(is_set); /* all of these exist in the libcurl that we were built with */
    return ERR_OK;
}

static void curl_drive_closed(uv_handle_t *handle)
{
    curl_drive_handle_closed(handle->data);
}

void curl_drive_close(struct curl_drive *drive)
{
    drive->is_closing = true;
    (void)curl_multi_cleanup(drive->multi); /* closes idle connections, and so their watchers */
    drive->multi = NULL;
    for (size_t cursor = 0; drive->watches.count > 0; cursor = 0)
        curl_watch_free(map_next(&drive->watches, &cursor)); /* none is known to be left */
    map_done(&drive->watches);
    uv_close((uv_handle_t *)&drive->timer, curl_drive_closed);
    uv_close((uv_handle_t *)&drive->kick, curl_drive_closed);
}

bool curl_drive_adopt(struct curl_drive *drive, CURL *easy)
{
    return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, curl_drive_open) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, drive) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, curl_drive_close_socket) ==
               CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, drive) == CURLE_OK;
}
