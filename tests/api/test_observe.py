"""Mode observe, whole (policy.md): the call goes through once, as before interlock; what interlock would have done is on
record; repeats are caught; nothing but a stop keeps anything back."""
import pytest

from interlock_client import INSTALLATION, REMINDERS, ROUTING, Daemon, install

OBSERVED = """\
workflow: watched
purpose: As before, and looked at
owner: finance
restart: finance-leads
inform: ana
mode: observe
steps:
  send:
    kind: webhook
    call: {upstream} POST /v1/things
    {key}
    body: {{ id: "${{input.id}}" }}
    confidence: at least 0.80
    rules:
      - paid-already: reject if input.paid
      - large: review if input.amount > 100
      - wait-for-it: hold 1d if input.early
"""


def world(folder, key="key: ${input.id}", upstream="mailer", more=""):
    text = INSTALLATION.replace("submits: [invoice-reminders]", "submits: [invoice-reminders, watched]") + more
    return install(folder, text, {"invoice-reminders.yaml": REMINDERS, "inquiry-routing.yaml": ROUTING,
                                  "watched.yaml": OBSERVED.format(key=key, upstream=upstream)})


@pytest.fixture
def watched(tmp_path):
    with Daemon(world(tmp_path)) as daemon:
        yield daemon


def send(daemon, id, amount=10, paid=False, early=False, confidence=0.9, **more):
    return daemon.submit("watched", "send", {"id": id, "amount": amount, "paid": paid, "early": early},
                         token="billing-cron", confidence=confidence, **more)


def records(daemon, **wanted):
    lines = daemon.get("/v1/decisions?limit=1000", headers={"Accept": "application/jsonl"}).json
    found = [line.get("record", line) for line in lines]
    return [r for r in found if all(r.get(k) == v for k, v in wanted.items())]


@pytest.mark.parametrize("given, would", [
    (dict(), "go"),
    (dict(amount=500), "review"),
    (dict(paid=True), "reject"),
    (dict(early=True), "hold"),
    (dict(confidence=0.1), "review"),
])
def test_it_goes_through_and_the_record_says_what_would_be(watched, given, would):
    answer = send(watched, "a", **given)
    assert answer.status == 200 and answer.json["state"] == "done" and watched.sandbox()["effects"] == 1
    assert answer.json["would"]["says"] == would, answer
    record, = records(watched, kind="admitted")
    assert record["observed"] is True and record.get("would", "go") == would


def test_a_repeat_is_answered_not_sent_and_on_record(watched):
    first = send(watched, "a").json
    for _ in range(2):
        again = send(watched, "a")
        assert again.status == 200 and again.json["action"] == first["action"] and again.json["replayed"]
    assert watched.sandbox()["effects"] == 1
    assert len(records(watched, kind="repeated", actor="billing-cron")) == 2
    assert send(watched, "a", query="?dry_run=1").status == 200
    assert len(records(watched, kind="repeated")) == 2, "a dry run leaves a record"
    assert watched.get("/v1/decisions/verify", headers={"Accept": "application/json"}).json["good"]


def test_another_input_under_the_key_is_sent_and_marked(watched):
    ids = [send(watched, "a", amount=n).json for n in (1, 2, 3)]
    assert [a["key"] for a in ids] == ["a", "a#2", "a#3"] and watched.sandbox()["effects"] == 3
    assert send(watched, "a", amount=2).json["action"] == ids[1]["action"], "the same input finds its own"
    assert [r["action"] for r in records(watched, subject="key-conflict")] == [ids[1]["action"], ids[2]["action"]]


def test_without_a_key_it_is_sent_and_marked(tmp_path):
    with Daemon(world(tmp_path, key="summary: ${input.id}", upstream="helpdesk")) as daemon:
        assert [send(daemon, "a").json["state"] for _ in range(2)] == ["done", "done"]
        assert daemon.sandbox("helpdesk")["effects"] == 2
        assert len(records(daemon, subject="no-key")) == 2
        assert send(daemon, "a", key="k").json["key"] == "k" and len(records(daemon, subject="no-key")) == 2


@pytest.mark.parametrize("status, state", [(503, "uncertain"), (429, "failed"), (404, "failed")])
def test_one_attempt_and_no_fallback(watched, status, state):
    watched.sandbox(status=status, times=5)
    answer = send(watched, "a")
    assert answer.json["state"] == state and answer.json["attempts"] == 1, answer
    assert "names nothing else" not in answer.json["why"], "the policy may: in observe it is not asked"


def test_a_provider_that_is_down_holds_nothing(watched):
    watched.sandbox(down=True)
    states = [send(watched, "k%d" % n).json["state"] for n in range(8)]
    assert states == ["failed"] * 8, "something waits, or a breaker kept it back"
    watched.sandbox(down=False)
    assert send(watched, "after").json["state"] == "done"


def test_a_stop_works(watched):
    assert watched.post("/v1/stops", {"scope": {"workflow": "watched"}}).status == 202
    held = send(watched, "a")
    assert held.status == 202 and held.json["state"] == "held" and watched.sandbox()["effects"] == 0
    incident = watched.get("/v1/incidents?open=1").json["items"][0]["id"]
    assert watched.restart(incident, "looked").status == 202
    for _ in range(200):  # each asks the daemon: no clock is needed
        if watched.action(held.json["action"])["state"] == "done":
            break
    assert watched.action(held.json["action"])["state"] == "done" and watched.sandbox()["effects"] == 1
