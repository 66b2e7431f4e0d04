/* What administrators do: verify, backup, token, reload, sandbox. */
#include "base/limits.h"
#include "cli/command.h"
#include "cli/daemon.h"
#include "cli/verdict.h"

/* POST (or GET without a body); the good answer as JSON, or NULL: told, invocation->exit says. */
static json_t *admin_ask(struct invocation *invocation, const char *method, struct slice target,
                         struct slice body)
{
    struct daemon_answer answer;
    struct daemon_question question = {.method = method, .target = target, .body = body};
    if (!daemon_ask(invocation, &question, &answer))
        return NULL;
    if (!daemon_is_good(&answer)) {
        invocation->exit = daemon_tell(invocation, &answer);
        return NULL;
    }
    invocation->exit = CLI_REFUSED;
    json_t *json = daemon_json(invocation, &answer);
    if (json && invocation_has(invocation, "json"))
        say(invocation, "%.*s\n", SLICE_FMT(answer.body));
    return json;
}

/* {"NAME": TEXT} */
static struct slice admin_body(struct invocation *invocation, const char *name, struct slice text)
{
    struct buf body;
    buf_init(&body, LIMIT_HTTP_BODY);
    buf_add_fmt(&body, "{\"%s\":", name);
    buf_add_json_text(&body, text);
    buf_add_byte(&body, '}');
    struct slice copy = arena_copy(&invocation->arena, buf_slice(&body));
    buf_done(&body);
    return copy;
}

int command_run_backup(struct invocation *invocation)
{
    const struct cli_world *world = invocation->world;
    const char *file = invocation_argument(invocation, 0);
    const char *here = world->environment(world->impl, "PWD");
    struct slice path = slice_text(file);
    /* The daemon may have another folder than the caller: it gets the whole path. */
    if (file[0] != '/' && here && here[0] == '/')
        path = arena_fmt(&invocation->arena, "%s/%s", here, file);
    json_t *json = admin_ask(invocation, "POST", SLICE("/v1/admin/backup"),
                             admin_body(invocation, "path", path));
    if (!json)
        return invocation->exit;
    if (!invocation_has(invocation, "json"))
        say(invocation,
            "wrote %s on the daemon's machine. It is marked as a copy: served, it starts stopped.\n"
            "To serve it: the configuration and its secrets in another folder, and this file as\n"
            "interlock.db in that configuration's `store:` folder.\n",
            daemon_text(json, "path"));
    json_decref(json);
    return CLI_DONE;
}

int command_run_reload(struct invocation *invocation)
{
    json_t *json = admin_ask(invocation, "POST", SLICE("/v1/admin/reload"), SLICE("{}"));
    if (!json)
        return invocation->exit;
    const char *warnings = daemon_text(json, "warnings");
    if (!invocation_has(invocation, "json"))
        say(invocation, "%s%sreloaded: policy %s is in force\n", warnings,
            *warnings && warnings[strlen(warnings) - 1] != '\n' ? "\n" : "",
            daemon_text(json, "policy"));
    json_decref(json);
    return CLI_DONE;
}

static int admin_token_new(struct invocation *invocation, const char *name)
{
    json_t *json = admin_ask(invocation, "POST", SLICE("/v1/admin/tokens"),
                             admin_body(invocation, "name", slice_text(name)));
    if (!json)
        return invocation->exit;
    if (!invocation_has(invocation, "json")) {
        say(invocation, "%s\n", daemon_text(json, "token"));
        say_error(invocation,
                  "This is the only time that it is shown: interlock keeps its hash.\n"
                  "It is %s's, with the id %s. To take it back: interlock token revoke %s\n",
                  daemon_text(json, "name"), daemon_text(json, "id"), daemon_text(json, "id"));
    }
    json_decref(json);
    return CLI_DONE;
}

static int admin_token_list(struct invocation *invocation)
{
    json_t *json = admin_ask(invocation, "GET", SLICE("/v1/admin/tokens"), (struct slice){0});
    if (!json)
        return invocation->exit;
    const json_t *items = json_object_get(json, "items");
    bool is_json = invocation_has(invocation, "json");
    for (size_t i = 0; !is_json && i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        say(invocation, "%s  %s  made by %s, %s\n", daemon_text(item, "id"),
            daemon_text(item, "name"), daemon_text(item, "made_by"),
            daemon_time(invocation, daemon_text(item, "made_at")));
    }
    if (!is_json && json_array_size(items) == 0)
        say(invocation, "No tokens but those of the configuration.\n");
    json_decref(json);
    return CLI_DONE;
}

static int admin_token_revoke(struct invocation *invocation, const char *id)
{
    json_t *json = admin_ask(
        invocation, "POST",
        daemon_target(invocation, "/v1/admin/tokens/", slice_text(id), "/revoke"), SLICE("{}"));
    if (!json)
        return invocation->exit;
    if (!invocation_has(invocation, "json"))
        say(invocation, "revoked: the token %s is void from now on\n", id);
    json_decref(json);
    return CLI_DONE;
}

static void admin_say_away(struct invocation *invocation, const json_t *away)
{
    const char *until = daemon_text(away, "until");
    const char *cover = daemon_text(away, "cover");
    const char *no_cover = daemon_text(away, "covers_nothing");
    const json_t *nobody = json_object_get(away, "nobody_left");
    if (*until)
        say(invocation, "%s is away until %s%s%s%s%s%s\n", daemon_text(away, "person"),
            daemon_time(invocation, until), *cover ? ", covered by " : "", cover,
            *no_cover ? "; " : "", no_cover,
            *no_cover ? " covers nothing: away, or in none of the groups" : "");
    else
        say(invocation, "%s is back\n", daemon_text(away, "person"));
    for (size_t i = 0; i < json_array_size(nobody); i++) {
        const json_t *one = json_array_get(nobody, i);
        const char *step = daemon_text(one, "step");
        bool is_one = strcmp(daemon_text(one, "for"), "uncertain") == 0;
        bool is_restart = strcmp(daemon_text(one, "for"), "restart") == 0;
        say(invocation, "    NOBODY IS LEFT for %s of %s%s%s: %s for %s, who is away\n",
            is_one       ? "what is uncertain"
            : is_restart ? "restarts"
                         : "reviews",
            daemon_text(one, "workflow"), *step ? "/" : "", step, is_one ? "it waits" : "they wait",
            daemon_text(one, "waits_for"));
    }
}

static int admin_away_list(struct invocation *invocation)
{
    json_t *json = admin_ask(invocation, "GET", SLICE("/v1/admin/away"), (struct slice){0});
    if (!json)
        return invocation->exit;
    const json_t *items = json_object_get(json, "items");
    bool is_json = invocation_has(invocation, "json");
    for (size_t i = 0; !is_json && i < json_array_size(items); i++)
        admin_say_away(invocation, json_array_get(items, i));
    if (!is_json && json_array_size(items) == 0)
        say(invocation, "Nobody is away.\n");
    json_decref(json);
    return CLI_DONE;
}

/* NAME until DAY [cover NAME] | NAME back */
int command_run_away(struct invocation *invocation)
{
    const char *person = invocation_argument(invocation, 0);
    const char *verb = invocation_argument(invocation, 1);
    const char *until = invocation_argument(invocation, 2);
    const char *cover = invocation_argument(invocation, 4);
    if (!person)
        return admin_away_list(invocation);
    bool is_back = verb && strcmp(verb, "back") == 0 && !until;
    bool is_away = verb && strcmp(verb, "until") == 0 && until &&
                   (invocation->argument_count == 3 ||
                    (cover && strcmp(invocation_argument(invocation, 3), "cover") == 0));
    if (!is_back && !is_away)
        return invocation_wrong(
            invocation, "away NAME until DAY [cover NAME], or away NAME back. A DAY is written "
                        "as 2026-12-01");
    struct verdict_body body;
    verdict_begin(&body);
    verdict_add(&body, "person", person);
    if (is_back)
        verdict_add_raw(&body, "back", SLICE("true"));
    verdict_add(&body, "until", until);
    verdict_add(&body, "cover", cover);
    json_t *json =
        admin_ask(invocation, "POST", SLICE("/v1/admin/away"), verdict_end(invocation, &body));
    if (!json)
        return invocation->exit;
    if (!invocation_has(invocation, "json"))
        admin_say_away(invocation, json);
    json_decref(json);
    return CLI_DONE;
}

int command_run_token(struct invocation *invocation)
{
    struct slice verb = slice_text(invocation_argument(invocation, 0));
    const char *what = invocation_argument(invocation, 1);
    if (slice_is(verb, "list") && !what)
        return admin_token_list(invocation);
    if (slice_is(verb, "new") && what)
        return admin_token_new(invocation, what);
    if (slice_is(verb, "revoke") && what)
        return admin_token_revoke(invocation, what);
    return invocation_wrong(invocation, "token new NAME, token list, or token revoke ID");
}

/* The settings of a sandbox as its JSON; empty slice for `count`. false: wrong use, told. */
static bool admin_sandbox_settings(struct invocation *invocation, struct slice *out_settings)
{
    struct slice verb = slice_text(invocation_argument(invocation, 1));
    struct slice number = slice_text(invocation_argument(invocation, 2));
    uint64_t n = 0;
    bool has_number = slice_to_u64(number, 1000000, &n);
    *out_settings = (struct slice){0};
    if ((verb.size == 0 || slice_is(verb, "count")) && !number.at)
        return true;
    if (slice_is(verb, "lose") && has_number)
        *out_settings = arena_fmt(&invocation->arena, "{\"lose\":%llu}", (unsigned long long)n);
    else if (slice_is(verb, "slow") && has_number)
        *out_settings = arena_fmt(&invocation->arena, "{\"slow_ms\":%llu}", (unsigned long long)n);
    else if (slice_is(verb, "down") && !number.at)
        *out_settings = SLICE("{\"down\":true}");
    else if (slice_is(verb, "up") && !number.at)
        *out_settings = SLICE("{\"down\":false,\"slow_ms\":0,\"lose\":0,\"status\":0}");
    if (out_settings->size)
        return true;
    (void)invocation_wrong(invocation, "lose N, down, up, slow MS or count");
    return false;
}

/* The counts that always matter, and of the rest what is not nothing. */
static bool admin_is_shown(const char *name, const json_t *value)
{
    static const char *const always[] = {"requests", "effects", "keys", "twice_by_key", "down"};
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        if (strcmp(name, always[i]) == 0)
            return true;
    return json_integer_value(value) != 0;
}

static void admin_say_sandbox(struct invocation *invocation, json_t *report)
{
    const char *name;
    json_t *value;
    json_object_foreach(report, name, value)
    {
        if (!admin_is_shown(name, value))
            continue;
        if (json_is_integer(value))
            say(invocation, "%-17s%lld\n", name, (long long)json_integer_value(value));
        else if (json_is_boolean(value))
            say(invocation, "%-17s%s\n", name, json_is_true(value) ? "yes" : "no");
    }
}

int command_run_sandbox(struct invocation *invocation)
{
    struct slice settings;
    struct slice target = daemon_target(invocation, "/v1/sandbox/",
                                        slice_text(invocation_argument(invocation, 0)), "");
    if (!admin_sandbox_settings(invocation, &settings))
        return CLI_WRONG_USE;
    json_t *report = admin_ask(invocation, settings.size ? "POST" : "GET", target, settings);
    if (!report)
        return invocation->exit;
    if (!invocation_has(invocation, "json"))
        admin_say_sandbox(invocation, report);
    json_decref(report);
    return CLI_DONE;
}
