"""The breaker of an upstream, the drain after an outage, and the order of actions of one thing (R11), over the real daemon:
what status, metrics, the log and each action say, and that it outlives a kill."""
import pytest

from interlock_client import INSTALLATION, REMINDERS, Daemon, install, wait_for

QUICK = INSTALLATION.replace("    idempotency: {", "    breaker: { open: 1s }\n    drain: at most 1000/s\n    idempotency: {")

TICKETS = """\
workflow: inquiry-routing
purpose: Set the state of tickets
owner: support
restart: support-leads
inform: support-leads
mode: auto

steps:
  set_state:
    kind: record
    call: helpdesk PUT /tickets/${input.ticket}/state
    key: ${input.ticket}:${input.n}
    body: { state: "${input.state}" }
    rules:
      - asked: review if input.state == "open"
  set_last:
    kind: record
    call: helpdesk PUT /tickets/${input.ticket}/last
    key: ${input.ticket}:${input.n}
    body: { state: "${input.state}" }
    order_by: last-${input.ticket}
    supersede: true
    rules:
      - asked: review if input.state == "open"
"""


def mailer(daemon):
    return next(u for u in daemon.get("/v1/status").json["upstreams"] if u["upstream"] == "mailer")


def fail_until_open(daemon):
    daemon.sandbox(down=True)
    for n in range(6):
        daemon.remind("INV-%d" % n, headers={"Prefer": "wait=0"})
    return wait_for("open", lambda: next(filter(lambda u: u["breaker"] == "open", [mailer(daemon)]), None))


def states(daemon):
    return [daemon.get("/v1/actions?key=INV-%d:1" % n).json["items"][0]["state"] for n in range(6)]


@pytest.fixture
def quick(tmp_path):
    with Daemon(install(tmp_path, QUICK, {"a.yaml": REMINDERS, "b.yaml": TICKETS})) as running:
        yield running


def test_an_outage_from_end_to_end(quick):
    upstream = fail_until_open(quick)
    assert upstream["cause"] in ("failures_in_row", "failure_share") and upstream["cause_count"] >= 5
    assert upstream["open_since"] and upstream["asked_again_at"]
    status = quick.get("/v1/status", headers={"Accept": "text/plain"})
    assert "not answer since" in status.text, status.text
    assert 'interlock_breaker_open{upstream="mailer"} 1' in quick.get("/metrics").text
    late = quick.remind("INV-9", headers={"Prefer": "wait=5"})
    assert late.status == 202 and late.json["state"] == "held" and late.json["attempts"] == 0
    assert "does not answer" in late.json["why"] and late.json["next"]["at"]
    quick.sandbox(down=False)
    wait_for("all done", lambda: set(states(quick)) == {"done"})
    wait_for("the late one", lambda: quick.action(late.json["action"])["state"] == "done")
    wait_for("closed", lambda: mailer(quick)["breaker"] == "closed" and mailer(quick)["held"] == 0)
    assert quick.sandbox()["effects"] == 7
    log = [r["record"] for r in quick.get("/v1/decisions").json if r["record"]["kind"] == "upstream"]
    changes = [r["subject"].split(" ")[0] for r in log]
    assert changes[0] == "open" and changes[-1] == "closed" and "half_open" in changes
    assert log[0]["subject"].split(" ")[1] in ("failures_in_row", "failure_share")


def test_it_outlives_a_kill(tmp_path):
    folder = install(tmp_path, QUICK.replace("open: 1s", "open: 1h"), {"a.yaml": REMINDERS, "b.yaml": TICKETS})
    with Daemon(folder) as first:
        fail_until_open(first)
        first.kill()
    with Daemon(folder) as second:  # its sandbox is up again, but nobody has asked it
        assert mailer(second)["breaker"] == "open" and mailer(second)["open_since"]
        answer = second.remind("INV-9", headers={"Prefer": "wait=5"})
        assert answer.json["state"] == "held" and answer.json["attempts"] == 0


def test_a_newer_one_waits_for_an_older_one(quick):
    def put(n, state):
        return quick.submit("inquiry-routing", "set_state", {"ticket": "T-1", "n": n, "state": state}, token="helpdesk-bot")
    first = put(1, "open")
    assert first.json["state"] == "in_review"
    second = put(2, "closed")
    assert second.status == 202 and second.json["state"] == "held"
    assert first.json["action"] in second.json["what"] and "same thing" in second.json["why"]
    other = quick.submit("inquiry-routing", "set_state", {"ticket": "T-2", "n": 1, "state": "closed"}, token="helpdesk-bot")
    assert other.json["state"] == "done"
    approved = quick.post("/v1/reviews/%s/verdict" % first.json["review"], {"verdict": "approve"}, token="ana")
    assert approved.status in (200, 202)
    wait_for("the second", lambda: quick.action(second.json["action"])["state"] == "done")
    assert quick.action(first.json["action"])["state"] == "done"


def test_a_newer_one_takes_the_place_of_an_older_one(quick):
    def put(n, state):
        return quick.submit("inquiry-routing", "set_last", {"ticket": "T-1", "n": n, "state": state}, token="helpdesk-bot")
    first = put(1, "open")
    assert first.json["state"] == "in_review"
    second = put(2, "closed")
    wait_for("the second", lambda: quick.action(second.json["action"])["state"] == "done")
    old = quick.action(first.json["action"])
    assert old["state"] == "cancelled" and "newer action of the same thing" in old["why"]
    assert put(1, "open").status == 409
