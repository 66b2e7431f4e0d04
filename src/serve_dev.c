#include "serve_dev.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

static const char dev_installation[] =
    "# interlock serve --dev: everything here is gone when it ends.\n"
    "listen: 127.0.0.1:0\n"
    "store: ./data\n"
    "policies: ./policies\n"
    "people:\n"
    "  you: { name: You, email: you@example.org, token: { file: secrets/cli-token } }\n"
    "  colleague: { name: A colleague, email: colleague@example.org }\n"
    "groups:\n"
    "  team: [you, colleague]\n"
    "  admins: [you]\n"
    "switch: { owner: team, restart: team, inform: you }\n"
    "upstreams:\n"
    "  sandbox:\n"
    "    sandbox: true\n"
    "    idempotency: { header: Idempotency-Key, keeps: 24h }\n";

static const char dev_policy[] =
    "workflow: hello\n"
    "purpose: A place to try interlock\n"
    "owner: team\n"
    "restart: team\n"
    "inform: you\n"
    "mode: auto\n"
    "steps:\n"
    "  send:\n"
    "    kind: message\n"
    "    recipient: ${input.to}\n"
    "    call: sandbox POST /messages\n"
    "    key: ${input.to}:${input.text}\n"
    "    summary: A message to ${input.to}\n"
    "    body:\n"
    "      to: ${input.to}\n"
    "      text: ${input.text}\n"
    "    rules:\n"
    "      - shouting: review if input.text == input.text.upperAscii()\n";

static bool dev_write(const struct serve_dev *dev, const char *name, const char *text)
{
    char path[512];
    size_t size = strlen(text);
    (void)snprintf(path, sizeof path, "%s/%s", dev->folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool is_good = fd >= 0 && write(fd, text, size) == (ssize_t)size;
    if (fd >= 0 && close(fd) != 0)
        is_good = false;
    return is_good;
}

static bool dev_make_folder(const struct serve_dev *dev, const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", dev->folder, name);
    return mkdir(path, 0700) == 0;
}

static bool dev_make_token(struct serve_dev *dev)
{
    unsigned char bytes[24];
    struct buf text;
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return false;
    buf_init(&text, sizeof dev->token - 1);
    buf_add_text(&text, "dev_");
    text_add_base32(&text, slice_of(bytes, sizeof bytes));
    memcpy(dev->token, buf_text(&text), text.size + 1);
    buf_done(&text);
    return true;
}

bool serve_dev_make(struct serve_dev *dev)
{
    const char *base = getenv("TMPDIR");
    (void)snprintf(dev->folder, sizeof dev->folder, "%s/interlock-dev-XXXXXX",
                   base && *base ? base : "/tmp");
    if (!mkdtemp(dev->folder)) {
        (void)fprintf(stderr, "interlock: no temporary folder can be made\n");
        return false;
    }
    dev->is_made = true;
    (void)snprintf(dev->config, sizeof dev->config, "%s/interlock.yaml", dev->folder);
    bool is_good = dev_make_token(dev) && dev_make_folder(dev, "policies") &&
                   dev_make_folder(dev, "secrets") &&
                   dev_write(dev, "interlock.yaml", dev_installation) &&
                   dev_write(dev, "policies/hello.yaml", dev_policy) &&
                   dev_write(dev, "secrets/cli-token", dev->token);
    if (!is_good)
        (void)fprintf(stderr, "interlock: %s cannot be written\n", dev->folder);
    return is_good;
}

void serve_dev_tell(const struct serve_dev *dev, uint16_t port)
{
    (void)printf("export INTERLOCK_URL=http://127.0.0.1:%u\n"
                 "export INTERLOCK_TOKEN=%s\n"
                 "# in another terminal, after these two lines:\n"
                 "#   interlock submit hello send to=ana@example.org text=hi\n"
                 "#   interlock sandbox sandbox lose 1     the next answer gets lost\n"
                 "#   interlock explain ID · interlock status · interlock stop hello\n",
                 port, dev->token);
}

static int dev_remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

void serve_dev_remove(struct serve_dev *dev)
{
    if (!dev->is_made)
        return;
    if (nftw(dev->folder, dev_remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0)
        (void)fprintf(stderr, "interlock: %s could not be removed\n", dev->folder);
    dev->is_made = false;
}
