#include "cli/command.h"

#include "base/limits.h"
#include "base/text.h"
#include "policy/near.h"

static const struct option command_remote_options[] = {
    {"url", "URL", "where the daemon is; else INTERLOCK_URL, else `listen:` of the config"},
    {"config", "FILE", "the installation; ./interlock.yaml without it"},
    {"json", NULL, "the API's own JSON"},
    {"help", NULL, "this"},
    {NULL, NULL, NULL},
};
static const struct option command_local_options[] = {
    {"config", "FILE", "the installation; ./interlock.yaml without it"},
    {"help", NULL, "this"},
    {NULL, NULL, NULL},
};
static const struct option command_no_options[] = {{NULL, NULL, NULL}};

static const struct option command_init_options[] = {
    {"workflow", "NAME", "the automation; invoice-reminders without it"},
    {"purpose", "TEXT", "what it does, in a sentence"},
    {"kind", "KIND", "lookup llm email message payment ticket record webhook command"},
    {"step", "NAME", "the kind of action that it takes, as send_reminder"},
    {"from-curl", "'curl …'", "the call as you make it today; its fields become the input"},
    {"key", "TEMPLATE", "what makes two requests the same action, as ${input.invoice}"},
    {"owner", "NAME", "who answers for it"},
    {"restart", "NAME", "who else may let it run again after a stop"},
    {"listen", "HOST:PORT", "127.0.0.1:7070 without it; port 0 picks a free one"},
    {"yes", NULL, "ask nothing: defaults for all that is not given"},
    {NULL, NULL, NULL},
};
static const struct option command_check_options[] = {
    {"expand", NULL, "the long form: every line with where it comes from"},
    {"explain", "CODE", "what a code means, and what is right, as IL101"},
    {"json", NULL, "the problems as JSON"},
    {NULL, NULL, NULL},
};
static const struct option command_try_options[] = {
    {"input", "JSON", "the whole input at once"},
    {"run", "RUN", "the piece of work that it belongs to"},
    {"confidence", "0..1", "how sure the caller is"},
    {"context", "JSON", "what the caller says besides"},
    {"json", NULL, "the same as JSON"},
    {NULL, NULL, NULL},
};
static const struct option command_serve_options[] = {
    {"dev", NULL, "no files needed: temporary store, sandbox provider, one token"},
    {"listen", "HOST:PORT", "in place of the config's line; port 0 picks a free one"},
    {"as-copy", NULL, "this folder is a copy: it gets an id of its own and starts stopped"},
    {NULL, NULL, NULL},
};
static const struct option command_submit_options[] = {
    {"input", "JSON", "the whole input at once"},
    {"key", "KEY", "the idempotency key, where the policy has none"},
    {"run", "RUN", "the piece of work that it belongs to"},
    {"confidence", "0..1", "how sure the caller is"},
    {"because", "TEXT", "why, in the caller's words"},
    {"context", "JSON", "what the caller says besides"},
    {"wait", "SECONDS", "wait so long for its end; 20 without it, 0 not at all"},
    {"dry-run", NULL, "say what would happen; store and send nothing"},
    {NULL, NULL, NULL},
};
static const struct option command_log_options[] = {
    {"follow", NULL, "go on with what happens, until it is broken off"},
    {"limit", "N", "the last N records; 50 without it"},
    {NULL, NULL, NULL},
};
static const struct option command_note_options[] = {
    {"note", "TEXT", "why"},
    {NULL, NULL, NULL},
};
static const struct option command_reject_options[] = {
    {"note", "TEXT", "why"},
    {"because", "TEXT", "the same; a no to a restart needs it"},
    {NULL, NULL, NULL},
};
static const struct option command_label_options[] = {
    {"workflow", "NAME", "whose action it is; a service has to say it of what others submitted"},
    {"note", "TEXT", "why"},
    {NULL, NULL, NULL},
};
static const struct option command_approve_options[] = {
    {"edit", "FIELD=VALUE", "change the input first, and approve that"},
    {"note", "TEXT", "why"},
    {NULL, NULL, NULL},
};
static const struct option command_review_options[] = {
    {"reveal", NULL, "masked fields too"},
    {NULL, NULL, NULL},
};
static const struct option command_claim_options[] = {
    {"minutes", "N", "how long; 15 without it, 480 at most"},
    {NULL, NULL, NULL},
};
static const struct option command_inbox_options[] = {
    {"workflow", "NAME", "only of this one"},
    {"who", "NAME", "only what falls to this person or group"},
    {"kind", "KIND", "review, uncertain, contradiction, audit, stop, restart or incident"},
    {NULL, NULL, NULL},
};
static const struct option command_reason_options[] = {
    {"reason", "TEXT", "why"},
    {NULL, NULL, NULL},
};
static const struct option command_incident_options[] = {
    {"reason", "TEXT", "why it was stopped"},
    {"informed", "TEXT", "stakeholders were told this"},
    {"note", "TEXT", "what should stand in its timeline"},
    {"cause", "TEXT", "what the cause was; also when it is closed"},
    {"follow-up", "TEXT", "what follows from it"},
    {"close", "TEXT", "close one that no stop made, with its cause"},
    {"actions", NULL, "the actions that it tells of: they ended and were not done"},
    {"report", NULL, "the whole story, as Markdown"},
    {NULL, NULL, NULL},
};
static const struct option command_plan_options[] = {
    {"sign", NULL, "put your name to it, as it is now"},
    {NULL, NULL, NULL},
};
static const struct option command_erase_options[] = {
    {"run", "RUN", "all ended actions of this run"},
    {"reason", "TEXT", "why"},
    {NULL, NULL, NULL},
};
static const struct option command_resolve_options[] = {
    {"happened", NULL, "it did happen"},
    {"not-happened", NULL, "it did not"},
    {"send", NULL, "with --not-happened: do it now"},
    {"evidence", "TEXT", "how you know"},
    {NULL, NULL, NULL},
};
static const struct option command_stop_options[] = {
    {"risk", "CLASS", "only actions of this risk class"},
    {"upstream", "NAME", "all calls to this upstream"},
    {"all", NULL, "everything"},
    {"position", "POSITION", "stopped (the default), fallback or review"},
    {"reason", "TEXT", "why; may also be said afterwards"},
    {"no-wait", NULL, "return at the acknowledgement, before calls under way have ended"},
    {NULL, NULL, NULL},
};
static const struct option command_report_options[] = {
    {"since", "DUR", "how far it looks back, from 1h to 400d; 7d without it"},
    {NULL, NULL, NULL},
};
static const struct option command_verify_options[] = {
    {"head", "SEQ:HASH", "a head noted earlier, which the store must contain"},
    {NULL, NULL, NULL},
};

static const struct command command_table[] = {
    {"init", GROUP_START, "[DIR]", "write a first configuration and policy",
     "On a terminal it asks seven questions; flags answer them beforehand. Without a terminal, or\n"
     "with --yes, defaults answer the rest. Secrets of the curl command go to files of their own.\n"
     "Nothing that exists is overwritten.\n",
     command_init_options, 0, 1, true, command_run_init},
    {"serve", GROUP_START, "", "run the daemon", NULL, command_serve_options, 0, 0, true,
     command_run_serve},
    {"try", GROUP_START, "WORKFLOW STEP [NAME=VALUE …]", "show what would happen to one input",
     "Works on the files of this folder; nothing is sent or recorded. A value takes its type from\n"
     "the step's `input:`; without one it is JSON where it parses, else text.\n",
     command_try_options, 2, INVOCATION_ARGUMENTS, true, command_run_try},
    {"check", GROUP_START, "[FILE …]", "find all mistakes of the configuration, with what is right",
     "Exits 0 without errors, else 1. FILEs are policies to look at in place of those of the\n"
     "configuration.\n",
     command_check_options, 0, INVOCATION_ARGUMENTS, true, command_run_check},

    {"status", GROUP_EVERY_DAY, "", "what runs, what is degraded, what needs you",
     "Exits 0 fine, 1 something is held, uncertain, late or was last done by a fallback,\n"
     "2 stopped or unacknowledged, 3 not reachable.\n",
     command_no_options, 0, 0, false, command_run_status},
    {"inbox", GROUP_EVERY_DAY, "", "all that waits for people, most urgent first", NULL,
     command_inbox_options, 0, 0, false, command_run_inbox},
    {"approve", GROUP_EVERY_DAY, "ID|KEY …", "let an action go that waits for a person",
     "With the id of an incident: the restart that somebody else has asked for.\n"
     "--edit changes a field of the input first, as often as it is given; VALUE has the type that\n"
     "the policy gives the field, and null takes away a field that need not be there.\n"
     "Several IDs are answered each for itself; exits 1 when one was not taken.\n",
     command_approve_options, 1, LIMIT_BULK, false, command_run_approve},
    {"reject", GROUP_EVERY_DAY, "ID|KEY … | INCIDENT --because TEXT", "do not let it go",
     "Of an incident: no to the restart that is asked for, by who may approve it; or who asked "
     "takes it back. It stays stopped; a new request is approved by somebody else.",
     command_reject_options, 1, LIMIT_BULK, false, command_run_reject},
    {"label", GROUP_EVERY_DAY, "ID|KEY|RUN LABEL", "say whether what was done was right",
     "LABEL is one of the step's `audit: labels`; the first means right, each other one wrong.\n",
     command_label_options, 2, 2, false, command_run_label},
    {"explain", GROUP_EVERY_DAY, "ID|KEY|RUN", "what happened, why, and who acts now", NULL,
     command_no_options, 1, 1, false, command_run_explain},
    {"log", GROUP_EVERY_DAY, "", "one line a decision", NULL, command_log_options, 0, 0, false,
     command_run_log},

    {"stop", GROUP_TROUBLE, "[WORKFLOW[/STEP]]", "stop it at once; nothing starts until a restart",
     "Returns when all that was under way has ended, and says how. One of WORKFLOW, --upstream,\n"
     "--all is needed.\n",
     command_stop_options, 0, 1, false, command_run_stop},
    {"restart", GROUP_TROUBLE, "WORKFLOW|INCIDENT --reason TEXT",
     "ask that it runs again after a stop",
     "Somebody else approves it: interlock approve INCIDENT. Then it starts a little at a time, "
     "as\n"
     "the policy's `ramp` says.\n",
     command_reason_options, 1, 1, false, command_run_restart},
    {"incident", GROUP_TROUBLE, "[INCIDENT|WORKFLOW]",
     "what is stopped or lasts, who acts, what changed",
     "Without a name the open ones. One option at a time says something about it.\n",
     command_incident_options, 0, 1, false, command_run_incident},
    {"ack", GROUP_TROUBLE, "INCIDENT|WORKFLOW",
     "say that you take care of it: nobody else is told on",
     "It holds for 30 minutes. What is not over by then is told anew.\n", command_no_options, 1, 1,
     false, command_run_ack},
    {"resolve", GROUP_TROUBLE, "ID|KEY", "say whether an uncertain action happened", NULL,
     command_resolve_options, 1, 1, false, command_run_resolve},
    {"cancel", GROUP_TROUBLE, "ID|KEY --reason TEXT",
     "give up an action that is known not to have happened", NULL, command_reason_options, 1, 1,
     false, command_run_cancel},

    {"submit", GROUP_LATER, "WORKFLOW STEP [NAME=VALUE …]", "ask for an action",
     "A value takes its type from the policy that the daemon has; without one it is JSON where it\n"
     "parses, else text.\n"
     "Exits 0 when it was taken (the answer says whether it is done or waits), 1 when it was\n"
     "refused or has failed.\n",
     command_submit_options, 2, INVOCATION_ARGUMENTS, false, command_run_submit},
    {"review", GROUP_LATER, "ID|KEY", "the card of a review: what would be sent, why, who",
     "--reveal shows masked fields to who may decide it; that they were shown is recorded.\n",
     command_review_options, 1, 1, false, command_run_review},
    {"claim", GROUP_LATER, "ID|KEY", "take a review in hand: nobody else decides it meanwhile",
     "A claim runs out after 15 minutes, or after --minutes.\n", command_claim_options, 1, 1, false,
     command_run_claim},
    {"release", GROUP_LATER, "ID|KEY", "give a claimed review back", NULL, command_no_options, 1, 1,
     false, command_run_release},
    {"reassign", GROUP_LATER, "ID|KEY PERSON", "give a review to somebody who may decide it", NULL,
     command_note_options, 2, 2, false, command_run_reassign},
    {"note", GROUP_LATER, "ID|KEY --note TEXT", "add a note to what waits for people", NULL,
     command_note_options, 1, 1, false, command_run_note},
    {"again", GROUP_LATER, "ID|KEY --reason TEXT", "try an ended action anew, under the same key",
     NULL, command_reason_options, 1, 1, false, command_run_again},
    {"ready", GROUP_LATER, "WORKFLOW", "may it move up: observe, review, auto",
     "Each point with its evidence, and for what is missing the command. Exits 0 ready, 1 not.\n",
     command_no_options, 1, 1, false, command_run_ready},
    {"report", GROUP_LATER, "WORKFLOW", "ten lines for the people who answer for it", NULL,
     command_report_options, 1, 1, false, command_run_report},
    {"plan", GROUP_LATER, "WORKFLOW", "who stops it, at what limit, what happens, how it restarts",
     "From the files of this folder, or from the daemon with --url or --json. A change of what it\n"
     "says takes the name away: `interlock status` and `interlock check` say so.\n",
     command_plan_options, 1, 1, false, command_run_plan},
    {"verify", GROUP_LATER, "", "prove that the records are whole and unaltered",
     "With --config it reads the store's files and needs no daemon. Exits 0 good, 1 broken.\n",
     command_verify_options, 0, 0, false, command_run_verify},
    {"backup", GROUP_LATER, "FILE", "write a copy of the store while it runs", NULL,
     command_no_options, 1, 1, false, command_run_backup},
    {"erase", GROUP_LATER, "ID|KEY | --run RUN --reason TEXT",
     "erase for good what was said of ended actions",
     "What callers, people and upstreams said goes, with its salt. The records, the states and "
     "the\n"
     "keys stay: a repeat is still recognised. For admins.\n",
     command_erase_options, 0, 1, false, command_run_erase},
    {"away", GROUP_LATER, "[NAME until DAY [cover NAME] | NAME back]",
     "who is away, and who acts in their place",
     "Reviews and what is uncertain fall to the cover, else on to the group, the owner, the "
     "admins.\n"
     "Restarts are not covered. One says it for oneself; admins for others.\n",
     command_no_options, 0, 5, false, command_run_away},
    {"token", GROUP_LATER, "new NAME | list | revoke ID", "tokens of people and services", NULL,
     command_no_options, 1, 2, false, command_run_token},
    {"reload", GROUP_LATER, "", "take the changed files into force: all of them, or none", NULL,
     command_no_options, 0, 0, false, command_run_reload},
    {"sandbox", GROUP_LATER, "UPSTREAM [lose N | down | up | slow MS | count]",
     "make the built-in provider fail, and count what it got", NULL, command_no_options, 1, 3,
     false, command_run_sandbox},
    {"help", GROUP_LATER, "[all | COMMAND]", "this and more", NULL, command_no_options, 0, 1, true,
     command_run_help},
};
enum { COMMAND_COUNT = sizeof command_table / sizeof command_table[0] };

const struct command *command_find(struct slice name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (slice_is(name, command_table[i].name))
            return &command_table[i];
    return NULL;
}

struct slice command_nearest(struct slice name)
{
    struct near near;
    near_init(&near, name);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        near_offer(&near, slice_text(command_table[i].name));
    return near.best;
}

const struct option *command_common_options(const struct command *command)
{
    return command->is_local ? command_local_options : command_remote_options;
}

void command_add_usage(const struct command *command, struct buf *out)
{
    buf_add_fmt(out, "interlock %s%s%s", command->name, *command->arguments ? " " : "",
                command->arguments);
    for (const struct option *o = command->options; o->name; o++)
        if (!strstr(command->arguments, o->name)) /* one that is needed stands there */
            buf_add_fmt(out, o->value ? " [--%s %s]" : " [--%s]", o->name, o->value);
}

static void command_add_options(const struct option *options, struct buf *out)
{
    for (const struct option *o = options; o->name; o++) {
        size_t from = out->size;
        buf_add_fmt(out, "  --%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        size_t width = text_utf8_count(slice_from(buf_slice(out), from));
        for (; width < 24; width++)
            buf_add_byte(out, ' ');
        buf_add_fmt(out, "  %s\n", o->help);
    }
}

void command_add_help(const struct command *command, struct buf *out)
{
    buf_add_fmt(out, "interlock %s: %s\n\nusage: ", command->name, command->help);
    command_add_usage(command, out);
    buf_add_text(out, "\n\n");
    if (command->more)
        buf_add_fmt(out, "%s\n", command->more);
    command_add_options(command->options, out);
    command_add_options(command_common_options(command), out);
}

void command_add_groups(struct buf *out)
{
    static const char *const titles[GROUP_COUNT] = {"Start", "Every day", "Trouble", "Later"};
    buf_add_text(out, "interlock - the safety interlock for automations\n\n");
    for (size_t group = 0; group < GROUP_COUNT; group++) {
        buf_add_fmt(out, "  %-11s", titles[group]);
        for (size_t i = 0; i < COMMAND_COUNT; i++)
            if (command_table[i].group == group)
                buf_add_fmt(out, " %s", command_table[i].name);
        buf_add_byte(out, '\n');
    }
    buf_add_text(out, "\nNothing there yet? interlock init\n"
                      "All of it: interlock help all     One: interlock help COMMAND\n");
}

void command_add_all(struct buf *out)
{
    static const char *const titles[GROUP_COUNT] = {"Start", "Every day", "Trouble", "Later"};
    for (size_t group = 0; group < GROUP_COUNT; group++) {
        buf_add_fmt(out, "%s%s\n", group ? "\n" : "", titles[group]);
        for (size_t i = 0; i < COMMAND_COUNT; i++)
            if (command_table[i].group == group)
                buf_add_fmt(out, "  %-10s %s\n", command_table[i].name, command_table[i].help);
    }
    buf_add_text(
        out, "\nThe daemon is found by --url, by INTERLOCK_URL, or by `listen:` of --config FILE\n"
             "(./interlock.yaml without it). The token is INTERLOCK_TOKEN, else the file\n"
             "secrets/cli-token beside the configuration. Most commands know --json.\n"
             "Exit codes: 0 done, 1 refused or not possible, 2 wrong use, 3 daemon not reached.\n");
}
