#include "api/openapi.h"

#include "api/handlers.h"
#include "api/parameter.h"

/* The file itself, byte for byte; the path is from the root of the tree, where make runs. */
__asm__(".section .rodata\n"
        ".global openapi_file, openapi_file_end\n"
        ".hidden openapi_file, openapi_file_end\n"
        "openapi_file:\n"
        ".incbin \"docs/openapi.json\"\n"
        "openapi_file_end:\n"
        ".byte 0\n"
        ".previous\n");
extern const char openapi_file[], openapi_file_end[];

struct slice openapi_text(void)
{
    return slice_of(openapi_file, (size_t)(openapi_file_end - openapi_file));
}

void openapi_get(struct call *call)
{
    if (!parameter_read(call, NULL, 0))
        return;
    call_add_header(call, "Cache-Control", SLICE("max-age=300"));
    call_answer(call, 200, SLICE("application/json"), openapi_text());
}

/* Until there is a console: where to go on from here. */
void openapi_home(struct call *call)
{
    call_answer(call, 200, SLICE("text/plain; charset=utf-8"),
                SLICE("interlock: a gate between automations and the actions they take.\n"
                      "\n"
                      "/openapi.json   every call of this API\n"
                      "/readyz         whether it can work, and why not\n"
                      "/v1/inbox       what waits for people (with a token)\n"
                      "\n"
                      "On the command line: interlock status\n"));
}
