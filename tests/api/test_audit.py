"""Audit draws and labels (R18, R21): made once, recorded, counted only for what ran by itself; labels by people and by
services; what is no sample is never called an estimate."""
import subprocess

import pytest

from interlock_client import BUILD, INSTALLATION, REMINDERS, TOKENS, Daemon, install

ROUTING = """\
workflow: inquiry-routing
purpose: Classify support tickets and route them to a team
owner: support
restart: support-leads
inform: support-leads
mode: auto
steps:
  route_ticket:
    kind: ticket
    call: helpdesk PUT /tickets/${{input.ticket}}/team
    key: ${{input.ticket}}
    summary: Ticket ${{input.ticket}} to ${{input.team}}
    body:
      team: ${{input.team}}
    rules:
      - large: review if input.team == "vip"
    audit:
      share: {share}
      ask: Was this routed right?
      labels: [right, wrong-team, spam]
      {more}
  note_ticket:
    kind: ticket
    call: helpdesk PUT /tickets/${{input.ticket}}/note
    key: ${{input.ticket}}
    body: {{ note: "${{input.team}}" }}
"""
LABELLERS = INSTALLATION.replace("submits: [inquiry-routing],", "submits: [inquiry-routing], labels: [inquiry-routing],")


def world(folder, share="100%", more="due: 1d"):
    return install(folder, LABELLERS, {"invoice-reminders.yaml": REMINDERS, "inquiry-routing.yaml": ROUTING.format(share=share, more=more)})


@pytest.fixture
def all_drawn(tmp_path):
    with Daemon(world(tmp_path)) as daemon:
        yield daemon


def route(daemon, ticket, team="billing", step="route_ticket", **more):
    return daemon.submit("inquiry-routing", step, {"ticket": ticket, "team": team}, token="helpdesk-bot", **more).json


def label(daemon, token="ana", **body):
    return daemon.post("/v1/workflows/inquiry-routing/labels", body, token=token)


def audits(daemon):
    return daemon.get("/v1/inbox?kind=audit").json["items"]


def records(daemon, **wanted):
    lines = daemon.get("/v1/decisions?limit=1000", headers={"Accept": "application/jsonl"}).json
    found = [line.get("record", line) for line in lines]
    return [r for r in found if all(r.get(k) == v for k, v in wanted.items())]


def cli(daemon, *arguments, token="ana"):
    done = subprocess.run([str(BUILD / "interlock"), *arguments, "--url", "http://%s:%d" % (daemon.host, daemon.port)],
                          env={"INTERLOCK_TOKEN": TOKENS[token], "PATH": "/usr/bin"}, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def verify(daemon):
    answer = daemon.get("/v1/decisions/verify", headers={"Accept": "application/json"})
    assert answer.status == 200 and answer.json["good"], answer


def test_a_drawn_action_waits_for_a_label_and_nothing_waits_for_it(all_drawn):
    action = route(all_drawn, "T-1")
    assert action["state"] == "done"
    item, = audits(all_drawn)
    assert item["action"] == action["action"] and item["id"] == action["action"] and item["key"] == "T-1"
    assert item["why"].startswith("Was this routed right?") and item["who"]["group"] == "support"
    assert [v["verdict"] for v in item["verdicts"]] == ["right", "wrong-team", "spam"]
    answer = label(all_drawn, action=action["action"], label="wrong-team", note="it is about refunds")
    assert answer.status == 200, answer
    assert answer.json["use"] == "sample" and answer.json["first"]["wrong"] and answer.json["first"]["by"] == "ana"
    assert audits(all_drawn) == []
    verify(all_drawn)


def test_the_draw_can_be_repeated_from_the_store(tmp_path):
    with Daemon(world(tmp_path, share="40%")) as daemon:
        ids = {route(daemon, "T-%d" % n)["action"] for n in range(60)}
        admitted = [r for r in records(daemon, kind="admitted") if r.get("step") == "route_ticket"]
        assert {r["action"] for r in admitted} == ids and all(0 <= r.get("roll", 0) < 1000000 and r["share"] == 400000 for r in admitted)
        drawn = {r["action"] for r in admitted if r.get("roll", 0) < r["share"]}
        assert {item["action"] for item in audits(daemon)} == drawn and 5 < len(drawn) < 45
        route(daemon, "T-1")  # a replay draws nothing
        assert len([r for r in records(daemon) if "share" in r]) == 60


def test_what_a_person_let_go_is_no_sample(all_drawn):
    action = route(all_drawn, "T-1", team="vip")
    assert action["state"] == "in_review"
    assert all_drawn.post("/v1/reviews/%s/verdict" % action["review"], {"verdict": "approve"}, token="ana").status == 200
    assert all_drawn.action(action["action"])["state"] == "done" and audits(all_drawn) == []
    answer = label(all_drawn, action=action["action"], label="spam")
    assert answer.json["use"] == "complaint" and not answer.json["drawn"]


def test_a_label_as_the_verdict_of_a_review(all_drawn):
    action = route(all_drawn, "T-1", team="vip")
    review = "/v1/reviews/%s/verdict" % action["review"]
    early = all_drawn.post(review, {"verdict": "label", "label": "right"}, token="ana")
    assert early.status == 409 and "nothing to label" in early.json["detail"]
    assert all_drawn.post(review, {"verdict": "approve"}, token="ana").status == 200
    said = all_drawn.post(review, {"verdict": "label", "label": "spam", "note": "seen later"}, token="ana")
    assert said.status == 200 and said.json["first"]["label"] == "spam" and said.json["use"] == "complaint", said
    bad = all_drawn.post(review, {"verdict": "label", "label": "nothing"}, token="ana")
    assert bad.status == 422 and bad.json["pointer"] == "/label" and "right, wrong-team, spam" in bad.json["detail"], bad
    assert label(all_drawn, token="ben", action=action["action"], label="right").json["first"]["label"] == "spam"
    told = all_drawn.get("/v1/actions/" + action["action"], token="ana").json
    assert told["labels"]["first"]["by"] == "ana" and told["labels"]["last"]["label"] == "right"
    assert all_drawn.get("/v1/actions?key=T-1", token="ana").json["items"][0]["labels"] == told["labels"]
    text = all_drawn.get("/v1/actions/%s/explain" % action["action"], token="ana", headers={"Accept": "text/plain"}).text
    assert "LABELS  spam (wrong), says Ana Ruiz, " in text and " Then right, says Ben Okafor, " in text, text


def test_a_refused_label_is_recorded_where_its_giver_may_see_the_action(all_drawn):
    action = route(all_drawn, "T-1")["action"]
    assert "drawn for audit; a label is asked for by" in all_drawn.get(
        "/v1/actions/%s/explain" % action, token="ana", headers={"Accept": "text/plain"}).text
    waits = route(all_drawn, "V-1", team="vip")["action"]
    assert label(all_drawn, action=action, label="nothing", note="hm").json["pointer"] == "/label"
    assert label(all_drawn, action=waits, label="right").status == 409
    assert label(all_drawn, token="eve", action=action, label="right").status == 403
    assert label(all_drawn, token="billing-cron", action=action, label="right").status == 403
    refused = records(all_drawn, kind="refused")
    assert [(r["action"], r["actor"], r["subject"]) for r in refused] == [(action, "ana", "bad_label"), (waits, "ana", "not_done")]
    assert len(audits(all_drawn)) == 1
    verify(all_drawn)


def test_a_label_for_what_is_not_known_is_recorded(all_drawn):
    route(all_drawn, "T-1")
    for body in {"key": "T-9"}, {"run": "R-9"}, {"action": "a_0000000000001"}:
        assert label(all_drawn, label="right", **body).status == 404
    assert label(all_drawn, token="eve", key="T-9", label="right").status == 403
    refused = records(all_drawn, kind="label_refused")
    assert [(r["actor"], r["workflow"], r["subject"]) for r in refused] == [("ana", "inquiry-routing", w) for w in ("key", "run", "id")]
    text = all_drawn.get("/v1/decisions?last=1", token="ana", headers={"Accept": "text/plain"}).text
    assert "a label was refused: inquiry-routing has no such id" in text, text
    verify(all_drawn)


def test_an_undrawn_step_takes_complaints(all_drawn):
    action = route(all_drawn, "T-1", step="note_ticket")
    assert audits(all_drawn) == []
    assert label(all_drawn, action=action["action"], label="right").json["use"] == "kept"
    other = route(all_drawn, "T-2", step="note_ticket")
    assert label(all_drawn, action=other["action"], label="wrong").json["use"] == "complaint"


def test_the_first_label_counts_and_later_ones_correct(all_drawn):
    action = route(all_drawn, "T-1")["action"]
    assert label(all_drawn, action=action, label="wrong-team").json["use"] == "sample"
    second = label(all_drawn, token="ben", action=action, label="right").json
    assert second["count"] == 2 and second["first"]["label"] == "wrong-team" and second["last"] == dict(second["last"], label="right", by="ben")
    said = records(all_drawn, kind="labelled")
    assert [(r["subject"], r["use"], r["number"]) for r in said] == [("wrong-team", "sample", 1), ("right", "correction", 2)]
    verify(all_drawn)


def test_by_key_by_run_and_by_a_service(all_drawn):
    one = route(all_drawn, "T-1", run="R-1")["action"]
    two = route(all_drawn, "T-2", run="R-2")["action"]
    assert label(all_drawn, token="helpdesk-bot", run="R-1", label="right").json["action"] == one
    answer = label(all_drawn, token="helpdesk-bot", key="T-2", label="spam").json
    assert answer["action"] == two and answer["first"]["by"] == "helpdesk-bot"


def test_a_run_of_several_is_asked_back(all_drawn):
    ids = [route(all_drawn, "T-1", run="R")["action"], route(all_drawn, "T-1", run="R", step="note_ticket")["action"]]
    answer = label(all_drawn, run="R", label="right")
    assert answer.status == 422 and all(i in answer.json["detail"] for i in ids), answer
    assert label(all_drawn, action=ids[1], label="right").status == 200


@pytest.mark.parametrize("token, body, status, says", [
    ("ana", {"action": "a_0000000000001", "label": "right"}, 404, "no action with the id"),
    ("ana", {"action": "T-1", "label": "right"}, 404, "no action with the id"),
    ("ana", {"key": "T-9", "label": "right"}, 404, 'the key "T-9"'),
    ("ana", {"run": "R-9", "label": "right"}, 404, 'the run "R-9"'),
    ("ana", {"key": "T-1", "label": "wrong"}, 422, "right, wrong-team, spam"),
    ("ana", {"key": "T-1"}, 422, "label"),
    ("ana", {"label": "right"}, 422, 'one "action", "key" or "run"'),
    ("ana", {"key": "T-1", "run": "R-1", "label": "right"}, 422, 'one "action", "key" or "run"'),
    ("ana", {"key": "T-1", "label": "right", "why": "x"}, 422, "why"),
    ("ana", {"key": "T-1", "label": "right", "note": "x" * 5000}, 422, "note"),
    ("eve", {"key": "T-1", "label": "right"}, 403, "may not"),
    ("billing-cron", {"key": "T-1", "label": "right"}, 403, "may not"),
    ("ana", {"key": "V-1", "label": "right"}, 409, "nothing to label"),
])
def test_bad_labels(shared_drawn, token, body, status, says):
    answer = label(shared_drawn, token=token, **body)
    assert answer.status == status and says in str(answer.json), answer
    assert records(shared_drawn, kind="labelled") == []


@pytest.fixture(scope="module")
def shared_drawn(tmp_path_factory):
    with Daemon(world(tmp_path_factory.mktemp("labels"))) as daemon:
        route(daemon, "T-1", run="R-1")
        route(daemon, "V-1", team="vip")
        yield daemon


def test_metrics(all_drawn):
    ids = [route(all_drawn, "T-%d" % n)["action"] for n in range(3)]
    label(all_drawn, action=ids[0], label="spam")
    label(all_drawn, action=ids[0], label="right")
    label(all_drawn, action=ids[1], label="right")
    label(all_drawn, action=route(all_drawn, "N-1", step="note_ticket")["action"], label="wrong")
    text = all_drawn.get("/metrics", token="ben").text
    for name, count in (("audits_open", 1), ("audit_labels_right_total", 1), ("audit_labels_wrong_total", 1), ("complaints_total", 1)):
        assert 'interlock_%s{workflow="inquiry-routing"} %d\n' % (name, count) in text, name


def test_open_audits_and_labels_survive_a_crash(tmp_path):
    with Daemon(world(tmp_path)) as daemon:
        ids = [route(daemon, "T-%d" % n)["action"] for n in range(5)]
        assert label(daemon, action=ids[0], label="right").status == 200
        daemon.kill()
        daemon.start()
        assert [item["action"] for item in audits(daemon)] == ids[1:]
        assert label(daemon, action=ids[0], label="spam").json["count"] == 2
        verify(daemon)


def test_the_command(all_drawn):
    action = route(all_drawn, "T-1")["action"]
    code, out, _ = cli(all_drawn, "inbox")
    assert code == 0 and all("interlock label T-1 %s\n" % word in out for word in ("right", "wrong-team", "spam")), out
    code, out, err = cli(all_drawn, "label", "T-1", "wrong-team", "--note", "asked")
    assert code == 0 and "T-1: wrong-team (wrong)" in out and "drawn at random" in out, out + err
    code, out, _ = cli(all_drawn, "label", action, "right", token="ben")
    assert code == 0 and "labelled before, by ana: wrong-team" in out, out
    code, _, err = cli(all_drawn, "label", "T-404", "right")
    assert code == 1 and "nothing is known" in err
    code, out, _ = cli(all_drawn, "log", token="ben")
    assert "wrong: wrong-team  by Ana Ruiz" in out and "right: right  by Ben Okafor" in out, out
