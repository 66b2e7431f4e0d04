"""R23: a key, a run or a reason that holds a masked field is shown masked, on every page, in every list, by every
command and in every record; the key as a person types it still finds its action."""
import sqlite3

from interlock_client import FAR
from story_world import World
from test_incidents import cli

MASKED = "geheim.person@kunde.example"
SHOWN = "g\N{HORIZONTAL ELLIPSIS}@kunde.example"
POLICY = """\
workflow: stories
purpose: Keys that are made of masked fields
owner: finance
restart: finance-leads
inform: ana
mode: auto
causes: [input.email]
steps:
  made:
    kind: email
    recipient: ${input.email}
    call: plain POST /v1/made
    key: ${input.email}:${input.id}
    order_by: ${input.email}${input.id}
    summary: ${key} of ${run} to ${input.email}
    body: { id: "${input.id}", email: "${input.email}", reference: "${key}" }
    mask: [email, code]
    timeout: 1s
    rules:
      - asked: review if run != "another batch" && input.id == "review"
    check:
      call: plain GET /v1/made?reference=${key}
      happened: response.body.effect
      not_happened: response.status == 404 && !response.body.effect
  given:
    kind: webhook
    call: plain POST /v1/given
    body: { id: "${input.id}" }
    mask: [email, code]
    rules: [asked: review if input.id == "review"]
triggers:
  - often: stopped if repeat(input.email) > 32 in 1d
""" + FAR.replace("\ntriggers:\n", "")

def hidden(text):
    return MASKED not in text and MASKED.split("@")[0] not in text and "987654" not in text


def submit_all(world):
    """An action in each state that a page is about, with the masked value in key, run and reason."""
    def submit(step, id, **more):
        key = None if step == "made" else "%s/987654/%s" % (MASKED.upper(), id)
        return world.daemon.submit("stories", step, {"id": id, "email": MASKED, "code": 987654}, key=key, token="billing-cron",
                                   run="batch of " + MASKED, because="asked by %s (987654)" % MASKED, **more)
    answers = [submit("made", "done"), submit("given", "done"), submit("made", "review"), submit("given", "review")]
    world.plain.set(mode="status:422", times=1)
    answers.append(submit("given", "failed"))
    world.plain.set(mode="drop", times=None)
    answers.append(submit("given", "uncertain"))
    answers.append(submit("made", "uncertain"))
    world.plain.set(mode="ok", times=None)
    return answers


def pages(daemon, ids, stops):
    """Every GET that openapi.json names, in both forms."""
    incidents = [incident["id"] for incident in daemon.get("/v1/incidents").json["items"]]
    reviews = [item["id"] for item in daemon.get("/v1/inbox?kind=review", token="ana").json["items"]]
    assert incidents and len(reviews) == 2 and stops
    named = {"actions": ids, "reviews": reviews, "incidents": incidents, "stops": stops}
    gets = ["/v1/actions?workflow=stories&state=in_review", "/v1/inbox?kind=uncertain"]
    for path, calls in daemon.get("/openapi.json").json["paths"].items():
        if "get" in calls and "sandbox" not in path:
            path = path.replace("{w}", "stories")
            gets += [path.replace("{id}", id) for id in named[path.split("/")[2]]] if "{id}" in path else [path]
    for path in gets:
        for accept in ("application/json", "text/plain"):
            answer = daemon.get(path, headers={"Accept": accept}, token="ben", checked=False)
            assert answer.status < 500, answer
            yield path, answer.text
    for incident in incidents:
        for form in ("text", "markdown", "json"):
            yield incident, daemon.get("/v1/incidents/%s?format=%s" % (incident, form)).text


def commands(daemon, ids):
    for words in (["inbox"], ["log"], ["status"], ["report", "stories"], ["incident"], ["plan", "stories"], ["ready", "stories"]):
        code, out, err = cli(daemon, *words, token="ben")
        assert out, (words, code, err)
        yield words, out + err
    for id in ids:
        yield ["explain", id], "".join(str(part) for part in cli(daemon, "explain", id, token="ben")[1:])


def stored(folder):
    """All tables of the store but the one of payloads; what is asked under way keeps its request."""
    with sqlite3.connect(folder / "data/interlock.db") as db:
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'payloads'").fetchall():
            for row in db.execute("SELECT * FROM " + table):
                for value in row:
                    yield table, value if isinstance(value, str) else bytes(value).decode("latin1") if isinstance(value, bytes) else ""


def test_a_masked_key_is_shown_nowhere(tmp_path):
    with World(tmp_path, policy=POLICY) as world:
        daemon = world.daemon
        answers = submit_all(world)
        ids = [answer.json["action"] for answer in answers]
        assert [daemon.action(id)["state"] for id in ids] == ["done", "done", "in_review", "in_review", "failed", "uncertain",
                                                              "uncertain"], answers
        for answer in answers:
            assert hidden(answer.text), answer
        stop = daemon.post("/v1/stops", {"scope": {"workflow": "stories"}, "reason": "a look"}, token="ben").json["id"]
        for where, text in list(pages(daemon, ids, [stop])) + list(commands(daemon, ids)):
            assert hidden(text), (where, text)
        assert daemon.action(ids[0])["key"] == SHOWN + ":done"
        assert daemon.action(ids[1])["key"] == SHOWN + "/***/done", daemon.action(ids[1])
        assert daemon.action(ids[0])["run"] == "batch of " + SHOWN
        assert daemon.action(ids[0])["because"] == "asked by %s (***)" % SHOWN
        assert daemon.action(ids[0])["summary"] == "%s:done of batch of %s to %s" % (SHOWN, SHOWN, SHOWN)
        # By the key as a person knows it
        found = daemon.get("/v1/actions?workflow=stories&step=made&key=%s:done" % MASKED).json["items"]
        assert [item["action"] for item in found] == [ids[0]]
        assert ids[0] in cli(daemon, "explain", MASKED + ":done", token="ben")[1]
        # Who decides it may see it all
        review = answers[2].json["review"]
        card = daemon.post("/v1/reviews/%s/reveal" % review, token="ana").json
        assert card["key"] == MASKED + ":review" and card["input"]["email"] == MASKED, card
        daemon.stop()
        for table, text in stored(tmp_path):
            if table != "open_actions":  # with the frozen request
                assert hidden(text), (table, text)
        daemon.start()
        assert daemon.action(ids[0])["key"] == SHOWN + ":done"


def test_a_field_that_is_masked_later(tmp_path):
    """What was admitted before is masked when it is read; the hint takes the place of the value in what was stored."""
    file = tmp_path / "policies" / "stories.yaml"
    with World(tmp_path, policy=POLICY.replace("    mask: [email, code]\n", "")) as world:
        daemon = world.daemon
        id = daemon.submit("stories", "made", {"id": "early", "email": MASKED}, token="billing-cron", run="batch of " + MASKED,
                           because="asked by " + MASKED).json["action"]
        assert daemon.action(id)["key"] == MASKED + ":early"
        file.write_text(POLICY)
        reloaded = daemon.post("/v1/admin/reload", token="ben")
        assert reloaded.status == 200, reloaded
        action = daemon.action(id)
        assert action["key"] == SHOWN + ":early" and hidden(str(action)), action
        explained = daemon.get("/v1/actions/%s/explain" % id, headers={"Accept": "text/plain"}).text
        assert hidden(explained), explained
