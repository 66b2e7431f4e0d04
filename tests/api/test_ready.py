"""`ready` and `report`: evidence, what is missing and the command for it; the estimate is of the draw only."""
import subprocess

import pytest

from interlock_client import BUILD, INSTALLATION, REMINDERS, TOKENS, Daemon, install

POLICY = """\
workflow: inquiry-routing
purpose: Route tickets
owner: support
restart: support-leads
{inform}
mode: {mode}
steps:
  route_ticket:
    kind: ticket
    call: helpdesk PUT /tickets/${{input.ticket}}/team
    key: ${{input.ticket}}
    summary: Ticket ${{input.ticket}}
    body: {{ team: "${{input.team}}" }}
    sla: 4h for 97%
    rules:
      - vip: review if input.team == "vip"
    audit: {{ share: 100%, labels: [right, wrong-team] }}
"""


def world(folder, mode, inform="inform: support-leads"):
    return install(folder, INSTALLATION, {"invoice-reminders.yaml": REMINDERS,
                                          "inquiry-routing.yaml": POLICY.format(mode=mode, inform=inform)})


def route(daemon, ticket, team="billing", **more):
    return daemon.submit("inquiry-routing", "route_ticket", {"ticket": ticket, "team": team}, token="helpdesk-bot", **more).json


def decide(daemon, action, verdict="approve"):
    assert daemon.post("/v1/reviews/%s/verdict" % action["review"], {"verdict": verdict}, token="ana").status == 200


def ready(daemon, token="ana"):
    answer = daemon.get("/v1/workflows/inquiry-routing/ready", token=token, headers={"Accept": "application/json"})
    assert answer.status == 200, answer
    return answer.json, {p["point"]: p for p in answer.json["points"]}


def report(daemon, query="", accept="application/json"):
    return daemon.get("/v1/workflows/inquiry-routing/report" + query, token="ana", headers={"Accept": accept})


def rehearse(daemon, workflow="inquiry-routing"):
    assert daemon.post("/v1/stops", {"scope": {"workflow": workflow}, "reason": "rehearsal"}, token="ana").status == 202
    incident = daemon.get("/v1/incidents?open=1").json["items"][0]["id"]
    assert daemon.restart(incident, "rehearsed").status == 202


def cli(daemon, *arguments, token="ana"):
    done = subprocess.run([str(BUILD / "interlock"), *arguments, "--url", "http://%s:%d" % (daemon.host, daemon.port)],
                          env={"INTERLOCK_TOKEN": TOKENS[token], "PATH": "/usr/bin"}, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_from_review_to_auto(tmp_path):
    with Daemon(world(tmp_path, "review")) as daemon:
        whole, points = ready(daemon)
        assert whole["next"] == "auto" and not whole["ready"]
        assert not points["unchanged"]["met"] and "no review was decided" in points["unchanged"]["says"]
        assert not points["rehearsed"]["met"] and "interlock stop inquiry-routing" in points["rehearsed"]["do"]
        code, out, _ = cli(daemon, "ready", "inquiry-routing")
        assert code == 1 and "NOT READY: 2 missing" in out, out
        for n in range(40):
            decide(daemon, route(daemon, "T-%d" % n))
        rehearse(daemon)
        whole, points = ready(daemon)
        assert whole["ready"] and "40 of 40, at least 91.2 %" in points["unchanged"]["says"], points
        assert points["owners"]["says"] == "owner support, restart support-leads, inform support-leads"
        code, out, _ = cli(daemon, "ready", "inquiry-routing")
        assert code == 0 and "READY: write `mode: auto` in" in out and "inquiry-routing.yaml" in out, out
        for n in range(3):  # three of 43 are not approved: at least 81 %, which is too little
            decide(daemon, route(daemon, "N-%d" % n), "reject")
        whole, points = ready(daemon)
        assert not whole["ready"] and "40 of 43" in points["unchanged"]["says"]


def test_counters_outlive_a_crash(tmp_path):
    with Daemon(world(tmp_path, "review")) as daemon:
        for n in range(12):
            decide(daemon, route(daemon, "T-%d" % n))
        before = report(daemon).json["counts"]
        assert before["approved"] == before["reviewed"] == before["submitted"] == 12
        daemon.kill()
        daemon.start()
        assert report(daemon).json["counts"] == before


def test_from_observe_to_review(tmp_path):
    with Daemon(world(tmp_path, "observe")) as daemon:
        for n in range(19):
            route(daemon, "T-%d" % n)
        route(daemon, "V", team="vip")
        route(daemon, "V", team="vip")
        rehearse(daemon)
        whole, points = ready(daemon)
        assert whole["next"] == "review" and whole["ready"], whole
        assert "20 actions observed" in points["observed"]["says"] and "asked a person for 1" in points["observed"]["says"]
        route(daemon, "T-1", team="other")
        whole, points = ready(daemon)
        assert not whole["ready"] and "1 another input" in points["keys"]["says"] and "`key:`" in points["keys"]["do"]
        text = report(daemon, accept="text/plain").text
        assert "21 in mode observe" in text and "1 second send (1 repeat was" in text, text


def test_owners_uncertain_and_stops_are_asked(tmp_path):
    with Daemon(world(tmp_path, "review", inform="")) as daemon:
        daemon.sandbox("helpdesk", status=500, times=99)
        decide(daemon, route(daemon, "T-1"))
        whole, points = ready(daemon)
        assert not points["owners"]["met"] and "`inform`" in points["owners"]["says"] and "interlock reload" in points["owners"]["do"]
        held = daemon.action(route(daemon, "T-1")["action"])
        assert held["state"] in ("uncertain", "held", "waiting")
        assert daemon.post("/v1/stops", {"scope": {"workflow": "inquiry-routing", "step": "route_ticket"}}).status == 202
        points = ready(daemon)[1]
        assert points["rehearsed"]["says"] == "it is stopped" and "interlock restart" in points["rehearsed"]["do"]


def test_the_report(tmp_path):
    with Daemon(world(tmp_path, "auto")) as daemon:
        ids = [route(daemon, "T-%d" % n)["action"] for n in range(10)]
        reviewed = route(daemon, "V-1", team="vip")
        decide(daemon, reviewed)
        waits = route(daemon, "V-2", team="vip")["action"]
        route(daemon, "T-1")
        for n, word in ((0, "right"), (1, "right"), (2, "right"), (3, "wrong-team")):
            assert daemon.post("/v1/workflows/inquiry-routing/labels", {"action": ids[n], "label": word}, token="ana").status == 200
        daemon.post("/v1/workflows/inquiry-routing/labels", {"action": reviewed["action"], "label": "wrong-team"}, token="ana")
        rehearse(daemon)
        answer = report(daemon).json
        assert answer["errors"]["wrong"] == {"hits": 1, "count": 4, "share": 0.25, "from": 0.045587, "to": 0.699359}
        assert answer["errors"]["drawn"] == 10 and answer["errors"]["open"] == 6 and answer["errors"]["reviewed_wrong"] == 1
        assert answer["counts"]["automatic"] == 10 and answer["counts"]["reviewed"] == 1 and answer["in_time_target"] == 97
        assert answer["open"]["in_review"] == 1 and answer["open"]["oldest"] == waits and len(answer["stops"]) == 1
        code, text, _ = cli(daemon, "report", "inquiry-routing", "--since", "30d")
        lines = text.splitlines()
        assert code == 0 and len(lines) == 10, text
        assert lines[1].startswith("SUBMITTED  12. Ended: 10 automatic · 1 reviewed")
        assert lines[4] == "IN TIME    100.0 % of 11 (target 97 %)"
        assert "1 of 4 wrong: 25.0 % (4.5 to 70.0 %), of 10 drawn at random; 6 open" in lines[5] and "no sample: 1 of reviewed ones wrong" in lines[5]
        assert lines[7].startswith("STOPS      1 stop, 1 restart, 0 in force")
        assert lines[8].startswith("PREVENTED  1 second send (") and lines[9].startswith("OPEN       1 to decide; the oldest V-2, for ")
        status = daemon.get("/v1/status", token="ana", headers={"Accept": "application/json"}).json
        row = next(w for w in status["workflows"] if w["workflow"] == "inquiry-routing")
        assert row["to_label"] == 6 and row["errors"]["wrong"]["hits"] == 1
        assert "6 to label" in daemon.get("/v1/status?format=text", token="ana").text


@pytest.mark.parametrize("path, token, status", [
    ("/v1/workflows/inquiry-routin/ready", "ana", 404),
    ("/v1/workflows/inquiry-routing/ready?since=7d", "ana", 400),
    ("/v1/workflows/inquiry-routing/report?since=soon", "ana", 400),
    ("/v1/workflows/inquiry-routing/report?since=1s", "ana", 400),
    ("/v1/workflows/inquiry-routing/report?since=4000d", "ana", 400),
    ("/v1/workflows/inquiry-routing/report", "eve", 403),
    ("/v1/workflows/inquiry-routing/ready", "helpdesk-bot", 403),
    ("/v1/workflows/inquiry-routing/ready", "", 401),
])
def test_bad_questions(shared, path, token, status):
    assert shared.get(path, token=token).status == status
