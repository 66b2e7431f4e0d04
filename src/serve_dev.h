/* serve_dev.h - `serve --dev`: an installation that needs nothing set up and leaves nothing behind.
 * Owns: a temporary folder with a configuration, one workflow at the sandbox, and one token. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct serve_dev {
    char folder[256];
    char config[320]; /* path of its interlock.yaml */
    char token[80];
    bool is_made;
};

/* false: told on standard error. */
bool serve_dev_make(struct serve_dev *dev);
/* The two `export` lines, and what to try. */
void serve_dev_tell(const struct serve_dev *dev, uint16_t port);
/* Removes the folder. Harmless when nothing was made. */
void serve_dev_remove(struct serve_dev *dev);
