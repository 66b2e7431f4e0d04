"""What interlock asks for an action: the check of what may have happened (R12), fresh facts before a late start (R10).
The times of a check that is not definitive (a minute and more) pass in tests/sim and tests/unit/action.cases."""
import http.client, http.server, json, threading
from datetime import datetime

import pytest

from interlock_client import FAR
from story_world import ROOT, Provider, World, wait_requests

HEAD = """\
workflow: stories
purpose: What interlock asks for
owner: finance
restart: finance-leads
inform: ana
mode: auto
""" + FAR.lstrip("\n") + "steps:\n"
CHECKED = HEAD + """\
  checked:
    kind: webhook
    call: plain POST /v1/checked
    key: ${{input.id}}
    body: {{ id: "${{input.id}}", ref: "${{provider_key}}" }}
    timeout: 1s
    retry: {{ backoff: 10ms..50ms }}
    check:
      call: ledger GET /sent/${{input.id}}?ref=${{provider_key}}
      happened: response.body.count > 0
      not_happened: {not_happened}
      definitive: {definitive}
{more}
"""
FRESH = HEAD + """\
  remind:
    kind: webhook
    call: plain POST /v1/remind
    key: ${{input.id}}
    body: {{ id: "${{input.id}}", balance: "${{input.balance}}" }}
    input: {{ id: text, balance: number, email?: text }}
    mask: [email]
    rules:
      - paid-already: reject if input.balance <= 0
      - later: hold 1500ms if input.balance > 100
    stale_after: 1s
{more}
"""
REFRESH = """\
    refresh:
      call: ledger GET /invoices/${input.id}
      set:
        balance: response.body.balance
"""


class Ledger:
    """What the asked upstream says: `answers` maps a path to (status, body); a body that is no text is JSON."""

    def __init__(self):
        self.answers, self.asked, self.default = {}, [], (404, "not found")
        ledger = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                ledger.asked.append(self.path)
                status, body = ledger.answers.get(self.path.split("?")[0], ledger.default)
                if callable(body):
                    body = body(self.path)
                text = (body if isinstance(body, str) else json.dumps(body)).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *unused):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def ledger():
    ledger = Ledger()
    yield ledger
    ledger.close()


def checked(folder, ledger, definitive="true", more="      settle: 1s", not_happened="response.body.count == 0"):
    policy = CHECKED.format(definitive=definitive, more=more, not_happened=not_happened)
    return World(folder, policy=policy, upstreams="  ledger: { url: \"%s\" }\n" % ledger.url)


def fresh(folder, ledger, more=REFRESH):
    return World(folder, policy=FRESH.format(more=more), upstreams="  ledger: { url: \"%s\" }\n" % ledger.url)


def gone(submit, *arguments):
    """Submits to a daemon that will be killed."""
    try:
        submit(*arguments)
    except (OSError, http.client.HTTPException):
        pass


def until(what, why):
    for _ in range(3000):
        if what():
            return
        threading.Event().wait(0.01)
    raise AssertionError(why)


def explain(world, id):
    return world.daemon.get("/v1/actions/%s/explain" % id, headers={"Accept": "text/plain"}).text


def verify(world):
    """The store is what its records say."""
    report = world.daemon.get("/v1/decisions/verify").json
    while report["next"]:
        report = world.daemon.get("/v1/decisions/verify?cursor=" + report["next"]).json
    assert report["good"], report


# ---- R12 ----


def test_the_check_says_that_it_happened(tmp_path, ledger):
    """The answer is lost; the provider has it. Done, by the check, and sent once."""
    with checked(tmp_path, ledger) as world:
        ledger.answers["/sent/a"] = (200, {"count": 1})
        world.plain.set(mode="effect-drop", times=1)
        answer = world.submit("checked", "a")
        assert answer.status == 202 and answer.json["state"] == "uncertain"
        assert answer.json["who"] is None and "check" in answer.json["next"]["what"] and answer.json["next"]["at"]
        assert "Nothing needs you" in world.daemon.get("/v1/status", headers={"Accept": "text/plain"}).text
        assert world.daemon.get("/v1/inbox").json["items"] == []
        action = world.wait("checked", "a", "done")
        assert action["reason"] == "by_check" and "check" in action["what"]
        assert world.plain.effects()["effects"] == 1 and len(ledger.asked) == 1
        verify(world)


def test_not_there_is_tried_again_once(tmp_path, ledger):
    with checked(tmp_path, ledger) as world:
        ledger.answers["/sent/a"] = (200, {"count": 0})
        world.plain.set(mode="drop", times=1)
        assert world.submit("checked", "a").json["state"] == "uncertain"
        action = world.wait("checked", "a", "done")
        assert action["attempts"] == 2 and action["reason"] == "status"
        assert world.plain.effects()["effects"] == 1 and len(ledger.asked) == 1


def test_what_was_found_not_to_have_happened_is_not_told_as_sent(tmp_path, ledger):
    """Not "Not delivered: sent to plain", before whom it waits for."""
    more = "      settle: 1s\n    fallback:\n      unavailable: review"
    policy = CHECKED.format(definitive="true", more=more, not_happened="response.body.count == 0")
    policy = policy.replace("retry: {", "retry: { attempts: 1,")
    with World(tmp_path, policy=policy, upstreams="  ledger: { url: \"%s\" }\n" % ledger.url) as world:
        ledger.default = (200, {"count": 0})
        world.plain.set(mode="drop")
        world.daemon.submit("stories", "checked", {"id": "a"}, token="billing-cron")
        until(lambda: world.find("checked", "a")["state"] == "in_review", "not asked: %s" % world.find("checked", "a"))
        what = world.find("checked", "a")["what"]
        assert what.startswith("Not delivered, as was found since: sent to plain at "), what


def test_a_negative_counts_only_a_settle_later_and_twice(tmp_path, ledger):
    """Not definitive: nothing is asked within a minute of the attempt, whatever else happens."""
    with checked(tmp_path, ledger, definitive="false", more="") as world:
        ledger.answers["/sent/a"] = (200, {"count": 0})
        world.plain.set(mode="effect-drop", times=1)
        action = world.submit("checked", "a").json
        assert action["state"] == "uncertain"
        at, ended = (datetime.fromisoformat(t.replace("Z", "+00:00")) for t in (action["next"]["at"], action["submitted_at"]))
        assert 59 <= (at - ended).total_seconds() <= 70
        assert world.submit("checked", "b").json["state"] == "done" and ledger.asked == []


CANNOT_TELL = {
    "missing": (200, {}), "html": (200, "<html>"), "type": (200, {"count": "many"}), "status": (500, {"count": 0}),
    "bare": (404, "not found"), "empty": (404, ""), "moved": (302, {"count": 0}),
}


def test_what_cannot_be_told_ends_with_a_person(tmp_path, ledger):
    with checked(tmp_path, ledger) as world:
        for id, answer in CANNOT_TELL.items():
            ledger.answers["/sent/" + id] = answer
            world.plain.set(mode="drop", times=1)
            assert world.submit("checked", id).json["state"] == "uncertain"
            for n in range(3):  # or the breaker opens
                assert world.submit("checked", "well-%s-%d" % (id, n)).json["state"] == "done"
        inbox = lambda: world.daemon.get("/v1/inbox").json["items"]
        until(lambda: len(inbox()) == len(CANNOT_TELL), "not all are a person's")
        assert {item["kind"] for item in inbox()} == {"uncertain"} and world.plain.effects()["effects"] == 3 * len(CANNOT_TELL)
        for id in CANNOT_TELL:
            action = world.find("checked", id)
            assert action["state"] == "uncertain" and action["reason"] == "check_cannot_tell" and "5 times" in action["why"]
            assert action["who"]["group"] == "finance" and action["next"] is None
            assert sum(path.startswith("/sent/%s?" % id) for path in ledger.asked) == 5
        look = inbox()[0]["look"]
        assert look["upstream"] == "plain" and look["target"] == "/v1/checked" and look["sent_at"] and look["provider_key"]
        assert look["ask"] == "GET %s/sent/%s?ref=%s" % (ledger.url, inbox()[0]["key"], look["provider_key"])
        text = explain(world, inbox()[0]["action"])
        assert "LOOK    plain POST /v1/checked at " in text and look["ask"] in text, text
        action = world.find("checked", "html")["action"]
        settled = world.daemon.post("/v1/actions/%s/resolve" % action, {"happened": False, "send": True}, token="ana")
        assert settled.status in (200, 202) and world.wait("checked", "html", "done")["attempts"] == 2
        verify(world)


def test_a_404_with_a_body_that_says_so_is_an_answer(tmp_path, ledger):
    with checked(tmp_path, ledger, not_happened="response.status == 404 && response.body.ref == provider_key") as world:
        ledger.answers["/sent/a"] = (404, lambda path: {"count": 0, "ref": path.split("=")[1]})
        world.plain.set(mode="drop", times=1)
        world.submit("checked", "a")
        assert world.wait("checked", "a", "done")["attempts"] == 2


def test_a_kill_in_the_middle_asks_after_the_start(tmp_path, ledger):
    """The daemon dies with the attempt under way; the check is due after the restart, and again after another."""
    with checked(tmp_path, ledger) as world:
        ledger.answers["/sent/a"] = (200, {"count": 1})
        world.plain.set(mode="effect-hang", times=1)
        threading.Thread(target=gone, args=(world.submit, "checked", "a"), daemon=True).start()
        wait_requests(world.plain, 1)
        world.daemon.kill()
        world.daemon.start()
        action = world.find("checked", "a")
        assert action["state"] == "uncertain" and action["next"]
        world.daemon.kill()
        world.daemon.start()
        action = world.wait("checked", "a", "done")
        assert action["reason"] == "by_check" and action["attempts"] == 1
        assert world.plain.effects()["effects"] == 1
        verify(world)


def test_a_check_passes_a_stop_and_a_start_does_not(tmp_path, ledger):
    with checked(tmp_path, ledger) as world:
        ledger.answers["/sent/a"] = (200, {"count": 0})
        world.plain.set(mode="drop", times=1)
        assert world.submit("checked", "a").json["state"] == "uncertain"
        stop = world.daemon.post("/v1/stops", {"scope": {"workflow": "stories"}}).json
        action = world.wait("checked", "a", "held")
        assert action["reason"] == "stop" and len(ledger.asked) == 1
        assert world.plain.effects()["effects"] == 0
        restarted = world.daemon.restart(stop["incident"], "mended")
        assert restarted.status in (200, 202), restarted
        assert world.wait("checked", "a", "done")["attempts"] == 2


def test_a_person_is_quicker_than_the_check(tmp_path, ledger):
    """Their word counts at once; an answer that contradicts it is recorded and waits for a person."""
    with checked(tmp_path, ledger) as world:
        asked, go = threading.Event(), threading.Event()

        def slow(path):
            asked.set()
            assert go.wait(20)
            return {"count": 1}

        ledger.answers["/sent/a"] = (200, slow)
        world.plain.set(mode="effect-drop", times=1)
        action = world.submit("checked", "a").json["action"]
        assert asked.wait(20)
        told = world.daemon.post("/v1/actions/%s/resolve" % action, {"happened": False}, token="ana")
        assert told.status == 200 and told.json["state"] == "failed", told
        go.set()
        until(lambda: any(i["kind"] == "contradiction" for i in world.daemon.get("/v1/inbox").json["items"]), "nobody is told")
        assert world.plain.effects()["effects"] == 1


# ---- R10 ----


def test_who_paid_meanwhile_gets_no_reminder(tmp_path, ledger):
    """Held while 420 is open; paid meanwhile; the stale reminder is rejected by the rule, on the fresh fact."""
    with fresh(tmp_path, ledger) as world:
        ledger.answers["/invoices/a"] = (200, {"balance": 0})
        answer = world.daemon.submit("stories", "remind", {"id": "a", "balance": 420}, token="billing-cron")
        assert answer.json["state"] == "held"
        until(lambda: world.find("remind", "a")["state"] == "rejected", "not rejected: %s" % world.find("remind", "a"))
        action = world.find("remind", "a")
        assert "paid-already" in action["why"] and "0" in action["why"]
        assert action["fresh"]["set"] == {"balance": 0} and action["fresh"]["from"] == "ledger GET /invoices/a"
        explained = explain(world, world.find("remind", "a")["action"])
        assert "FRESH   balance 0; from ledger GET /invoices/a at " in explained, explained
        assert world.plain.effects()["requests"] == 0 and ledger.asked == ["/invoices/a"]
        verify(world)


def test_who_did_not_pay_gets_what_was_submitted(tmp_path, ledger):
    """The fact is for the gate only: the request is the one that was submitted (R5)."""
    with fresh(tmp_path, ledger) as world:
        ledger.answers["/invoices/a"] = (200, {"balance": 300})
        world.daemon.submit("stories", "remind", {"id": "a", "balance": 420}, token="billing-cron")
        until(lambda: world.find("remind", "a")["state"] == "done", "not sent")
        assert world.plain.effects(by="balance")["by"] == {"420": 1}


def test_a_dead_billing_keeps_it_held(tmp_path, ledger):
    with fresh(tmp_path, ledger) as world:
        ledger.answers["/invoices/a"] = (503, "")
        world.daemon.submit("stories", "remind", {"id": "a", "balance": 420}, token="billing-cron")
        until(lambda: len(ledger.asked) >= 2, "not asked again")
        action = world.find("remind", "a")
        assert action["state"] == "held" and action["reason"] == "needs_fresh_fact" and "ledger" in action["next"]["what"]
        assert "fresh" not in action and world.plain.effects()["requests"] == 0
        world.daemon.kill()
        world.daemon.start()
        ledger.answers["/invoices/a"] = (200, {"balance": 420})
        until(lambda: world.find("remind", "a")["state"] == "done", "not sent after billing is back")
        assert world.plain.effects()["effects"] == 1


def test_an_answer_that_does_not_say_is_no_fact(tmp_path, ledger):
    bodies = {"missing": {}, "null": {"balance": None}, "text": {"balance": "0"}, "list": {"balance": [0]}, "html": "<html>"}
    with fresh(tmp_path, ledger) as world:
        for id, body in bodies.items():
            ledger.answers["/invoices/" + id] = (200, body)
            world.daemon.submit("stories", "remind", {"id": id, "balance": 420}, token="billing-cron")
        until(lambda: len(ledger.asked) >= 2 * len(bodies), "not asked again")
        for id in bodies:
            assert world.find("remind", id)["reason"] == "needs_fresh_fact"
        assert world.plain.effects()["requests"] == 0


def test_who_decides_sees_the_facts_that_the_rule_saw(tmp_path, ledger):
    """The card's input is what was submitted; its WHY speaks of what was read."""
    asks = FRESH.replace("    stale_after", "      - large: review if input.balance > 10000\n    stale_after")
    upstreams = "  ledger: { url: \"%s\" }\n" % ledger.url
    with World(tmp_path, policy=asks.format(more=REFRESH + "        email: response.body.email\n"), upstreams=upstreams) as world:
        ledger.answers["/invoices/a"] = (200, {"balance": 20000, "email": "secret@example.org"})
        world.daemon.submit("stories", "remind", {"id": "a", "balance": 420, "email": "old@example.org"}, token="billing-cron")
        until(lambda: world.find("remind", "a")["state"] == "in_review", "not asked")
        card = world.daemon.get("/v1/reviews/" + world.find("remind", "a")["review"]).json
        assert card["input"]["balance"] == 420 and card["fresh"]["set"]["balance"] == 20000, card
        assert card["fresh"]["from"] == "ledger GET /invoices/a" and "secret" not in json.dumps(card)


def test_a_masked_fact_is_masked(tmp_path, ledger):
    more = REFRESH + "        email: response.body.email\n"
    with fresh(tmp_path, ledger, more=more) as world:
        ledger.answers["/invoices/a"] = (200, {"balance": 5, "email": "secret@example.org"})
        world.daemon.submit("stories", "remind", {"id": "a", "balance": 420, "email": "old@example.org"}, token="billing-cron")
        until(lambda: world.find("remind", "a")["state"] == "done", "not sent")
        action = world.find("remind", "a")
        assert "secret" not in json.dumps(action) and action["fresh"]["set"]["balance"] == 5
        assert "secret" not in explain(world, world.find("remind", "a")["action"])


def test_without_refresh_a_stale_one_goes_to_a_person(tmp_path, ledger):
    with fresh(tmp_path, ledger, more="") as world:
        world.daemon.submit("stories", "remind", {"id": "a", "balance": 420}, token="billing-cron")
        until(lambda: world.find("remind", "a")["state"] == "in_review", "not in review")
        assert world.find("remind", "a")["reason"] == "stale" and world.plain.effects()["requests"] == 0


def test_a_repeat_says_that_the_input_still_holds(tmp_path, ledger):
    """Without `refresh`, the same key and input again makes the facts fresh: it is sent, not reviewed."""
    policy = FRESH.format(more="")
    with World(tmp_path, policy=policy.replace("hold 1500ms", "hold 3s"), upstreams="  ledger: { url: \"%s\" }\n" % ledger.url) as world:
        submit = lambda: world.daemon.submit("stories", "remind", {"id": "a", "balance": 420}, token="billing-cron")
        first = submit().json
        assert first["state"] == "held"

        until(lambda: submit().json["state"] != "held", "still held")
        assert world.find("remind", "a")["state"] == "done", world.find("remind", "a")
        assert world.plain.effects()["effects"] == 1


# ---- the example ----


def test_the_example_asks_billing(tmp_path):
    """examples/invoice-reminders as it is, but for its hour: who pays while it is held gets no reminder."""
    example = ROOT / "examples/invoice-reminders"
    policy = (example / "policy.yaml").read_text().replace("workflow: invoice-reminders", "workflow: stories").replace(
        "call: mailer", "call: plain").replace("    refresh:", "      - later: hold 1500ms if true\n    stale_after: 1s\n    refresh:")
    billing = Provider("--table", "/invoices=%s" % (example / "invoices.csv"))
    try:
        with World(tmp_path, policy=policy, upstreams="  billing: { url: \"%s\" }\n" % billing.url) as world:
            for invoice in ("INV-0001", "INV-0002"):
                answer = world.daemon.submit("stories", "send_reminder", {"invoice": invoice, "stage": 2, "balance": 311.45, "email": "e@example.org"},
                                             token="billing-cron")
                assert answer.json["state"] == "held", answer
            billing.ask("POST", "/_rows", {"/invoices/INV-0001": {"balance": 0}})
            until(lambda: world.find("send_reminder", "INV-0001:2")["state"] == "rejected", "not rejected")
            until(lambda: world.find("send_reminder", "INV-0002:2")["state"] == "done", "not sent")
            assert world.find("send_reminder", "INV-0002:2")["fresh"]["set"] == {"balance": 605.84}
            assert world.plain.effects(by="invoice")["by"] == {"INV-0002": 1}
    finally:
        billing.close()
