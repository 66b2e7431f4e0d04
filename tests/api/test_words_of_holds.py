"""What people read of what was held, and of what gave way to a newer one: over the real daemon."""
import re, socket

from interlock_client import FAR, wait_for
from story_world import World
from test_incidents import cli

POLICY = """\
workflow: stories
purpose: What waits, and what people read of it
owner: finance
restart: finance-leads
inform: ana
mode: auto
steps:
  ruled:
    kind: webhook
    call: plain POST /v1/ruled
    key: ${input.id}
    body: { id: "${input.id}" }
    rules:
      - wait: hold 1s if true
  gone:
    kind: webhook
    call: gone POST /v1/gone
    key: ${input.id}
    body: { id: "${input.id}" }
    retry: { attempts: 1 }
    fallback:
      unavailable:
        - hold 1s, then review
  newer:
    kind: webhook
    call: plain POST /v1/newer
    key: ${input.id}
    order_by: ${input.what}
    supersede: true
    body: { id: "${input.id}" }
    rules:
      - wait: hold 5m if true
""" + FAR


def test_what_people_read_of_holds(tmp_path):
    with socket.socket() as closed:  # bound and not listening: nobody else has the port meanwhile
        closed.bind(("127.0.0.1", 0))
        upstreams = "  gone: { url: \"http://127.0.0.1:%d\" }\n" % closed.getsockname()[1]
        with World(tmp_path, policy=POLICY, upstreams=upstreams) as w:
            def submit(step, **input):
                return w.daemon.submit("stories", step, input, token="billing-cron", headers={"Prefer": "wait=0"}).json

            held = submit("ruled", id="r1")
            assert held["what"].count(":") == 2, held  # "Held until 14:02:11": with minutes only it would be over already
            submit("gone", id="g1")
            old, new = submit("newer", id="n1", what="x"), submit("newer", id="n2", what="x")

            (item,) = wait_for("its hold is over", lambda: w.daemon.get("/v1/inbox?kind=review").json["items"])
            assert item["why"].startswith("The time in the safe queue has run out"), item
            assert re.search(r"; could not reach gone at \S+: no connection: connection refused$", item["why"]), item
            assert "could not reach gone" in cli(w.daemon, "inbox")[1]

            why = "a newer action of the same thing took its place: n2 (%s)" % new["action"]
            assert w.daemon.action(old["action"])["why"] == why
            assert w.daemon.get("/v1/actions?key=n1").json["items"][0]["why"] == why
            assert w.daemon.submit("stories", "newer", {"id": "n1", "what": "x"}, token="billing-cron").json["why"] == why
            assert "WHY     %s\n" % why in cli(w.daemon, "explain", "n1")[1]

            wait_for("it goes", lambda: w.daemon.action(held["action"])["state"] == "done")
            log = cli(w.daemon, "log", "--limit", "100")[1]
            assert "the time that a rule held it is over; the gate is asked again" in log and "held         a rule\n" not in log, log
            assert "took its place: " + new["action"] in log

            w.daemon.kill()
            w.daemon.start()
            assert w.daemon.action(old["action"])["why"] == why
            assert w.daemon.get("/v1/decisions/verify").json["good"]


def test_what_waits_for_an_upstream_that_asks_to_wait_says_until_when(tmp_path):
    policy = POLICY.split("    rules:\n      - wait: hold 1s")[0]
    with World(tmp_path, policy=policy + FAR, upstream=", concurrency: 1 ") as w:
        w.plain.set(times=None, mode="status:429", retry_after=600)
        for i in range(3):
            w.daemon.submit("stories", "ruled", {"id": "p%d" % i}, token="billing-cron", headers={"Prefer": "wait=0"})
        wait_for("it asks to wait", lambda: w.find("ruled", "p0")["state"] == "held")
        until = next(u for u in w.daemon.get("/v1/status").json["upstreams"] if u["upstream"] == "plain")["paused_until"]
        assert until is not None
        for i, state in enumerate(("held", "waiting", "waiting")):
            action = w.find("ruled", "p%d" % i)
            assert action["state"] == state and action["next"]["at"] == until, action
        assert next(u for u in w.daemon.get("/v1/status").json["upstreams"] if u["upstream"] == "plain")["asked_again_at"] == until
