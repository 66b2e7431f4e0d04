#include "policy/catalogue.h"

#include "base/check.h"

static const char *const catalogue_texts[CHECK_CODE_COUNT] = {
    [IL001] = "The file does not follow the grammar of YAML, so nothing in it could be read. The "
              "place is where the reader gave up; the mistake is there or just before it.",
    [IL002] =
        "Configuration is UTF-8 text. Other bytes, control characters and invisible marks look "
        "like something else in an editor, so that what is read is not what was reviewed.",
    [IL003] = "Anchors and aliases let a few lines grow into millions, tags change what a value "
              "means, and a second document is dropped in silence by some readers. A policy is "
              "written out, once, in one document.",
    [IL004] = "Most YAML readers keep one of the two and drop the other without a word. Which rule "
              "holds must not depend on that.",
    [IL005] = "Sizes, depths and counts are bounded, so that a file can never take the daemon's "
              "memory or time. The message names the limit.",
    [IL006] =
        "YAML ends a plain text at a comma inside { } and [ ], at a blank and #, and at a colon "
        "and a blank. The rest of what was meant is lost or read as something else. Quotes "
        "keep it together; the message shows the quoted form.",
    [IL007] =
        "yes, no, on, off, y, n, true and false are booleans to some YAML readers and texts to "
        "others, and 010, 0x1F, 1_000 and 12:30:00 are different numbers to different readers. "
        "In quotes they are texts everywhere; a boolean is written true or false.",
    [IL008] =
        "A blank and # begin a comment, so that `Ticket #5` is the text `Ticket`. If the rest "
        "belongs to the text, it needs quotes; if it is a comment, a blank after the # says so.",
    [IL010] =
        "A field that interlock does not know has no effect, and a guard that has no effect is "
        "worse than none. The nearest known name is shown.",
    [IL011] = "The field has no default that would be safe to assume.",
    [IL012] =
        "The field wants another type of value: a text, a list (lines that begin with -), or a "
        "map (names with values).",
    [IL013] = "The value has the right type and is not one of those that the field can take. The "
              "message says which those are.",
    [IL014] =
        "Names stand in addresses, commands, logs and records, so they are short and plain: 1 "
        "to 64 letters and digits, inside also - _ and a dot.",
    [IL015] =
        "The name refers to a person, group, upstream, template, step or workflow that is not "
        "declared. The nearest declared name is shown.",
    [IL016] = "Rules, risk, confidence, triggers and fallbacks are short sentences with a fixed "
              "order of words. The caret shows the first word that does not fit, the message what "
              "could stand there.",
    [IL017] = "Conditions are a subset of the Common Expression Language. This one does not parse, "
              "reads a variable that its place does not have, or can never be true or false. "
              "docs/expressions.md has the language.",
    [IL018] = "A text with ${ } parts does not parse, or reads a variable that its place does not "
              "have.",
    [IL019] =
        "A name that means two things makes records and commands ambiguous: which rule fired, "
        "which workflow was stopped, who approved.",
    [IL020] =
        "Without a policy there is no workflow, so every submit is answered 404. Policies are "
        "the .yaml files in the folder that `policies:` names.",
    [IL101] =
        "When an answer is lost, nobody knows whether the action happened. A second try is safe "
        "only if the upstream recognises the repeat, can be asked, or if repeating changes "
        "nothing. A written `attempts` above 1 on `idempotency: none` asks for exactly the "
        "repeat that does damage: the customer who gets the reminder twice.",
    [IL102] =
        "An upstream that recognises a repeat by its key forgets keys after `keeps`. A retry "
        "after that is a new action to it. interlock stops repeating in time, so the last part "
        "of `within` can never be used: what is lost late becomes uncertain.",
    [IL103] =
        "`by-key` promises that the upstream recognises a repeat by a key that interlock sends. "
        "Without `idempotency: { header: … }` at the upstream no key is sent, and nothing is "
        "recognised.",
    [IL104] =
        "`by-check` asks the upstream whether a lost action happened; it needs the `check:` that "
        "says how. A `check:` beside another class is never asked.",
    [IL105] =
        "`by-nature` promises that doing it twice leaves the same as doing it once. A POST "
        "usually creates one more thing each time. It is right for calls that set something to "
        "a value.",
    [IL106] =
        "For a write, a 2xx whose `success` is false may have happened: the provider answered "
        "`sent` instead of `queued`. Only a `failure:` expression can say that nothing was "
        "done, and only then may a fallback act. Without it the fallback would never run, or "
        "do it twice.",
    [IL107] =
        "The key is what makes two requests the same action, so a write has one. Without `key:` "
        "in the policy every caller must send an Idempotency-Key header; a request without it "
        "is refused with 428.",
    [IL108] =
        "A key without ${ } is the same for every request: the first action would be done, and "
        "all others answered as its repeats, for ever.",
    [IL109] =
        "The key decides what is the same action, for ever. It may read `input` only: a key with "
        "a time, a run or a confidence in it would be a new action at each retry of the caller.",
    [IL110] = "A request is rendered once and sent byte for byte in every attempt. It may read "
              "`input`, `key` and `provider_key` only; whatever can change between two tries would "
              "make the provider see another request under the same key.",
    [IL111] =
        "The field is declared with a ? and may be absent. Then the text cannot be made, and the "
        "submit is refused with 422.",
    [IL112] = "A check proves something only if it asks for a reference that the request itself "
              "carried. One that asks for something else finds, or misses, another action.",
    [IL113] = "A key is shown in lists, titles and commands. What is masked in it is shown as a "
              "hint, so two actions may look alike there, and messages name them by id.",
    [IL201] =
        "Owner, restart and inform say who may stop the workflow and is told first, who lets it "
        "run again, and who tells the others. In `auto` nobody watches each action, so somebody "
        "must answer for all of them.",
    [IL202] = "Whoever asks for a restart may not approve it. Here a person who may ask has nobody "
              "else in `restart`, so that a stop in the night could not be lifted. Add a second "
              "person, or write `alone: after 10m`.",
    [IL203] = "A group without members can decide nothing: its reviews would wait for ever.",
    [IL204] =
        "The group is declared and no policy names it. Remove it, or it was misspelled where it "
        "should be used.",
    [IL205] =
        "The group is named only under `switch:`, for stops of everything and of upstreams. If "
        "it should also answer for a workflow, the policy must say so: restart rights do not "
        "add up.",
    [IL206] =
        "The mode of the workflow is a promise to its owner. A step may be stricter, never less "
        "strict. From loose to strict: observe, auto, review.",
    [IL207] = "Without `mode:` a workflow is in `review`: a person approves each write. Begin with "
              "`observe`, then `review`, then `auto`.",
    [IL208] =
        "The person is told by mail (`tell`, or the channel `email`), and has no address. When "
        "something stops, nobody hears it there: the next level is told at once instead.",
    [IL301] =
        "All rules are always asked, and the most restrictive that holds wins. This one can "
        "never make a difference: its condition is constant, or an earlier rule with the same "
        "condition is at least as strict.",
    [IL302] = "An entry of a fallback is tried when the one before failed or was full. What stands "
              "behind an entry that never fails, or under a cause that cannot arise, would never "
              "happen, and somebody counts on it. Two are notes: `rule`, which another mode "
              "reaches, and `low_confidence` without `confidence:`, which the position fallback "
              "takes.",
    [IL303] =
        "At a stop nothing starts. A fallback that calls an upstream, or sends a template, would "
        "start something. An `answer` is not a start.",
    [IL304] = "The template is declared and no fallback names it.",
    [IL305] = "The upstream is declared and no step calls it.",
    [IL306] =
        "The step declares what callers submit under `input:`. An expression or text that reads "
        "another field would fail for every action.",
    [IL307] =
        "A runaway payment is a success each time, so errors do not show it. A payment needs a "
        "`sum` trigger that covers it and stops it, or takes it to review or fallback: how much "
        "may go out in which time.",
    [IL308] =
        "The risk class is compared with, or limited to, but no `risk:` line declares it, so it "
        "never matches.",
    [IL309] = "An entry of a fallback is tried because another way failed. One that leads back to "
              "that way, or to a list that was walked already, would fail again, or never end.",
    [IL310] =
        "A field that is declared as a number is never equal to a text, and cannot be ordered with "
        "one: the rule would not say what it seems to say.",
    [IL311] =
        "Nobody watches each action of a step in `auto`, so something must stop it by itself. "
        "The standard triggers do; sentences of one's own on the same signals stand in for "
        "them, and these only tell, or only take a part away.",
    [IL401] =
        "Configuration is stored whole, shown and shared, so secrets do not belong in it. They "
        "are named by { file: PATH } or { env: NAME } and exist in memory only.",
    [IL402] =
        "Over plain http, everyone on the way can read and change what is sent, and the secrets "
        "with it. http is for this machine only.",
    [IL403] =
        "interlock listens to other machines, and nothing encrypts: tokens and payloads go over "
        "the network in clear. Listen on 127.0.0.1, or name the proxy that speaks TLS in front.",
    [IL404] = "When interlock itself is down, it cannot tell anybody. A `watchdog:` that it pings "
              "notices the silence.",
    [IL405] = "Without `channels:` people see what waits for them only when they open the inbox.",
    [IL406] = "After `key_keep` a key is forgotten: a late repeat of an old request is then a new "
              "action, and is done again.",
    [IL407] = "This version stores in a folder only.",
    [IL801] =
        "Actions, reviews or stops that have not ended still use this name. Without it they "
        "would have no policy, no upstream or nobody to decide. `was:` says that it has a new "
        "name, `retired:` that its open work goes to a person.",
    [IL802] = "The key decides what is the same action. With another key template, a repeat of an "
              "action that was done yesterday is a new one today. `key_was:` keeps the former "
              "template, and both are looked up.",
    [IL803] = "`was:` carries work and keys over from a former name, so the former name must have "
              "existed, and it must be gone now.",
    [IL804] = "A step has gone and a new one does the same under another name. The name is part of "
              "what makes two requests the same action, so a repeat of what was done under the old "
              "name would be done again. `was:` in the new step carries the keys over.",
    [IL805] =
        "What somebody approved, signed or settled stands in the record under an id. Given to "
        "another one after they have left, it would be theirs. Who comes back under the same "
        "name has the same id again.",
    [IL900] = "The line is read and checked, so that a policy can be written in full now, but this "
              "version does not act on it yet. The message says what holds until then: always the "
              "safe reading.",
};

static const char *const catalogue_samples[CHECK_CODE_COUNT] = {
    [IL101] = "steps:\n"
              "  send_reminder:\n"
              "    kind: email\n"
              "    recipient: ${input.email}\n"
              "    call: mailer POST /v1/messages\n"
              "    key: ${input.invoice}\n"
              "    idempotency: by-check\n"
              "    body: { reference: '${key}' }\n"
              "    check:\n"
              "      call: mailer GET /v1/messages?reference=${key}\n"
              "      happened: response.status == 200 && size(response.body.items) > 0\n"
              "      not_happened: response.status == 200 && size(response.body.items) == 0\n",
};

static const struct {
    const char *code;
    enum severity severity;
    const char *title;
} catalogue_titles[CHECK_CODE_COUNT] = {
#define X(code, severity, title) {#code, SEVERITY_##severity, title},
    CATALOGUE(X)
#undef X
};

struct catalogue_entry catalogue_entry(enum check_code code)
{
    CHECK(code < CHECK_CODE_COUNT);
    return (struct catalogue_entry){catalogue_titles[code].code, catalogue_titles[code].severity,
                                    catalogue_titles[code].title, catalogue_texts[code],
                                    catalogue_samples[code]};
}

bool catalogue_find(struct slice name, enum check_code *out_code)
{
    if (name.size != 5 || (name.at[0] != 'I' && name.at[0] != 'i') ||
        (name.at[1] != 'L' && name.at[1] != 'l'))
        return false;
    for (size_t i = 0; i < CHECK_CODE_COUNT; i++)
        if (slice_is(slice_from(name, 2), catalogue_titles[i].code + 2)) {
            *out_code = (enum check_code)i;
            return true;
        }
    return false;
}

void catalogue_explain(enum check_code code, struct buf *out)
{
    struct catalogue_entry entry = catalogue_entry(code);
    buf_add_fmt(out, "%s (%s): %s\n\n", entry.code, severity_name(entry.severity), entry.title);
    size_t column = 0;
    for (struct slice rest = slice_text(entry.text); rest.size > 0;) {
        struct slice word = slice_first(rest, slice_find(rest, ' '));
        if (column > 0 && column + 1 + word.size > 80) {
            buf_add_byte(out, '\n');
            column = 0;
        }
        if (column > 0)
            buf_add_byte(out, ' ');
        buf_add(out, word);
        column += word.size + (column > 0);
        rest = slice_from(rest, word.size + 1);
    }
    buf_add_byte(out, '\n');
    if (entry.sample)
        buf_add_fmt(out, "\n%s", entry.sample);
    buf_add_fmt(out, "\nMore, with samples: docs/checks/%s.md\n", entry.code);
}

const char *severity_name(enum severity severity)
{
    switch (severity) {
    case SEVERITY_ERROR:
        return "error";
    case SEVERITY_WARNING:
        return "warning";
    case SEVERITY_NOTE:
        return "note";
    }
    CHECK_UNREACHABLE();
}
