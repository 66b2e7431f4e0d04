"""Incidents as people meet them: what stands in one, what is said of it and stays, what changed, and all of it over a kill."""
import os, sqlite3, subprocess, threading

import pytest

from interlock_client import BUILD, INSTALLATION, REMINDERS, TOKENS, Daemon, install, wait_for
from receivers import MailSink
from story_world import POLICY, World

ROUTING = """\
workflow: inquiry-routing
purpose: Classify support tickets and route them to a team
owner: support
restart: support-leads
inform: ben
mode: auto
causes: [input.channel, context.model_version, input.secret]
runbook: "https://wiki.example.org/routing"
steps:
  route_ticket:
    kind: ticket
    call: helpdesk PUT /tickets/${input.ticket}/team
    key: ${input.ticket}
    summary: Ticket ${input.ticket} to ${input.team}
    mask: [secret]
    body:
      team: ${input.team}
    audit:
      share: 100%
      ask: Was this routed right?
      labels: [right, wrong-team]
"""


@pytest.fixture
def routing(tmp_path):
    with Daemon(install(tmp_path, INSTALLATION, {"invoice-reminders.yaml": REMINDERS, "inquiry-routing.yaml": ROUTING})) as daemon:
        yield daemon


def cli(daemon, *arguments, token="ana"):
    done = subprocess.run([str(BUILD / "interlock"), *arguments, "--url", "http://%s:%d" % (daemon.host, daemon.port)],
                          env={"INTERLOCK_TOKEN": TOKENS[token], "PATH": "/usr/bin"}, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def route(daemon, ticket, model, channel="mail"):
    answer = daemon.submit("inquiry-routing", "route_ticket",
                           {"ticket": ticket, "team": "billing", "channel": channel, "secret": "s-" + model},
                           token="helpdesk-bot", context={"model_version": model})
    assert answer.status == 200, answer
    return answer.json["action"]


def label(daemon, action, word):
    answer = daemon.post("/v1/workflows/inquiry-routing/labels", {"action": action, "label": word}, token="ana")
    assert answer.status == 200, answer


def stop(daemon, workflow="inquiry-routing", token="ana", **more):
    answer = daemon.post("/v1/stops", dict(more, scope={"workflow": workflow}), token=token)
    assert answer.status == 202, answer
    return answer.json["incident"]


def incident(daemon, id):
    answer = daemon.get("/v1/incidents/" + id)
    assert answer.status == 200, answer
    return answer.json


def say(daemon, id, what, body, token="ana", status=200):
    answer = daemon.post("/v1/incidents/%s/%s" % (id, what), body, token=token)
    assert answer.status == status, answer
    return answer.json


def drift(daemon):
    """20 by m3, of them one wrong; 10 by m4, of them 8."""
    actions = [route(daemon, "T-%d" % n, "m4" if n >= 20 else "m3", "chat" if n % 2 else "mail") for n in range(30)]
    for n, action in enumerate(actions):  # all at the end: the trigger would put the rest on caution
        label(daemon, action, "wrong-team" if n == 3 or n >= 22 else "right")


def test_all_that_an_incident_holds(routing):
    drift(routing)
    id = stop(routing, reason="it routes to the wrong teams")
    held = routing.submit("inquiry-routing", "route_ticket",
                          {"ticket": "T-99", "team": "billing", "channel": "mail", "secret": "x"}, token="helpdesk-bot")
    assert held.status == 202, held
    one = incident(routing, id)
    assert one["kind"] == "stop" and one["scope"] == {"workflow": "inquiry-routing"}
    assert one["impact"]["held"] == 1 and one["impact"]["wrong_before"] == 9 and one["impact"]["lost"] == 0
    assert one["impact"]["automatic"] == 0  # what was done before it opened is not of it
    assert one["inform"]["person"] == "ben" and "inquiry-routing is stopped" in one["inform"]["draft"]
    assert one["runbook"] == "https://wiki.example.org/routing"
    assert one["times"] == {"detect_s": None, "detect_why": "a person stopped it", "acknowledge_s": None, "inform_s": None, "restart_s": None}
    kinds = [entry["kind"] for entry in one["timeline"]]
    assert kinds[:2] == ["stop", "incident"] and "telling" in kinds
    code, page, _ = cli(routing, "incident", id)
    assert code == 0
    assert page.startswith("INCIDENT " + id + "  inquiry-routing stopped since ")
    assert "by Ana Ruiz: it routes to the wrong teams\n" in page
    assert "Ben Okafor informs stakeholders by " in page and "Restart: one of support-leads, not who asks." in page
    assert "IMPACT  9 wrong before · 1 held · 0 lost\n" in page
    assert "RUNBOOK https://wiki.example.org/routing\n" in page
    assert "interlock incident %s --informed" % id in page


def test_what_changed_has_counts_and_no_masked_field(routing):
    drift(routing)
    id = stop(routing)
    changed = incident(routing, id)["changed"]
    assert changed == [{"path": "context.model_version", "value": "m4", "wrong": 8, "of": 10, "rest_wrong": 1, "rest_of": 20, "lift": 16}]
    page = cli(routing, "incident", id)[1]
    assert "CHANGED context.model_version = m4: 8 of 10 wrong, 5 % of the rest (×16.0)\n" in page
    report = routing.get("/v1/incidents/" + id, headers={"Accept": "text/markdown"})
    assert "secret" not in page + report.text and "s-m4" not in report.text


def test_nothing_is_said_to_have_changed_without_evidence(routing):
    for n in range(8):
        label(routing, route(routing, "T-%d" % n, "m4" if n > 5 else "m3"), "wrong-team" if n > 5 else "right")
    one = incident(routing, stop(routing))
    assert one["changed"] == []
    report = routing.get("/v1/incidents/" + one["id"], headers={"Accept": "text/markdown"}).text
    assert "Nothing stands out among 8 actions, 0 of them ended badly." in report
    assert "| detect | – (a person stopped it) |\n" in report  # two labels are no sample: by their ends


def test_a_trip_says_since_when_and_goes_by_its_signal(tmp_path):
    """Labels of the draw move to fallback: the time to detect is from the first wrong one on, and over a kill."""
    policies = {"invoice-reminders.yaml": REMINDERS, "inquiry-routing.yaml": ROUTING + "sensitivity: quick\n"}
    with Daemon(install(tmp_path, INSTALLATION, policies)) as daemon:
        actions = [route(daemon, "T-%d" % n, "m4" if n >= 16 else "m3") for n in range(32)]
        for n, action in enumerate(actions):
            label(daemon, action, "wrong-team" if n >= 16 else "right")
        one, = daemon.get("/v1/incidents?open=1").json["items"]
        daemon.kill()
        daemon.start()
        one = incident(daemon, one["id"])
        assert one["by"].startswith("trigger ") and one["changed_by"] == "labels"
        assert isinstance(one["times"]["detect_s"], int) and one["times"]["detect_why"] is None
        assert one["changed"][0]["value"] == "m4" and one["changed"][0]["wrong"] >= 7, one["changed"]


def test_what_is_said_stays_and_times_are_told(routing):
    id = stop(routing)
    assert "not said yet" in cli(routing, "incident", id)[1]
    say(routing, id, "ack", {}, token="ben")
    code, out, err = cli(routing, "incident", id, "--informed", "the teams know")
    assert code == 0, err
    assert cli(routing, "incident", id, "--note", "m4 went live at noon")[0] == 0
    assert routing.restart(id, "rolled back").status == 202
    code, page, _ = cli(routing, "incident", id)
    assert "its cause is not said yet" in page and "Closed " in page
    assert cli(routing, "incident", id, "--cause", "m4 was trained on the wrong labels")[0] == 0
    assert cli(routing, "incident", id, "--follow-up", "two models side by side", token="ben")[0] == 0
    one = incident(routing, id)
    assert one["state"] == "closed" and one["cause"] == "m4 was trained on the wrong labels"
    assert one["follow_up"] == "two models side by side"
    assert one["inform"]["informed_by"] == "ana" and one["inform"]["text"] == "the teams know" and one["inform"]["draft"] is None
    assert all(isinstance(one["times"][name], int) for name in ("acknowledge_s", "inform_s", "restart_s"))
    report = cli(routing, "incident", id, "--report")[1]
    assert report.startswith("# Incident %s: inquiry-routing " % id)
    assert "## Cause\n\nm4 was trained on the wrong labels\n" in report
    assert "## Follow-up\n\ntwo models side by side\n" in report
    timeline = report.split("## Timeline")[1]
    for words in ("stop of inquiry-routing, by Ana Ruiz", "acknowledged, by Ben Okafor",
                  "informed stakeholders, by Ana Ruiz: the teams know", "note, by Ana Ruiz: m4 went live at noon",
                  "restart of inquiry-routing, by Ben Okafor", "cause, by Ana Ruiz: m4 was trained"):
        assert words in timeline, words
    order = [timeline.index(w) for w in ("stop of", "acknowledged", "informed", "note,", "restart of", "cause,")]
    assert order == sorted(order)


def test_an_incident_outlives_a_kill(routing):
    drift(routing)
    id = stop(routing, reason="drift")
    say(routing, id, "informed", {"text": "the teams know"})
    say(routing, id, "note", {"note": "looking"})
    before = incident(routing, id)
    routing.kill()
    routing.start()
    after = incident(routing, id)
    for name in ("impact", "inform", "changed", "why", "times"):
        assert after[name] == before[name], name
    assert [e["what"] for e in after["timeline"]][:len(before["timeline"])] == [e["what"] for e in before["timeline"]]
    assert routing.restart(id, "mended").status == 202
    routing.kill()
    routing.start()
    say(routing, id, "note", {"cause": "a bad model"})
    assert incident(routing, id)["cause"] == "a bad model"
    answer = routing.get("/v1/decisions/verify", headers={"Accept": "application/json"})
    assert answer.status == 200 and answer.json["good"], answer


def test_what_is_lost_is_counted_in_the_incident_and_in_its_messages(tmp_path):
    """An action is taken out of the store behind its back: the incident, its page and its last message count it."""
    with MailSink() as sink:
        folder = install(tmp_path, INSTALLATION + 'channels:\n  email: { smtp: "%s", from: interlock@example.org }\n' % sink.url,
                         {"invoice-reminders.yaml": REMINDERS, "inquiry-routing.yaml": ROUTING})
        with Daemon(folder) as daemon:
            id = stop(daemon, reason="a look at it")
            for n in range(3):
                assert daemon.submit("inquiry-routing", "route_ticket", {"ticket": "T-%d" % n, "team": "billing", "channel": "mail", "secret": "x"},
                                     token="helpdesk-bot").status == 202
            assert incident(daemon, id)["impact"]["lost"] == 0 and ", 0 lost. " in sink.next()["Subject"]
            daemon.kill()
            database = sqlite3.connect(next((folder / "data").glob("*.db")))
            database.execute("DELETE FROM open_actions WHERE id = (SELECT max(id) FROM open_actions)")
            database.commit()
            database.close()
            daemon.start()
            assert incident(daemon, id)["impact"]["lost"] == 1
            assert "2 held · 1 lost" in cli(daemon, "incident", id)[1]
            assert daemon.restart(id, "looked").status == 202
            mail = next(m for m in iter(sink.next, None) if "RUNS AGAIN" in m["Subject"])
            assert "2 wait, 1 lost. " in mail["Subject"] and "Lost: 1 (" in mail.get_content(), mail["Subject"]
            assert incident(daemon, id)["impact"]["lost"] == 1  # as it was at its end


def test_who_answers_for_a_workflow_answers_for_the_upstream_that_it_calls(tmp_path):
    """The upstream is of others: ben owns a workflow at it, is told when it lasts (tests/sim/test_troubles.c), and may say so."""
    text = INSTALLATION.replace("  owner: finance\n  restart: finance-leads", "  owner: ops\n  restart: ops").replace(
        "  admins: [ben]", "  ops: [ana, eve]\n  admins: [eve]").replace("  finance: [ana, ben]", "  finance: [ana]").replace(
        "  finance-leads: [ana, ben]", "  finance-leads: [ana, eve]")
    with Daemon(install(tmp_path, text, {"invoice-reminders.yaml": REMINDERS, "inquiry-routing.yaml": ROUTING}), token="eve") as daemon:
        answer = daemon.post("/v1/stops", {"scope": {"upstream": "helpdesk"}}, token="ben")
        assert answer.status == 202, answer
        mine = answer.json["incident"]
        other = daemon.post("/v1/stops", {"scope": {"upstream": "mailer"}}, token="ana").json["incident"]
        assert daemon.get("/v1/incidents/" + mine, token="ben").status == 200
        assert daemon.post("/v1/incidents/%s/ack" % mine, token="ben").json["ladder"]["acknowledged_by"] == "ben"
        refused = daemon.post("/v1/incidents/%s/ack" % other, token="ben")
        assert refused.status == 403 and "and those of the workflows that call it" in refused.json["detail"], refused
        assert daemon.post("/v1/incidents/%s/restart" % mine, {"reason": "x"}, token="ben").status == 403  # R20: rights to restart do not add up


def test_the_answer_to_ack(tmp_path):
    """Who takes care of it now, whether others are told on, what is still to be done; an alert is over with that, and the answer says so."""
    text = ROUTING + "triggers:\n  - many: alert if volume > 2 in 1h\n"
    with Daemon(install(tmp_path, INSTALLATION, {"invoice-reminders.yaml": REMINDERS, "inquiry-routing.yaml": text})) as daemon:
        for n in range(3):
            route(daemon, "T-%d" % n, "m3")
        [alert] = daemon.get("/v1/incidents?open=1").json["items"]
        assert alert["kind"] == "alert" and alert["ladder"]["state"] == "telling"
        answer = say(daemon, alert["id"], "ack", {})
        assert (answer["state"], answer["ladder"]["state"], answer["ladder"]["acknowledged_by"], answer["do"]) == ("closed", "over", "ana", [])
        assert answer["closed_at"] and answer["ladder"]["next_at"] is None
        id = stop(daemon, token="ben")
        code, out, _ = cli(daemon, "ack", id)
        assert code == 0 and "ACKNOWLEDGED by ana. Nobody more is told before " in out and "if it is open then, all are told anew" in out, out
        assert "To do: when its cause is gone, one asks for a restart and another one approves it" in out and "  interlock restart %s --reason" % id in out and "interlock ack" not in out
        daemon.kill()
        daemon.start()
        assert incident(daemon, alert["id"])["state"] == "closed"


def test_a_report_has_all_that_was_said_and_how_its_restart_went(tmp_path):
    policies = {"invoice-reminders.yaml": REMINDERS, "inquiry-routing.yaml": ROUTING + "ramp: [2, 50%]\n"}
    with Daemon(install(tmp_path, INSTALLATION, policies)) as daemon:
        id = stop(daemon, reason="wrong teams")
        say(daemon, id, "ack", {})
        say(daemon, id, "note", {"note": "phoned the vendor"})
        say(daemon, id, "informed", {"text": "the teams know"}, token="ben")
        say(daemon, id, "restart", {"reason": "m3 is back"}, status=202)
        say(daemon, id, "approve", {}, status=403)  # who asked
        again = daemon.post("/v1/stops", {"scope": {"workflow": "inquiry-routing"}, "reason": "once more"}, token="ben").json
        assert again["incident"] == id and again["reason"] == "once more"
        say(daemon, id, "approve", {}, token="ben", status=409)  # it is not what was asked for
        assert daemon.restart(id, "both are seen to").status == 202
        path = daemon.folder / "policies" / "inquiry-routing.yaml"
        path.write_text(path.read_text().replace("Classify", "Sort"))
        assert daemon.post("/v1/admin/reload").status == 200
        say(daemon, id, "note", {"cause": "m4"})
        say(daemon, id, "note", {"follow_up": "two models"})
        one = incident(daemon, id)
        assert [(n["by"], n["text"]) for n in one["notes"]] == [("ana", "phoned the vendor")]
        assert {s["by"]: s["reason"] for s in one["stops"]} == {"ana": "wrong teams", "ben": "once more"}  # each its own
        told = " | ".join(r["what"] for r in one["restarts"])
        assert "restart asked, by Ana Ruiz: m3 is back | approval refused: who asked does not approve, by Ana Ruiz | " in told, told
        assert "the configuration changed, since it was asked for, by Ben Okafor | restart asked, by Ana Ruiz: both are seen to" in told, told
        assert "restart approved, asked for by Ana Ruiz, by Ben Okafor" in told and "ramp sent back to stage one by a reload" in told, told
        status = daemon.get("/v1/status?format=text").text
        assert "by ben: once more" in status and status.count("wrong teams") == 1, status
        code, page, _ = cli(daemon, "incident", id)
        assert code == 0 and "NOTE    phoned the vendor (Ana Ruiz " in page and "ALSO " in page, page
        code, report, _ = cli(daemon, "incident", id, "--report")
        for words in ("- Since: 20", "| acknowledge | ", "| inform | ", "## Cause\n\nm4\n", "## Follow-up\n\ntwo models\n", ": the teams know\n",
                      "note, by Ana Ruiz: phoned the vendor\n", "## Restart\n\n- 20", "## Timeline\n\n- 20"):
            assert words in report, (words, report)
        assert report.split("## Timeline")[0].count("in force again") == 0 and report.count("in force again: stop of inquiry-routing") == 1  # two stops, one line


def test_the_draft_of_a_message_is_that_of_the_page(tmp_path):
    """One text: in the message, on the page, in the JSON; also of two stops of different positions, and of a long reason."""
    long = "it routes " + "to the wrong teams and " * 30
    with MailSink() as sink:
        text = INSTALLATION.replace("switch:\n", "channels:\n  email: { smtp: \"%s\", from: i@example.org }\nswitch:\n" % sink.url)
        text = text.replace("  helpdesk:\n    sandbox: true\n", "  helpdesk:\n    sandbox: true\n    breaker: { open: 1s, told_after: 1s }\n")
        held = "    fallback:\n      unavailable: hold 1d\n"
        with Daemon(install(tmp_path, text, {"invoice-reminders.yaml": REMINDERS, "inquiry-routing.yaml": ROUTING + held})) as daemon:
            def same(id, wants):
                body = next(m.get_content() for m in iter(sink.next, None) if id in m["Subject"] and "\nDraft: " in m.get_content()).replace("\r\n", "\n")
                draft = body.split("\nDraft: ", 1)[1].split("\n", 1)[0]
                page, one = cli(daemon, "incident", id)[1], incident(daemon, id)["inform"]["draft"]
                assert one == draft and "\nDRAFT   %s\n" % draft in page, (draft, one, page)
                assert wants in draft and "no reason" not in draft, draft

            same(stop(daemon, "invoice-reminders", token="ben"), "invoice-reminders is stopped. We will")
            same(stop(daemon, position="fallback", reason=long), "inquiry-routing does its work by its fallback: it routes to the wrong teams")
            id = next(i["id"] for i in daemon.get("/v1/incidents?open=1").json["items"] if i["workflow"] == "inquiry-routing")
            assert daemon.restart(id, "right again").json["state"] == "closed"
            daemon.sandbox("helpdesk", down=True)
            for n in range(7):
                daemon.submit("inquiry-routing", "route_ticket", {"ticket": "T-%d" % n, "team": "billing", "channel": "mail", "secret": "x"}, token="helpdesk-bot")
            id = wait_for("it is told", lambda: [i["id"] for i in daemon.get("/v1/incidents?open=1").json["items"] if i["kind"] == "degraded"])[0]
            same(id, "upstream helpdesk is degraded: helpdesk is not called: 5 failures in a row, since ")


def test_refusals(routing):
    id = stop(routing)
    say(routing, id, "note", {}, status=422)
    say(routing, id, "note", {"note": ""}, status=422)
    say(routing, id, "note", {"note": "a", "cause": "b"}, status=422)
    say(routing, id, "informed", {"text": ""}, status=422)
    say(routing, id, "informed", {}, status=422)
    say(routing, id, "informed", {"text": "x"}, token="eve", status=403)
    say(routing, id, "informed", {"text": "x"}, token="helpdesk-bot", status=403)
    assert "restart" in say(routing, id, "close", {"reason": "x"}, status=409)["detail"]
    say(routing, "i_0000000000001", "informed", {"text": "x"}, status=404)
    assert routing.get("/v1/incidents/%s?format=xml" % id).status == 400
    code, _, err = cli(routing, "incident", "--cause", "x")
    assert code == 2 and "which incident" in err


ASKED = """\
  asked:
    kind: webhook
    call: plain POST /v1/asked
    key: ${input.id}
    body: { id: "${input.id}" }
    rules:
      - ask: review if true
    fallback:
      rule:
        - review, due 30d
"""


def test_the_impact_names_the_oldest_and_the_first_due_of_the_reviews(tmp_path):
    """An older write of which nobody knows whether it happened stands before them in the people's queue."""
    with World(tmp_path, POLICY.replace("\ntriggers:", ASKED + "\ntriggers:", 1)) as world:
        world.plain.set(mode="effect-drop", times=1)
        unknown = world.submit("plain", "u1", headers={"Prefer": "wait=10"})
        assert unknown.json["state"] == "uncertain", unknown
        reviews = [world.daemon.action(world.submit("asked", "r%d" % n).json["action"]) for n in range(2)]
        page = incident(world.daemon, stop(world.daemon, "stories"))
        impact = page["impact"]
        assert impact["in_review"] == 2 and impact["uncertain"] == 1, impact
        assert impact["oldest_at"] == reviews[0]["submitted_at"], (impact, reviews)
        due = world.daemon.get("/v1/inbox?kind=review").json["items"][0]["by"]
        assert impact["people_due_at"] == due, (impact, due)


def test_who_is_told_may_answer(tmp_path):
    """Of what is past due the reviewers of the step are told first, and who covers for one of them: they see it, and acknowledge it."""
    people = INSTALLATION.replace("groups:\n", "groups:\n  readers: [eve]\n").replace(
        "people:\n", "people:\n  joe: { name: Joe, token: { env: JOE } }\n  kim: { name: Kim, token: { env: KIM } }\n")
    policy = REMINDERS.replace("    rules:\n", "    reviewers: readers\n    fallback: { rule: \"review, due 1s\" }\n    rules:\n")
    os.environ.update(JOE="token-of-joe", KIM="token-of-kim")
    TOKENS.update(joe="token-of-joe", kim="token-of-kim")
    with Daemon(install(tmp_path, people, {"invoice-reminders.yaml": policy, "inquiry-routing.yaml": ROUTING})) as daemon:
        assert daemon.post("/v1/admin/away", {"person": "eve", "until": "2999-01-01", "cover": "joe"}).status == 200
        assert daemon.remind("INV-1", balance=20000).json["state"] == "in_review"
        found = []
        while not found:
            found = [i["id"] for i in daemon.get("/v1/incidents").json["items"] if i["kind"] == "overdue"]
            threading.Event().wait(0.05)
        incident, = found
        assert "interlock inbox   # what is past due, and what settles it" in cli(daemon, "incident", incident)[1]
        assert {n["person"] for n in daemon.get("/v1/incidents/" + incident).json["told"]} == {"eve", "joe"}
        for who in ("eve", "joe"):
            assert incident in [i["id"] for i in daemon.get("/v1/incidents", token=who).json["items"]]
            assert daemon.get("/v1/incidents/" + incident, token=who).status == 200
            assert daemon.post("/v1/incidents/%s/ack" % incident, token=who).status == 200
        assert daemon.get("/v1/incidents", token="kim").json["items"] == []
        assert daemon.get("/v1/incidents/" + incident, token="kim").status == 403
        assert daemon.post("/v1/incidents/%s/ack" % incident, token="kim").status == 403


def test_who_informs_and_leaves_has_an_heir(tmp_path):
    policy = REMINDERS.replace("inform: ana", "inform: eve")
    with Daemon(install(tmp_path, INSTALLATION, {"invoice-reminders.yaml": policy, "inquiry-routing.yaml": ROUTING})) as daemon:
        stop = {"scope": {"workflow": "invoice-reminders"}, "reason": "wrong"}
        incident = daemon.post("/v1/stops", stop).json["incident"]
        assert daemon.get("/v1/incidents/" + incident).json["inform"]["person"] == "eve"
        config, file = daemon.folder / "interlock.yaml", daemon.folder / "policies" / "invoice-reminders.yaml"
        config.write_text("".join(line for line in config.read_text().splitlines(True) if not line.startswith("  eve:")))
        file.write_text(file.read_text().replace("inform: eve", "inform: ben"))
        assert daemon.post("/v1/admin/reload").status == 200
        for _ in range(1200):
            whole = daemon.get("/v1/incidents/" + incident).json
            told = [n["person"] for n in whole["told"] if n["about"] == "inform"]
            if whole["inform"]["person"] == "ben" and "ben" in told:
                break
            threading.Event().wait(0.05)
        assert whole["inform"]["person"] == "ben" and whole["inform"]["by"] and told[-1] == "ben", whole


def wait_for_overdue(daemon, is_good):
    """The one open incident of what is past due, when it is as asked."""
    for _ in range(1200):
        found = [i["id"] for i in daemon.get("/v1/incidents").json["items"] if i["kind"] == "overdue"]
        if len(found) == 1 and is_good(daemon.get("/v1/incidents/" + found[0]).json):
            return found[0], daemon.get("/v1/incidents/" + found[0]).json
        threading.Event().wait(0.05)
    raise AssertionError(daemon.get("/v1/incidents/" + found[0]).json if found else "none")


def test_late_reviews_are_told_to_who_may_decide_and_counted_as_of_now(tmp_path):
    """Ana asked for it, and the reviewers and the owner are ana alone: it is ben's, an admin. Two more are late soon."""
    people = INSTALLATION.replace("  finance: [ana, ben]", "  finance: [ana]").replace("  admins:", "  readers: [ana]\n  admins:")
    policy = REMINDERS.replace("    rules:\n", "    reviewers: readers\n    fallback: { rule: \"review, due 1s\" }\n    rules:\n")
    policy = policy.replace("  - overdue: stopped if overdue > 100000", "  - watch: alert if overdue > 0")
    with Daemon(install(tmp_path, people, {"invoice-reminders.yaml": policy, "inquiry-routing.yaml": ROUTING})) as daemon:
        answer = daemon.remind("INV-1", balance=20000, token="ana")
        assert answer.json["state"] == "in_review", answer
        incident, page = wait_for_overdue(daemon, lambda page: page["told"])
        assert {n["person"] for n in page["told"]} == {"ben"}, page["told"]
        for n in (2, 3):
            assert daemon.remind("INV-%d" % n, balance=20000, token="ana").json["state"] == "in_review"
        for _ in range(1200):
            what = [i["what"] for i in daemon.get("/v1/status").json["incidents"] if i["id"] == incident]
            if what[0].startswith("3 reviews are past due, "):
                break
            threading.Event().wait(0.05)
        assert what[0].startswith("3 reviews are past due, "), what
        for _ in range(1800):
            items = daemon.get("/v1/workflows/invoice-reminders/triggers").json["items"]
            if [i["state"] for i in items if i["name"] == "watch"] == ["tripped"]:
                break
            threading.Event().wait(0.05)
        assert [i["state"] for i in items if i["name"] == "watch"] == ["tripped"], items
        assert "by trigger watch" not in cli(daemon, "status")[1]
