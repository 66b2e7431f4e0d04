/* notice/mail.c - a mail by libcurl, on a thread of libuv's pool (invariant 1 of notice/notice.h).
 */
#include <curl/curl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/uri.h"
#include "notice/send.h"

enum { MAIL_SERVER_S = NOTICE_TIMEOUT_MS / 1000, MAIL_TEXT = 1024 };

struct mail {
    struct notice_send send;
    uv_work_t work;
    struct buf url, from, to, user, password, tls_ca;
    bool must_encrypt;
    atomic_bool must_end;
    uv_mutex_t lock; /* of fd: the loop shuts it, the worker closes it */
    int fd;          /* -1 = none */
    size_t at;       /* of the body, sent so far */
    CURLcode code;
    long status; /* of SMTP */
    char trouble[CURL_ERROR_SIZE];
};

/* ---- on the worker ---- */

static size_t mail_on_read(char *out, size_t one, size_t size, void *arg)
{
    struct mail *mail = arg;
    struct slice rest = slice_first(slice_from(buf_slice(&mail->send.body), mail->at), one * size);
    if (rest.size > 0)
        memcpy(out, rest.at, rest.size);
    mail->at += rest.size;
    return rest.size;
}

static int mail_on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct mail *mail = arg;
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return atomic_load(&mail->must_end);
}

/* What waits for a server that says nothing is ended by shutting its socket: libcurl asks no
 * callback while it waits for the answer to QUIT. */
static curl_socket_t mail_on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct mail *mail = arg;
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    uv_mutex_lock(&mail->lock);
    mail->fd = fd;
    uv_mutex_unlock(&mail->lock);
    return fd >= 0 ? fd : CURL_SOCKET_BAD;
}

static int mail_on_close(void *arg, curl_socket_t fd)
{
    struct mail *mail = arg;
    uv_mutex_lock(&mail->lock);
    if (mail->fd == fd)
        mail->fd = -1;
    int closed = close(fd);
    uv_mutex_unlock(&mail->lock);
    return closed;
}

static bool mail_set_socket(struct mail *mail, CURL *easy)
{
    return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, mail_on_open) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, mail) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, mail_on_close) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, mail) == CURLE_OK;
}

static bool mail_set_login(const struct mail *mail, CURL *easy)
{
    return mail->user.size == 0 ||
           (curl_easy_setopt(easy, CURLOPT_USERNAME, buf_text(&mail->user)) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_PASSWORD, buf_text(&mail->password)) == CURLE_OK);
}

static bool mail_set_tls(const struct mail *mail, CURL *easy)
{
    long encryption = mail->must_encrypt ? CURLUSESSL_ALL : CURLUSESSL_NONE;
    return curl_easy_setopt(easy, CURLOPT_USE_SSL, encryption) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           (mail->tls_ca.size == 0 ||
            curl_easy_setopt(easy, CURLOPT_CAINFO, buf_text(&mail->tls_ca)) == CURLE_OK);
}

static bool mail_set(struct mail *mail, CURL *easy, struct curl_slist *to)
{
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_URL, buf_text(&mail->url)) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)NOTICE_TIMEOUT_MS) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)MAIL_SERVER_S) ==
               CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, mail->trouble) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_MAIL_FROM, buf_text(&mail->from)) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, to) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_READFUNCTION, mail_on_read) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_READDATA, mail) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, mail_on_progress) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_XFERINFODATA, mail) == CURLE_OK &&
           mail_set_socket(mail, easy) && mail_set_tls(mail, easy) && mail_set_login(mail, easy);
}

static void mail_work(uv_work_t *work)
{
    struct mail *mail = work->data;
    CURL *easy = curl_easy_init();
    struct curl_slist *to = curl_slist_append(NULL, buf_text(&mail->to));
    mail->code = CURLE_OUT_OF_MEMORY;
    if (easy && to && mail_set(mail, easy, to)) {
        mail->code = curl_easy_perform(easy);
        (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &mail->status); /* 0: none came */
    }
    curl_slist_free_all(to);
    curl_easy_cleanup(easy);
}

/* ---- on the loop ---- */

static void mail_free(struct mail *mail)
{
    buf_done(&mail->url);
    buf_done(&mail->from);
    buf_done(&mail->to);
    buf_done(&mail->user);
    if (mail->password.at)
        explicit_bzero(mail->password.at, mail->password.size);
    buf_done(&mail->password);
    buf_done(&mail->tls_ca);
    uv_mutex_destroy(&mail->lock);
    free(mail);
}

static void mail_done(uv_work_t *work, int status)
{
    struct mail *mail = work->data;
    struct notify_result result = {.outcome = NOTIFY_DELIVERED};
    if (status != 0 || mail->code != CURLE_OK) {
        /* 5xx: "will never be taken" (RFC 5321 4.2.1); so is a server without the TLS asked for. */
        bool is_final = mail->status >= 500 || mail->code == CURLE_USE_SSL_FAILED;
        const char *why =
            mail->trouble[0] ? mail->trouble : curl_easy_strerror(mail->code); /* libcurl's words */
        buf_add_text(&mail->send.what, why);
        result = (struct notify_result){.outcome = is_final ? NOTIFY_NEVER : NOTIFY_LATER,
                                        .what = buf_slice(&mail->send.what)};
    }
    notice_end(&mail->send, &result);
    mail_free(mail);
}

static void mail_stop(struct notice_send *send)
{
    struct mail *mail = (struct mail *)(void *)send;
    atomic_store(&mail->must_end, true);
    uv_mutex_lock(&mail->lock);
    if (mail->fd >= 0)
        (void)shutdown(mail->fd, SHUT_RDWR); /* it may have ended already */
    uv_mutex_unlock(&mail->lock);
    (void)uv_cancel((uv_req_t *)&mail->work); /* it may be at work already: then it ends soon */
}

static bool mail_is_loopback(struct slice url)
{
    struct uri_authority authority;
    size_t host = slice_find(url, '/') + 2;
    return uri_split_authority(slice_from(url, host), &authority) &&
           uri_host_is_loopback(authority.host);
}

static void mail_copy(struct mail *mail, const struct notify_message *message)
{
    const struct channel *channel = message->channel;
    struct buf *const bufs[] = {&mail->url,  &mail->from,     &mail->to,
                                &mail->user, &mail->password, &mail->tls_ca};
    const struct slice texts[] = {channel->url,  channel->from,   message->address,
                                  channel->user, message->secret, channel->tls_ca};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++) {
        buf_init(bufs[i], MAIL_TEXT);
        buf_add(bufs[i], texts[i]);
    }
    bool is_smtps = slice_starts(channel->url, SLICE("smtps://"));
    mail->must_encrypt = !is_smtps && (channel->tls_ca.size > 0 || !mail_is_loopback(channel->url));
}

enum err notice_mail_send(struct notices *notices, const struct notify_message *message)
{
    if (!wire_is_address(message->address) || !wire_is_address(message->channel->from))
        return ERR_INVALID;
    struct mail *mail = calloc(1, sizeof *mail);
    if (!mail || uv_mutex_init(&mail->lock) != 0) {
        free(mail);
        return ERR_NO_MEMORY;
    }
    mail->fd = -1;
    notice_send_init(notices, message, &mail->send);
    mail->send.stop = mail_stop;
    mail->work.data = mail;
    mail_copy(mail, message);
    wire_mail_add(&mail->send.body, message);
    (void)uv_queue_work(notices->loop, &mail->work, mail_work, mail_done); /* fails without cb */
    return ERR_OK;
}
