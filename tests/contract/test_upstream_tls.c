/* The upstream port over TLS: a certificate that does not verify is told apart, and nothing leaves.
 * The server is `openssl s_server`, a child of this test, on a free port. */
#include <fcntl.h>
#include <limits.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "contract/upstream_rig.h"

extern char **environ;

struct folder {
    char path[PATH_MAX];
};

static struct folder folder; /* of this run: keys and certificates */

static const char *folder_file(char out[PATH_MAX], const char *name)
{
    struct buf path;
    buf_init(&path, PATH_MAX - 1);
    buf_add_fmt(&path, "%s/%s", folder.path, name);
    assert_true(buf_ok(&path));
    memcpy(out, buf_text(&path), path.size + 1);
    buf_done(&path);
    return out;
}

/* A child with its standard output at *out_fd, when that is asked for. */
static pid_t openssl_start(const char *const arguments[], int *out_fd)
{
    pid_t pid = -1;
    int ends[2] = {-1, -1};
    posix_spawn_file_actions_t actions;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO), 0);
    assert_int_equal(
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0), 0);
    assert_int_equal(
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0), 0);
    assert_int_equal(
        posix_spawnp(&pid, "openssl", &actions, NULL, (char *const *)(uintptr_t)arguments, environ),
        0);
    (void)posix_spawn_file_actions_destroy(&actions); /* initialised above */
    (void)close(ends[1]);
    if (out_fd)
        *out_fd = ends[0];
    else
        (void)close(ends[0]);
    return pid;
}

static void certificate_add(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* A key and a self-signed certificate for one name, in force until `until_s` from now. */
static void certificate_make(const char *name, const char *key_name, const char *subject_alt,
                             long until_s)
{
    char path[PATH_MAX];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    assert_true(key && certificate);
    assert_int_equal(X509_set_version(certificate, 2), 1); /* v3 */
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), -86400));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), until_s));
    X509_NAME *subject = X509_get_subject_name(certificate);
    assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                                (const unsigned char *)name, -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(certificate, subject), 1);
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    certificate_add(certificate, NID_basic_constraints, "critical,CA:TRUE");
    certificate_add(certificate, NID_subject_alt_name, subject_alt);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    FILE *file = fopen(folder_file(path, name), "w");
    assert_true(file && PEM_write_X509(file, certificate) == 1 && fclose(file) == 0);
    file = fopen(folder_file(path, key_name), "w");
    assert_true(file && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1 &&
                fclose(file) == 0);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

struct server {
    pid_t pid;
    int fd;
    int port;
};

static void server_start(struct server *server, const char *certificate)
{
    char key[PATH_MAX], file[PATH_MAX], name[100], line[200];
    struct buf text;
    buf_init(&text, 90);
    buf_add_fmt(&text, "%s.key", certificate);
    memcpy(name, buf_text(&text), text.size + 1);
    buf_done(&text);
    const char *const arguments[] = {"openssl",
                                     "s_server",
                                     "-accept",
                                     "127.0.0.1:0",
                                     "-www",
                                     "-cert",
                                     folder_file(file, certificate),
                                     "-key",
                                     folder_file(key, name),
                                     NULL};
    server->pid = openssl_start(arguments, &server->fd);
    size_t size = 0;
    server->port = 0;
    while (server->port == 0) { /* "ACCEPT 127.0.0.1:43983" */
        assert_true(size + 1 < sizeof line && read(server->fd, line + size, 1) == 1);
        if (line[size++] != '\n')
            continue;
        line[size] = '\0';
        size = 0;
        (void)sscanf(line, "ACCEPT 127.0.0.1:%d", &server->port); /* another line: still 0 */
    }
}

static void server_stop(struct server *server)
{
    (void)kill(server->pid, SIGKILL); /* our own child */
    (void)waitpid(server->pid, NULL, 0);
    (void)close(server->fd);
}

struct tls_case {
    const char *certificate; /* the server's */
    const char *tls_ca;      /* NULL = the system's */
    const char *want;
};

static void certificates_decide(void **state)
{
    (void)state;
    static const struct tls_case cases[] = {
        {"good", "good", "answered 200"},
        {"good", NULL, "not_sent certificate"},
        {"good", "other", "not_sent certificate"},
        {"good", "missing", "not_sent certificate"},
        {"other", "other", "not_sent certificate"}, /* for another name */
        {"expired", "expired", "not_sent certificate"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig rig;
        struct server server;
        char file[PATH_MAX];
        server_start(&server, cases[i].certificate);
        rig_start(&rig, "read; ok", false);
        (void)snprintf(rig.url, sizeof rig.url, "https://127.0.0.1:%d", server.port);
        rig.endpoint.base_url = slice_text(rig.url);
        if (cases[i].tls_ca)
            rig.endpoint.tls_ca = slice_text(folder_file(file, cases[i].tls_ca));
        struct upstream_call call = rig_call(&rig);
        call.method = SLICE("GET"); /* all that s_server answers */
        call.body = (struct slice){0};
        call.timeout_ms = RIG_WATCHDOG_MS;
        call.connect_timeout_ms = RIG_WATCHDOG_MS;
        call.answer_max = LIMIT_ANSWER;
        rig_run(&rig, &call);
        assert_got(&rig.got, cases[i].want);
        bool is_good = rig.got.answer.phase == UPSTREAM_ANSWERED;
        assert_int_equal(rig.got.asked, is_good);
        assert_true(is_good ||
                    slice_starts(buf_slice(&rig.got.what), SLICE("certificate refused: ")));
        rig_stop(&rig);
        server_stop(&server);
    }
}

/* One handle, one after the other: the CA of one call does not stay for the next one. */
static void trust_does_not_stay(void **state)
{
    (void)state;
    struct rig rig;
    struct server server;
    char file[PATH_MAX];
    server_start(&server, "good");
    rig_start(&rig, "read; ok", false);
    (void)snprintf(rig.url, sizeof rig.url, "https://127.0.0.1:%d", server.port);
    rig.endpoint.base_url = slice_text(rig.url);
    struct upstream_call call = rig_call(&rig);
    call.method = SLICE("GET");
    call.body = (struct slice){0};
    call.timeout_ms = RIG_WATCHDOG_MS;
    call.connect_timeout_ms = RIG_WATCHDOG_MS;
    call.answer_max = LIMIT_ANSWER;
    for (int i = 0; i < 4; i++) {
        bool is_trusted = i % 2 == 0;
        rig.endpoint.tls_ca =
            is_trusted ? slice_text(folder_file(file, "good")) : (struct slice){0};
        rig_run(&rig, &call);
        assert_got(&rig.got, is_trusted ? "answered 200" : "not_sent certificate");
    }
    rig_stop(&rig);
    server_stop(&server);
}

static int folder_make(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    (void)snprintf(folder.path, sizeof folder.path, "%s/interlock-tls-XXXXXX",
                   base ? base : "/tmp");
    if (!mkdtemp(folder.path))
        return -1;
    certificate_make("good", "good.key", "IP:127.0.0.1", 86400);
    certificate_make("other", "other.key", "DNS:other.example", 86400);
    certificate_make("expired", "expired.key", "IP:127.0.0.1", -3600);
    return 0;
}

static int folder_remove(void **state)
{
    (void)state;
    static const char *const names[] = {"good",      "good.key", "other",
                                        "other.key", "expired",  "expired.key"};
    char file[PATH_MAX];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)unlink(folder_file(file, names[i])); /* ours */
    return rmdir(folder.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_decide),
        cmocka_unit_test(trust_does_not_stay),
    };
    return cmocka_run_group_tests_name("upstream tls", tests, folder_make, folder_remove);
}
