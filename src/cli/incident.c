/* What is stopped, and how it starts again. */
#include <stdio.h>

#include "base/limits.h"
#include "cli/command.h"
#include "cli/daemon.h"
#include "cli/found.h"
#include "record/ids.h"
#include "record/wording.h"

enum { INCIDENT_PAGE = 200 };

static bool incident_is_id(const char *text)
{
    uint64_t id;
    return text && text_parse_id(slice_text(text), ID_INCIDENT, &id);
}

/* The open incidents; NULL: told. */
static json_t *incident_open(struct invocation *invocation)
{
    struct daemon_answer answer;
    struct daemon_question question = {.method = "GET", .target = SLICE("/v1/incidents?open=1")};
    if (!daemon_ask(invocation, &question, &answer))
        return NULL;
    if (!daemon_is_good(&answer)) {
        invocation->exit = daemon_tell(invocation, &answer);
        return NULL;
    }
    invocation->exit = CLI_REFUSED;
    return daemon_json(invocation, &answer);
}

/* "invoice-reminders/send_reminder", "upstream mailer", "everything": what its stops cover. */
static struct slice incident_scope(struct invocation *invocation, const json_t *incident)
{
    const json_t *stop = json_array_get(json_object_get(incident, "stops"), 0);
    const json_t *own = json_object_get(incident, "scope");
    const json_t *scope = own ? own : json_object_get(stop, "scope");
    const char *workflow = daemon_text(incident, "workflow");
    const char *step = daemon_text(scope, "step");
    const char *upstream = daemon_text(scope, "upstream");
    const char *risk = daemon_text(scope, "risk");
    const char *comma = *workflow || *upstream ? ", " : "";
    if (!*workflow && !*upstream && !*risk)
        return SLICE("everything");
    return arena_fmt(&invocation->arena, "%s%s%s%s%s%s%s%s%s", workflow, *step ? "/" : "", step,
                     *upstream && *workflow ? ", " : "", *upstream ? "upstream " : "", upstream,
                     *risk ? comma : "", *risk ? "risk " : "", risk);
}

/* Who takes care of it; or how one says so, while others are told on. */
static void incident_say_ladder(struct invocation *invocation, const json_t *incident)
{
    const json_t *ladder = json_object_get(incident, "ladder");
    const char *by = daemon_text(ladder, "acknowledged_by");
    bool is_telling = strcmp(daemon_text(ladder, "state"), "telling") == 0;
    if (*by)
        say(invocation, "    acknowledged at %s by %s%s%s\n",
            daemon_time(invocation, daemon_text(ladder, "acknowledged_at")), by,
            is_telling ? ", and it goes on: interlock ack " : "",
            is_telling ? daemon_text(incident, "id") : "");
    else if (is_telling)
        say(invocation, "    nobody has acknowledged it: interlock ack %s\n",
            daemon_text(incident, "id"));
}

static void incident_say_line(struct invocation *invocation, const json_t *incident)
{
    const char *trouble = daemon_text(incident, "trouble");
    const char *kind = daemon_text(incident, "kind");
    const char *why = *trouble ? trouble : daemon_text(incident, "why");
    bool is_stop = !*kind || strcmp(kind, "stop") == 0;
    const char *by = daemon_text(incident, "by");
    const char *closed_at = daemon_text(incident, "closed_at");
    struct slice scope = incident_scope(invocation, incident);
    struct buf words; /* the page has all of it */
    buf_init(&words, LIMIT_SUMMARY * 4);
    wording_add_line(&words, slice_text(why), LIMIT_SUMMARY);
    say(invocation, "%s  %.*s  %s%s%s %s %s%s%s%s%s\n", daemon_text(incident, "id"),
        SLICE_FMT(scope), is_stop ? "" : kind, is_stop ? "" : ", ", daemon_text(incident, "state"),
        *closed_at ? "at" : "since",
        daemon_time(invocation, *closed_at ? closed_at : daemon_text(incident, "since")),
        !*by         ? ""
        : *closed_at ? ", opened by " /* not who closed it */
                     : " by ",
        by, *why ? ": " : "", buf_text(&words));
    buf_done(&words);
}

static void incident_say(struct invocation *invocation, const json_t *incident)
{
    incident_say_line(invocation, incident);
    if (!*daemon_text(incident, "closed_at"))
        incident_say_ladder(invocation, incident);
    else if (*daemon_text(incident, "joined_into"))
        say(invocation, "    it goes on as %s\n", daemon_text(incident, "joined_into"));
}

static bool incident_is_stop(const json_t *incident)
{
    const char *kind = daemon_text(incident, "kind");
    return !*kind || strcmp(kind, "stop") == 0;
}

/* Is it of that workflow, or of exactly that scope, as `interlock incident` says it? */
static bool incident_is_of(struct invocation *invocation, const json_t *incident, const char *what,
                           bool is_stop)
{
    return (!is_stop || incident_is_stop(incident)) &&
           (strcmp(daemon_text(incident, "workflow"), what) == 0 ||
            slice_is(incident_scope(invocation, incident), what));
}

/* The open ones of it, or all when it is NULL. */
static size_t incident_say_open(struct invocation *invocation, const json_t *list, const char *what,
                                bool is_stop)
{
    const json_t *items = json_object_get(list, "items");
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        if (what && !incident_is_of(invocation, item, what, is_stop))
            continue;
        incident_say(invocation, item);
        count++;
    }
    return count;
}

/* The one open incident of a workflow or scope; where it says which stop, only a stop. The id as it
 * is where that is one already. */
static int incident_find(struct invocation *invocation, const char *what, bool is_stop,
                         struct slice *out_id)
{
    *out_id = slice_text(what);
    if (incident_is_id(what))
        return CLI_DONE;
    json_t *list = incident_open(invocation);
    if (!list)
        return invocation->exit;
    const json_t *items = json_object_get(list, "items");
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        if (!incident_is_of(invocation, item, what, is_stop))
            continue;
        *out_id = arena_copy(&invocation->arena, slice_text(daemon_text(item, "id")));
        count++;
    }
    if (count == 0) {
        say_error(invocation, "interlock: no open %s of \"%s\". Open ones:\n",
                  is_stop ? "stop" : "incident", what);
        if (incident_say_open(invocation, list, NULL, false) == 0)
            say_error(invocation, "none: nothing is stopped\n");
    } else if (count > 1) {
        say_error(invocation,
                  is_stop ? "interlock: \"%s\" is stopped more than once; which one is lifted?\n"
                          : "interlock: \"%s\" has more than one open incident; which one?\n",
                  what);
        (void)incident_say_open(invocation, list, what, is_stop); /* at least two */
    }
    json_decref(list);
    return count == 1 ? CLI_DONE : CLI_REFUSED;
}

/* What an option says: where it goes, and as what. */
struct incident_saying {
    const char *option, *path, *name;
};
static const struct incident_saying incident_sayings[] = {
    {"reason", "/note", "reason"},     {"note", "/note", "note"},
    {"cause", "/note", "cause"},       {"follow-up", "/note", "follow_up"},
    {"informed", "/informed", "text"}, {"close", "/close", "reason"},
};
enum { INCIDENT_SAYINGS = sizeof incident_sayings / sizeof *incident_sayings };

static const char *incident_words(struct invocation *invocation)
{
    for (size_t i = 0; i < INCIDENT_SAYINGS; i++)
        if (invocation_option(invocation, incident_sayings[i].option))
            return invocation_option(invocation, incident_sayings[i].option);
    return "";
}

/* Who may say yes, and by what. */
static void incident_say_approvers(struct invocation *invocation, const json_t *restart)
{
    const json_t *approvers = json_object_get(restart, "approvers");
    say(invocation, "Who may approve: ");
    for (size_t i = 0; i < json_array_size(approvers); i++)
        say(invocation, "%s%s", i ? ", " : "", json_string_value(json_array_get(approvers, i)));
    say(invocation, "%s (%s), until %s", json_array_size(approvers) ? "" : "nobody but who asked",
        daemon_text(restart, "group"), daemon_time(invocation, daemon_text(restart, "ends_at")));
    if (*daemon_text(restart, "alone_from"))
        say(invocation, "; %s alone from %s on", daemon_text(restart, "by"),
            daemon_time(invocation, daemon_text(restart, "alone_from")));
    say(invocation, "\n");
}

/* Who said no to it, or took it back. */
static void incident_say_no(struct invocation *invocation, const json_t *no)
{
    const char *by = daemon_text(no, "by"), *asked_by = daemon_text(no, "asked_by");
    if (!json_is_object(no))
        return;
    if (strcmp(by, asked_by) == 0)
        say(invocation, "RESTART TAKEN BACK by %s at %s: %s\n", by,
            daemon_time(invocation, daemon_text(no, "at")), daemon_text(no, "reason"));
    else
        say(invocation, "RESTART REJECTED by %s at %s, as asked by %s: %s\n", by,
            daemon_time(invocation, daemon_text(no, "at")), asked_by, daemon_text(no, "reason"));
}

/* How far it is on its way back, and what comes next. */
static void incident_say_restart(struct invocation *invocation, const json_t *incident)
{
    const json_t *restart = json_object_get(incident, "restart");
    const json_t *ramp = json_object_get(restart, "ramp");
    const char *state = daemon_text(restart, "state");
    const char *id = daemon_text(incident, "id");
    if (strcmp(daemon_text(incident, "state"), "open") != 0)
        return;
    if (json_is_object(ramp))
        say(invocation, "RAMP    %s\n", daemon_text(ramp, "text"));
    if (strcmp(state, "asked") == 0) {
        say(invocation, "RESTART ASKED by %s at %s: %s\n", daemon_text(restart, "by"),
            daemon_time(invocation, daemon_text(restart, "at")), daemon_text(restart, "reason"));
        incident_say_approvers(invocation, restart);
        incident_say_no(invocation, json_object_get(restart, "rejected"));
        say(invocation, "To approve it: interlock approve %s\n", id);
        say(invocation, "To say no: interlock reject %s --because \"…\"\n", id);
    } else if (strcmp(state, "ramp") == 0) {
        say(invocation, "It starts again by itself, a little at a time; approved by %s%s.\n",
            daemon_text(restart, "approved_by"),
            json_is_true(json_object_get(restart, "alone")) ? ", ALONE" : "");
    } else {
        if (strcmp(state, "stuck") == 0)
            say(invocation, "The ramp is stuck: nothing more starts until somebody acts.\n");
        if (strcmp(state, "void") == 0)
            say(invocation, "A restart was asked for by %s; that is over, or things changed.\n",
                daemon_text(restart, "by"));
        if (strcmp(state, "rejected") == 0 || strcmp(state, "withdrawn") == 0)
            incident_say_no(invocation, json_object_get(restart, state));
        say(invocation, "To let it run again: interlock restart %s --reason \"…\"\n", id);
    }
}

/* It is restarted, and does not run: another stop holds it. */
static void incident_say_held(struct invocation *invocation, const json_t *held)
{
    if (json_is_object(held))
        say(invocation, "HELD    %s by %s\n",
            json_is_true(json_object_get(held, "all")) ? "still" : "in part",
            daemon_text(held, "by"));
}

/* NAME of the body, and the text; an empty object without one. */
struct incident_said {
    const char *name, *text;
};
static int incident_post_words(struct invocation *invocation, const char *id, const char *path,
                               struct incident_said said)
{
    const char *name = said.name;
    struct buf body;
    buf_init(&body, LIMIT_HTTP_BODY);
    buf_add_byte(&body, '{');
    if (name) {
        buf_add_fmt(&body, "\"%s\":", name);
        buf_add_json_text(&body, slice_text(said.text));
    }
    buf_add_byte(&body, '}');
    struct daemon_question question = {
        .method = "POST",
        .target = daemon_target(invocation, "/v1/incidents/", slice_text(id), path),
        .body = arena_copy(&invocation->arena, buf_slice(&body))};
    buf_done(&body);
    json_t *incident = daemon_object(invocation, &question);
    if (incident)
        incident_say(invocation, incident);
    if (incident && name && strcmp(path, "/note") == 0 && !invocation_has(invocation, "json"))
        say(invocation, "On record as its %s.\n", strcmp(name, "follow_up") ? name : "follow-up");
    if (incident && strcmp(path, "/informed") == 0 && !invocation_has(invocation, "json"))
        say(invocation, "On record: stakeholders were told this.\n");
    bool is_restart = strcmp(path, "/restart") == 0 || strcmp(path, "/approve") == 0 ||
                      strcmp(path, "/reject") == 0;
    if (incident && is_restart && !invocation_has(invocation, "json")) {
        incident_say_restart(invocation, incident);
        incident_say_held(invocation, json_object_get(incident, "held"));
    }
    json_decref(incident);
    return invocation->exit;
}

static int incident_post(struct invocation *invocation, const char *id, const char *path,
                         const char *name)
{
    return incident_post_words(invocation, id, path,
                               (struct incident_said){name, incident_words(invocation)});
}

int incident_approve(struct invocation *invocation, const char *id)
{
    return incident_post(invocation, id, "/approve", NULL);
}

int incident_reject(struct invocation *invocation, const char *id, const char *why)
{
    return incident_post_words(invocation, id, "/reject", (struct incident_said){"reason", why});
}

static int incident_report(struct invocation *invocation, const char *id)
{
    struct daemon_answer answer;
    struct daemon_question question = {
        .method = "GET",
        .target = daemon_target(invocation, "/v1/incidents/", slice_text(id), ""),
        .wants_markdown = true};
    if (!daemon_ask(invocation, &question, &answer))
        return invocation->exit;
    if (!daemon_is_good(&answer))
        return daemon_tell(invocation, &answer);
    say_bytes(invocation, answer.body);
    return CLI_DONE;
}

/* All that it tells of, page by page, newest first. */
static int incident_actions(struct invocation *invocation, const char *id)
{
    char cursor[LIMIT_NAME] = "";
    size_t count = 0;
    json_t *list;
    do {
        struct arena kept = invocation_turn_begin(invocation);
        struct daemon_question question = {
            .method = "GET",
            .target = arena_fmt(&invocation->arena, "/v1/actions?limit=%d&incident=%s%s%s",
                                INCIDENT_PAGE, id, *cursor ? "&cursor=" : "", cursor)};
        list = daemon_object(invocation, &question);
        if (list)
            found_say_items(invocation, list);
        count += json_array_size(json_object_get(list, "items"));
        (void)snprintf(cursor, sizeof cursor, "%s", daemon_text(list, "next")); /* ours: short */
        json_decref(list);
        invocation_turn_end(invocation, kept);
    } while (*cursor);
    if (!list) /* told; or, with --json, printed: one page */
        return invocation->exit;
    if (count > 0)
        say(invocation, "To try one of them anew: interlock again ID --reason \"…\"\n");
    else
        say(invocation, "It tells of no action that ended and was not done.\n");
    return CLI_DONE;
}

int command_run_incident(struct invocation *invocation)
{
    const char *id = invocation_argument(invocation, 0);
    const struct incident_saying *saying = NULL;
    size_t count = 0;
    for (size_t i = 0; i < INCIDENT_SAYINGS; i++)
        if (invocation_has(invocation, incident_sayings[i].option)) {
            saying = &incident_sayings[i];
            count++;
        }
    if (saying && !id)
        return invocation_wrong(
            invocation, "the %s of which incident? interlock incident lists them", saying->option);
    if (count > 1)
        return invocation_wrong(invocation, "one thing at a time: each is a record of its own");
    struct slice found = {0};
    int code = id ? incident_find(invocation, id, false, &found) : CLI_DONE;
    if (code != CLI_DONE)
        return code;
    id = found.at; /* ends with a zero: an argument, or of the arena */
    if (id && saying)
        return incident_post(invocation, id, saying->path, saying->name);
    if (id && invocation_has(invocation, "actions"))
        return incident_actions(invocation, id);
    if (id && invocation_has(invocation, "report") && !invocation_has(invocation, "json"))
        return incident_report(invocation, id);
    if (id)
        return daemon_show(invocation,
                           daemon_target(invocation, "/v1/incidents/", slice_text(id), ""));
    if (invocation_has(invocation, "json"))
        return daemon_show(invocation, SLICE("/v1/incidents?open=1"));
    json_t *list = incident_open(invocation);
    if (!list)
        return invocation->exit;
    if (incident_say_open(invocation, list, NULL, false) == 0)
        say(invocation, "No open incident: nothing is stopped.\n");
    json_decref(list);
    return CLI_DONE;
}

int command_run_restart(struct invocation *invocation)
{
    const char *what = invocation_argument(invocation, 0);
    const char *reason = invocation_option(invocation, "reason");
    struct slice id;
    if (!reason || !*reason)
        return invocation_wrong(invocation, "the record says why it may run again: --reason \"…\"");
    int code = incident_find(invocation, what, true, &id);
    if (code != CLI_DONE)
        return code;
    return incident_post(invocation, id.at, "/restart", "reason");
}

/* Who takes care of it now, whether others are told on, and what is still to be done. */
static void incident_say_acknowledged(struct invocation *invocation, const json_t *incident)
{
    const json_t *ladder = json_object_get(incident, "ladder");
    const json_t *commands = json_object_get(incident, "do");
    bool is_open = strcmp(daemon_text(incident, "state"), "open") == 0;
    bool is_ramping =
        strcmp(daemon_text(json_object_get(incident, "restart"), "state"), "ramp") == 0;
    const char *next = daemon_text(ladder, "next_at");
    incident_say_line(invocation, incident);
    say(invocation, "ACKNOWLEDGED by %s. ", daemon_text(ladder, "acknowledged_by"));
    if (!is_open) {
        say(invocation, "Nobody more is told. With that it is over.\n");
        return;
    }
    if (*next)
        say(invocation, "Nobody more is told before %s; if it is open then, all are told anew.\n",
            daemon_time(invocation, next));
    else
        say(invocation, "Nobody more is told.\n");
    say(invocation, "To do: %s\n",
        is_ramping ? "nothing, it starts again a little at a time"
                   : daemon_text(json_object_get(incident, "who"), "to_do"));
    for (size_t i = 0; i < json_array_size(commands); i++)
        say(invocation, "  %s   # %s\n", daemon_text(json_array_get(commands, i), "command"),
            daemon_text(json_array_get(commands, i), "what"));
}

int command_run_ack(struct invocation *invocation)
{
    struct slice id;
    int code = incident_find(invocation, invocation_argument(invocation, 0), false, &id);
    if (code != CLI_DONE)
        return code;
    struct daemon_question question = {.method = "POST",
                                       .target =
                                           daemon_target(invocation, "/v1/incidents/", id, "/ack"),
                                       .body = SLICE("{}")};
    json_t *incident = daemon_object(invocation, &question);
    if (incident)
        incident_say_acknowledged(invocation, incident);
    json_decref(incident);
    return invocation->exit;
}
