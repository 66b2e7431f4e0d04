/* The two files that init writes, from the plan. */
#include "cli/init.h"

/* What a step looks like without a curl command: at the sandbox, to be tried and changed. */
struct init_sample {
    const char *step;    /* its name */
    const char *body;    /* lines below the step, after `kind:` */
    const char *more;    /* lines below the workflow, or NULL */
    const char *example; /* arguments of `interlock try` */
};
static const struct init_sample init_samples[KIND_COUNT] = {
    [KIND_LOOKUP] = {"find_customer",
                     "    call: provider GET /v1/customers/${input.customer}\n"
                     "    input:\n"
                     "      customer: text\n",
                     NULL, "customer=C-1"},
    [KIND_LLM] = {"ask_model",
                  "    call: provider POST /v1/answers\n"
                  "    input:\n"
                  "      question: text\n"
                  "    body:\n"
                  "      question: ${input.question}\n",
                  NULL, "question='What is owed?'"},
    [KIND_EMAIL] =
        {"send_reminder",
         "    recipient: ${input.email}\n"
         "    call: provider POST /v1/messages\n"
         "    key: ${input.invoice}:${input.stage}\n"
         "    summary: Reminder ${input.stage} for ${input.invoice}, ${input.balance} EUR, to "
         "${input.email}\n"
         "    input:\n"
         "      invoice: text\n"
         "      stage: integer\n"
         "      balance: number\n"
         "      email: text\n"
         "    body:\n"
         "      to: ${input.email}\n"
         "      template: reminder\n"
         "      invoice: ${input.invoice}\n"
         "    rules:\n"
         "      - paid-already: reject if input.balance <= 0\n"
         "      - large-account: review if input.balance > 10000\n",
         NULL, "invoice=INV-1 stage=2 balance=12000 email=a@b.c"},
    [KIND_MESSAGE] = {"send_message",
                      "    recipient: ${input.phone}\n"
                      "    call: provider POST /v1/messages\n"
                      "    key: ${input.message}\n"
                      "    summary: Message ${input.message} to ${input.phone}\n"
                      "    input:\n"
                      "      message: text\n"
                      "      phone: text\n"
                      "      text: text\n"
                      "    body:\n"
                      "      to: ${input.phone}\n"
                      "      text: ${input.text}\n",
                      NULL, "message=M-1 phone=+34600000000 text='Your order is here'"},
    [KIND_PAYMENT] = {"charge",
                      "    amount: ${input.amount}\n"
                      "    call: provider POST /v1/charges\n"
                      "    key: ${input.order}\n"
                      "    summary: Charge ${input.amount} EUR for ${input.order}\n"
                      "    input:\n"
                      "      order: text\n"
                      "      customer: text\n"
                      "      amount: number\n"
                      "    body:\n"
                      "      customer: ${input.customer}\n"
                      "      amount: ${input.amount}\n",
                      NULL, "order=O-1 customer=C-1 amount=420"},
    [KIND_TICKET] = {"route_ticket",
                     "    call: provider PUT /tickets/${input.ticket}/team\n"
                     "    key: ${input.ticket}\n"
                     "    summary: Ticket ${input.ticket} to ${input.team}\n"
                     "    input:\n"
                     "      ticket: text\n"
                     "      team: text\n"
                     "    body:\n"
                     "      team: ${input.team}\n",
                     NULL, "ticket=T-1 team=billing"},
    [KIND_RECORD] = {"update_record",
                     "    call: provider PUT /records/${input.record}\n"
                     "    key: ${input.record}:${input.change}\n"
                     "    summary: Record ${input.record} to ${input.status}\n"
                     "    input:\n"
                     "      record: text\n"
                     "      change: text\n"
                     "      status: text\n"
                     "    body:\n"
                     "      status: ${input.status}\n",
                     NULL, "record=R-1 change=7 status=open"},
    [KIND_WEBHOOK] = {"tell",
                      "    call: provider POST /hooks\n"
                      "    key: ${input.event}\n"
                      "    summary: Event ${input.event}\n"
                      "    input:\n"
                      "      event: text\n"
                      "    body:\n"
                      "      event: ${input.event}\n",
                      NULL, "event=E-1"},
    [KIND_COMMAND] = {"run_job",
                      "    call: caller\n"
                      "    key: ${input.job}\n"
                      "    summary: Job ${input.job}\n"
                      "    input:\n"
                      "      job: text\n",
                      NULL, "job=J-1"},
};
static const char *const init_steps[KIND_COUNT] = {
    [KIND_LOOKUP] = "look_up",       [KIND_LLM] = "ask_model",
    [KIND_EMAIL] = "send_email",     [KIND_MESSAGE] = "send_message",
    [KIND_PAYMENT] = "charge",       [KIND_TICKET] = "update_ticket",
    [KIND_RECORD] = "update_record", [KIND_WEBHOOK] = "call_webhook",
    [KIND_COMMAND] = "run_command"};

static bool init_is_write(enum kind kind)
{
    return kind != KIND_LOOKUP && kind != KIND_LLM;
}

/* The last segment of the target that is no template: "messages". */
static struct slice init_noun(const struct init_plan *plan)
{
    struct slice rest = plan->target, best = {0};
    rest = slice_first(rest, slice_find(rest, '?'));
    while (rest.size > 0) {
        rest = slice_from(rest, 1);
        struct slice segment = slice_first(rest, slice_find(rest, '/'));
        rest = slice_from(rest, segment.size);
        if (segment.size > 0 && slice_find(segment, '$') == segment.size)
            best = segment;
    }
    return init_name(plan->arena, best);
}

static void init_fill_key(struct init_plan *plan)
{
    if (plan->key.size || !plan->has_call || !init_is_write(plan->kind))
        return;
    plan->key = init_guess_key(plan);
    if (plan->key.size || plan->field_count == INIT_FIELDS)
        return;
    /* Nothing in the call names the one thing that it is about: the caller must. */
    plan->fields[plan->field_count++] =
        (struct init_field){.name = SLICE("reference"), .type = "text", .example = SLICE("REF-1")};
    plan->key = SLICE("${input.reference}");
}

/* What the kind needs and the call does not have: the caller gives it. */
static void init_fill_role(struct init_plan *plan, struct slice *role, const char *name,
                           const char *type)
{
    if (role->size || plan->field_count == INIT_FIELDS)
        return;
    plan->fields[plan->field_count++] =
        (struct init_field){.name = slice_text(name),
                            .type = type,
                            .example = strcmp(type, "text") == 0 ? SLICE("a@b.c") : SLICE("1")};
    *role = arena_fmt(plan->arena, "${input.%s}", name);
}

void init_fill(struct init_plan *plan)
{
    if (!plan->has_kind)
        plan->kind = KIND_EMAIL;
    if (plan->has_call && (plan->kind == KIND_EMAIL || plan->kind == KIND_MESSAGE))
        init_fill_role(plan, &plan->recipient, "recipient", "text");
    if (plan->has_call && plan->kind == KIND_PAYMENT)
        init_fill_role(plan, &plan->amount, "amount", "number");
    init_fill_key(plan);
    if (plan->workflow.size == 0 && plan->has_call) {
        struct slice noun = init_noun(plan);
        plan->workflow = noun.size ? arena_fmt(plan->arena, "%.*s-%.*s", SLICE_FMT(plan->upstream),
                                               SLICE_FMT(noun))
                                   : plan->upstream;
        if (plan->workflow.size > LIMIT_NAME)
            plan->workflow = plan->upstream;
    }
    if (plan->workflow.size == 0)
        plan->workflow = plan->kind == KIND_EMAIL
                             ? SLICE("invoice-reminders")
                             : arena_fmt(plan->arena, "my-%s", kind_name(plan->kind));
    if (plan->purpose.size == 0)
        plan->purpose = slice_is(plan->workflow, "invoice-reminders")
                            ? SLICE("Remind customers of overdue invoices")
                            : SLICE("Say here what it does and for whom");
    if (plan->step.size == 0)
        plan->step =
            slice_text(plan->has_call ? init_steps[plan->kind] : init_samples[plan->kind].step);
    if (plan->restart.size == 0)
        plan->restart = plan->owner;
    if (plan->listen.size == 0)
        plan->listen = SLICE("127.0.0.1:7070");
    if (plan->upstream.size == 0)
        plan->upstream = SLICE("provider");
}

/* Is it a boolean, or null, to some readers of YAML (IL007)? */
static bool init_is_yaml_word(struct slice text)
{
    static const char *const words[] = {"true", "false", "null", "yes", "no",
                                        "on",   "off",   "y",    "n"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (curl_name_is(text, words[i]))
            return true;
    return false;
}

/* A name as a YAML value: quoted where it is such a word. */
static struct slice init_yaml_name(const struct init_plan *plan, struct slice name)
{
    return init_is_yaml_word(name) ? arena_fmt(plan->arena, "\"%.*s\"", SLICE_FMT(name)) : name;
}

/* A text as a YAML value: plain where that is surely the same text, else quoted. */
static void init_add_value(struct buf *out, struct slice text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789-_./ ,()${}?=&@+%~:";
    bool is_plain = text.size > 0 &&
                    (strchr("abcdefghijklmnopqrstuvwxyz"
                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ$/",
                            text.at[0]) != NULL) &&
                    text.at[text.size - 1] != ' ';
    for (size_t i = 0; i < text.size && is_plain; i++)
        is_plain = text.at[i] != 0 && strchr(plain, text.at[i]) != NULL &&
                   (text.at[i] != ':' || (i + 1 < text.size && text.at[i + 1] != ' '));
    if (is_plain && !init_is_yaml_word(text))
        buf_add(out, text);
    else
        buf_add_json_text(out, text);
}

/* "NAME: VALUE", then a note in the same column as the others. */
static void init_add_noted(struct buf *out, const char *name, struct slice value, const char *note)
{
    enum { INIT_NOTE_COLUMN = 36 };
    size_t from = out->size;
    buf_add_fmt(out, "%s: ", name);
    if (value.size > 0 && (strchr("{[", value.at[0]) || slice_is(value, "true")))
        buf_add(out, value); /* no text: our own */
    else
        init_add_value(out, value);
    do
        buf_add_byte(out, ' ');
    while (out->size - from < INIT_NOTE_COLUMN && buf_ok(out));
    buf_add_fmt(out, "# %s\n", note);
}

static void init_add_indent(struct buf *out, int depth)
{
    for (int i = 0; i < depth; i++)
        buf_add_text(out, "  ");
}

/* The body as block YAML. Its depth was bounded when it was made (init_call.c). */
static void init_add_body(const json_t *object, int depth, struct buf *out)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        init_add_indent(out, depth);
        init_add_value(out, slice_text(name));
        if (json_is_object(value)) {
            buf_add_text(out, ":\n");
            init_add_body(value, depth + 1, out);
        } else {
            buf_add_fmt(out, ": %s\n", json_string_value(value));
        }
    }
}

static void init_add_person(struct buf *out, struct slice name, bool has_token)
{
    buf_add_fmt(out, "  %.*s:\n    name: ", SLICE_FMT(name));
    init_add_value(out, name);
    buf_add_byte(out, '\n');
    if (has_token)
        init_add_noted(out, "    token", SLICE("{ file: secrets/cli-token }"),
                       "of the command line");
}

/* Where the secret stands: a variable may have the name ON. */
static void init_add_secret(const struct init_plan *plan, struct buf *out)
{
    bool is_variable = plan->secret_source == INIT_SECRET_ENV;
    buf_add_text(out, is_variable ? "{ env: " : "{ file: secrets/");
    if (is_variable)
        buf_add(out, init_yaml_name(plan, plan->secret));
    else
        buf_add(out, plan->upstream);
    buf_add_text(out, " }");
}

static void init_add_auth(const struct init_plan *plan, struct buf *out)
{
    switch (plan->auth) {
    case AUTH_NONE:
        return;
    case AUTH_BEARER:
        buf_add_text(out, "    auth: { bearer: ");
        init_add_secret(plan, out);
        buf_add_text(out, " }\n");
        return;
    case AUTH_BASIC:
        buf_add_text(out, "    auth:\n      basic:\n        user: ");
        init_add_value(out, plan->auth_name);
        buf_add_text(out, "\n        password: ");
        init_add_secret(plan, out);
        buf_add_byte(out, '\n');
        return;
    case AUTH_HEADER:
        buf_add_text(out, "    auth:\n      header:\n        name: ");
        init_add_value(out, plan->auth_name);
        buf_add_text(out, "\n        value: ");
        init_add_secret(plan, out);
        buf_add_byte(out, '\n');
        return;
    }
}

static void init_add_upstream(const struct init_plan *plan, struct buf *out)
{
    if (plan->kind == KIND_COMMAND)
        return;
    buf_add_fmt(out, "upstreams:\n  %.*s:\n", SLICE_FMT(plan->upstream));
    if (!plan->has_call) {
        init_add_noted(out, "    sandbox", SLICE("true"),
                       "built in, for trying; then: url: https://…");
        return;
    }
    buf_add_fmt(out, "    url: ");
    buf_add_json_text(out, plan->base_url);
    buf_add_byte(out, '\n');
    init_add_auth(plan, out);
    if (plan->key_header.size)
        buf_add_fmt(out, "    idempotency: { header: %.*s, keeps: 24h }\n",
                    SLICE_FMT(plan->key_header));
    else if (init_is_write(plan->kind))
        buf_add_text(
            out,
            "    # idempotency: { header: Idempotency-Key, keeps: 24h }   # if it knows one: lost\n"
            "    #   answers are then tried again instead of asked about\n");
}

static bool init_has_second(const struct init_plan *plan)
{
    return !slice_equal(plan->owner, plan->restart);
}

/* Whoever of two asks for a restart, the other one approves it: both are in the group. */
static struct slice init_restart(const struct init_plan *plan)
{
    return init_has_second(plan) ? SLICE("restarters") : plan->owner;
}

void init_add_config(const struct init_plan *plan, struct buf *out)
{
    buf_add_text(out, "# This installation. `interlock check --expand` shows every default.\n");
    buf_add_fmt(out, "listen: %.*s\nstore: ./data\npolicies: ./policies\n",
                SLICE_FMT(plan->listen));
    if (plan->timezone.size)
        buf_add_fmt(out, "timezone: %.*s\n", SLICE_FMT(plan->timezone));
    buf_add_text(out, "people:\n");
    init_add_person(out, plan->owner, true);
    if (init_has_second(plan))
        init_add_person(out, plan->restart, false);
    struct slice owner = init_yaml_name(plan, plan->owner);
    struct slice admins = arena_fmt(plan->arena, "[%.*s]", SLICE_FMT(owner));
    buf_add_text(out, "groups:\n");
    init_add_noted(out, "  admins", admins, "may configure; approve and settle nothing");
    if (init_has_second(plan))
        buf_add_fmt(out, "  restarters: [%.*s, %.*s]\n", SLICE_FMT(owner),
                    SLICE_FMT(init_yaml_name(plan, plan->restart)));
    buf_add_text(out, "# Who answers for stops of everything, and of an upstream:\nswitch:\n");
    buf_add_fmt(out, "  owner: %.*s\n  restart: %.*s\n  inform: %.*s\n", SLICE_FMT(owner),
                SLICE_FMT(init_yaml_name(plan, init_restart(plan))), SLICE_FMT(owner));
    init_add_upstream(plan, out);
}

static void init_add_call(const struct init_plan *plan, struct buf *out)
{
    if (plan->kind == KIND_EMAIL || plan->kind == KIND_MESSAGE)
        buf_add_fmt(out, "    recipient: %.*s\n", SLICE_FMT(plan->recipient));
    if (plan->kind == KIND_PAYMENT)
        buf_add_fmt(out, "    amount: %.*s\n", SLICE_FMT(plan->amount));
    buf_add_text(out, "    call: ");
    init_add_value(out, arena_fmt(plan->arena, "%.*s %.*s %.*s", SLICE_FMT(plan->upstream),
                                  SLICE_FMT(plan->method), SLICE_FMT(plan->target)));
    buf_add_byte(out, '\n');
    if (plan->key.size)
        init_add_noted(out, "    key", plan->key, "what makes two requests the same");
    buf_add_fmt(out, "    summary: %.*s", SLICE_FMT(plan->step));
    for (size_t i = 0; i < plan->field_count; i++)
        if (strchr(plan->fields[i].type, ' ') == NULL && !plan->fields[i].is_secret &&
            strcmp(plan->fields[i].type, "any") != 0) {
            buf_add_fmt(out, " ${input.%.*s}", SLICE_FMT(plan->fields[i].name));
            break;
        }
    buf_add_byte(out, '\n');
    if (plan->header_count > 0)
        buf_add_text(out, "    headers:\n");
    for (size_t i = 0; i < plan->header_count; i++) {
        buf_add_text(out, "      ");
        init_add_value(out, plan->headers[i].name);
        buf_add_text(out, ": ");
        buf_add_json_text(out, plan->headers[i].value);
        buf_add_byte(out, '\n');
    }
}

/* The field of the amount as an expression: what stands in its ${}. */
static struct slice init_amount(const struct init_plan *plan)
{
    struct slice name = slice_from(plan->amount, slice_find(plan->amount, '{') + 1);
    return plan->amount.size ? slice_first(name, slice_find(name, '}')) : SLICE("input.amount");
}

static void init_add_fields(const struct init_plan *plan, struct buf *out)
{
    bool has_secret = false;
    if (plan->field_count > 0)
        buf_add_text(out, "    input:\n");
    for (size_t i = 0; i < plan->field_count; i++) {
        buf_add_fmt(out, "      %.*s: %s\n", SLICE_FMT(plan->fields[i].name), plan->fields[i].type);
        has_secret |= plan->fields[i].is_secret;
    }
    if (!has_secret)
        return;
    buf_add_text(out, "    mask:\n");
    for (size_t i = 0; i < plan->field_count; i++)
        if (plan->fields[i].is_secret)
            buf_add_fmt(out, "      - %.*s\n", SLICE_FMT(plan->fields[i].name));
}

void init_add_policy(const struct init_plan *plan, struct buf *out)
{
    buf_add_fmt(out, "workflow: %.*s\npurpose: ", SLICE_FMT(init_yaml_name(plan, plan->workflow)));
    init_add_value(out, plan->purpose);
    buf_add_byte(out, '\n');
    init_add_noted(out, "owner", plan->owner,
                   "may stop it, is told first, settles what is uncertain");
    init_add_noted(out, "restart", init_restart(plan),
                   "approves a restart, never the one who asks");
    init_add_noted(out, "inform", plan->owner, "tells stakeholders");
    init_add_noted(out, "mode", SLICE("observe"), "first observe, then review, then auto");
    buf_add_fmt(out, "\nsteps:\n  %.*s:\n    kind: %s\n", SLICE_FMT(plan->step),
                kind_name(plan->kind));
    if (plan->has_call) {
        init_add_call(plan, out);
        init_add_fields(plan, out);
        if (plan->body && json_object_size(plan->body) > 0) {
            buf_add_text(out, "    body:\n");
            init_add_body(plan->body, 3, out);
        }
    } else {
        buf_add_text(out, init_samples[plan->kind].body);
    }
    if (plan->kind == KIND_PAYMENT)
        buf_add_fmt(out,
                    "\ntriggers:\n"
                    "  - spending: stopped if sum(%.*s) > 10000 in 1d   # your limit\n",
                    SLICE_FMT(init_amount(plan)));
}

/* For a shell: in single quotes where a bare word would not do. */
static void init_add_shell(struct buf *out, struct slice text)
{
    static const char bare[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "-_./,:@%+=";
    bool is_bare = text.size > 0;
    for (size_t i = 0; i < text.size && is_bare; i++)
        is_bare = text.at[i] != 0 && strchr(bare, text.at[i]) != NULL;
    if (is_bare) {
        buf_add(out, text);
        return;
    }
    buf_add_byte(out, '\'');
    for (size_t i = 0; i < text.size; i++)
        if (text.at[i] == '\'')
            buf_add_text(out, "'\\''");
        else
            buf_add_byte(out, text.at[i]);
    buf_add_byte(out, '\'');
}

void init_add_try(const struct init_plan *plan, struct buf *out)
{
    buf_add_fmt(out, "interlock try %.*s %.*s", SLICE_FMT(plan->workflow), SLICE_FMT(plan->step));
    if (!plan->has_call)
        buf_add_fmt(out, " %s", init_samples[plan->kind].example);
    for (size_t i = 0; i < plan->field_count; i++) {
        const struct init_field *field = &plan->fields[i];
        buf_add_fmt(out, " %.*s=", SLICE_FMT(field->name));
        init_add_shell(out, field->is_secret ? SLICE("xxxx") : field->example);
    }
}
