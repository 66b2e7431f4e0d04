#include "api/principal.h"

#include <assert.h>

#include "base/text.h"
#include "record/digest.h"

static_assert(DIGEST_SIZE == 32, "token_owner takes a whole SHA-256");

bool principal_by_name(const struct config *config, struct slice name,
                       struct principal *out_principal)
{
    const struct person *person = config_person(config, name);
    if (person) {
        *out_principal =
            (struct principal){.kind = PRINCIPAL_PERSON, .name = person->name, .person = person};
        return true;
    }
    const struct service *service = config_service(config, name);
    if (!service)
        return false;
    *out_principal = (struct principal){.kind = PRINCIPAL_SERVICE,
                                        .name = service->name,
                                        .person = service->human,
                                        .service = service};
    return true;
}

enum principal_found principal_by_token(const struct engine_port *engine, struct slice token,
                                        struct slice *out_name, struct principal *out_principal)
{
    unsigned char hash[DIGEST_SIZE];
    digest_bytes(token, hash);
    struct slice name;
    if (!engine->token_owner(engine->impl, hash, &name))
        return PRINCIPAL_UNKNOWN_TOKEN;
    if (principal_by_name(engine->config(engine->impl), name, out_principal))
        return PRINCIPAL_FOUND;
    *out_name = name;
    return PRINCIPAL_REMOVED;
}

void principal_add_token(const unsigned char random[PRINCIPAL_TOKEN_BYTES], struct buf *out)
{
    buf_add_text(out, "ilk_");
    text_add_base32(out, slice_of(random, PRINCIPAL_TOKEN_BYTES));
}
