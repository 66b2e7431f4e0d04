"""A no to a restart (R20, I11): who says it, what it ends, what it leaves; over kill -9."""
import threading

from interlock_client import INSTALLATION, ROUTING, Daemon, install, kill_while, BUILD
from receivers import MailSink
from test_restart import approve, ask, incident_of, kinds, ramped, stop
from test_restart_news import installation, mails_of

import os, subprocess


def reject(daemon, incident, token="ben", reason="the mailer is not mended", **more):
    return daemon.post("/v1/incidents/%s/reject" % incident, {"reason": reason}, token=token, **more)


def alone(tmp_path, after="1ms", groups="finance-leads: [ana, ben]"):
    policies = {"invoice-reminders.yaml": ramped("[]", more="alone: after %s\n" % after), "inquiry-routing.yaml": ROUTING}
    return Daemon(install(tmp_path, INSTALLATION.replace("finance-leads: [ana, ben]", groups), policies=policies))


# ---- who

def test_a_no_ends_the_request_and_is_on_record(daemon):
    incident = stop(daemon)
    ask(daemon, incident)
    said = reject(daemon, incident)
    assert said.status == 202 and said.json["state"] == "open"
    restart = said.json["restart"]
    assert restart["state"] == "rejected" and restart["by"] is None and restart["withdrawn"] is None, restart
    no = restart["rejected"]
    assert (no["by"], no["asked_by"], no["reason"]) == ("ben", "ana", "the mailer is not mended"), no
    assert [(r["actor"], r["subject"], r.get("number", 0)) for r in kinds(daemon, kind="restart_rejected")] == [("ben", "ana", 0)]
    late = approve(daemon, incident)  # ben has changed his mind: it is asked for anew
    assert late.status == 409, late
    assert "ben said no at " in late.json["detail"] and "to the restart that ana asked for: the mailer is not mended. Ask again" in late.json["detail"]
    assert 'interlock restart %s --reason "' % incident in late.json["detail"]
    assert daemon.remind("INV-1").json["state"] == "held"
    assert ask(daemon, incident, reason="mended now").status == 202
    assert approve(daemon, incident).json["state"] == "closed"
    assert daemon.get("/v1/decisions/verify", token="ben").json["good"] is True


def test_who_may_say_no(tmp_path):
    with Daemon(install(tmp_path)) as daemon:
        incident = stop(daemon)
        nobody = reject(daemon, incident)
        assert nobody.status == 409 and "nobody asks for a restart" in nobody.json["detail"]
        ask(daemon, incident)
        assert reject(daemon, incident, token="eve").status in (403, 404)  # may not even see it
        service = reject(daemon, incident, token="billing-cron")
        assert service.status == 403 and "billing-cron is a service: a person says no. Who may: ben (finance-leads)" in service.json["detail"]
        empty = reject(daemon, incident, reason="")
        assert empty.status == 422 and "who asked reads why not" in empty.json["detail"]
        assert daemon.post("/v1/incidents/%s/reject" % incident, {}, token="ben", checked=False).status == 422
        assert incident_of(daemon, incident)["restart"]["state"] == "asked"
        assert kinds(daemon, kind="restart_rejected") == []
        assert reject(daemon, incident).status == 202


def test_one_of_the_owners_who_does_not_approve_says_no_to_nothing(tmp_path):
    text = INSTALLATION.replace("finance-leads: [ana, ben]", "finance-leads: [ben, eve]")
    with Daemon(install(tmp_path, text)) as daemon:
        incident = stop(daemon)
        ask(daemon, incident, token="ben")
        ana = reject(daemon, incident, token="ana")  # owns it, but is not of finance-leads
        assert ana.status == 403 and "ana may not say no to this restart. Who may: ben, who asked" in ana.json["detail"], ana.json
        assert incident_of(daemon, incident)["restart"]["state"] == "asked"


def test_who_asked_takes_it_back(daemon):
    incident = stop(daemon)
    ask(daemon, incident)
    back = reject(daemon, incident, token="ana", reason="too early").json["restart"]
    assert back["state"] == "withdrawn" and back["rejected"] is None and back["withdrawn"]["by"] == "ana", back
    assert [(r["actor"], r["number"]) for r in kinds(daemon, kind="restart_rejected")] == [("ana", 1)]
    answer = approve(daemon, incident)
    assert answer.status == 409 and "ana took it back at " in answer.json["detail"] and ": too early" in answer.json["detail"]
    assert ask(daemon, incident, token="ben").status == 202  # anybody may ask anew
    assert approve(daemon, incident, token="ana").json["state"] == "closed"


def test_said_twice_it_is_one_no(daemon):
    incident = stop(daemon)
    ask(daemon, incident)
    assert reject(daemon, incident).status == 202
    assert reject(daemon, incident).status == 202  # for want of an answer
    other = reject(daemon, incident, token="ana")
    assert other.status == 409 and "ben said no at " in other.json["detail"] and "Nobody asks for it any more" in other.json["detail"]
    assert len(kinds(daemon, kind="restart_rejected")) == 1


def test_nobody_says_no_to_what_is_over(tmp_path):
    policies = {"invoice-reminders.yaml": ramped("[2]"), "inquiry-routing.yaml": ROUTING}
    with Daemon(install(tmp_path, policies=policies)) as daemon:
        incident = stop(daemon)
        ask(daemon, incident)
        assert stop(daemon, token="ben") == incident
        void = reject(daemon, incident)
        assert void.status == 409 and "the request of ana is void: a stop was added" in void.json["detail"]
        assert daemon.restart(incident, "go").status == 202
        late = reject(daemon, incident, token="ana")
        assert late.status == 409 and "ben has approved it already: it starts again. To stop it: interlock stop" in late.json["detail"]
        for i in range(2):
            daemon.remind("INV-%d" % i)
        for _ in range(200):
            if incident_of(daemon, incident)["state"] == "closed":
                break
        closed = reject(daemon, incident)
        assert closed.status == 409 and "closed" in closed.json["detail"]


# ---- alone

def test_a_no_ends_the_right_to_approve_alone(tmp_path):
    with alone(tmp_path) as daemon:
        incident = stop(daemon)
        ask(daemon, incident)
        assert reject(daemon, incident).status == 202
        assert approve(daemon, incident, token="ana").status == 409
        asked = ask(daemon, incident, reason="I am sure").json["restart"]
        assert asked["state"] == "asked" and asked["alone_from"] is None and asked["rejected"]["by"] == "ben" and asked["approvers"] == ["ben"]
        threading.Event().wait(0.02)  # longer than `alone`
        own = approve(daemon, incident, token="ana")
        assert own.status == 403 and "ana asked for this restart: somebody else approves it. Who may: ben" in own.json["detail"]
        daemon.kill()
        daemon.start()
        assert approve(daemon, incident, token="ana").status == 403
        assert reject(daemon, incident, token="ana", reason="let me think").status == 202  # nor does taking it back help
        assert ask(daemon, incident).json["restart"]["alone_from"] is None
        threading.Event().wait(0.02)
        assert approve(daemon, incident, token="ana").status == 403
        assert approve(daemon, incident).json["state"] == "closed"
        again = stop(daemon)  # another incident is another thing
        assert ask(daemon, again).json["restart"]["alone_from"] is not None


def test_taking_it_back_leaves_the_right_but_not_its_time(tmp_path):
    with alone(tmp_path, "1h") as daemon:
        incident = stop(daemon)
        ask(daemon, incident)
        reject(daemon, incident, token="ana")
        asked = ask(daemon, incident).json["restart"]
        assert asked["alone_from"] is not None and asked["rejected"] is None and asked["withdrawn"]["by"] == "ana"
        assert "may approve it alone in" in approve(daemon, incident, token="ana").json["detail"]


def test_a_reload_that_leaves_nobody_but_who_asked_is_refused_after_a_no(tmp_path):
    with alone(tmp_path) as daemon:
        incident = stop(daemon)
        ask(daemon, incident)
        reject(daemon, incident)
        ask(daemon, incident)
        config = daemon.folder / "policies" / "invoice-reminders.yaml"
        config.write_text(config.read_text().replace("restart: finance-leads", "restart: ana"))
        refused = daemon.post("/v1/admin/reload")
        assert refused.status == 422 and "could be approved by nobody else" in refused.text, refused.text


# ---- shown

def run(daemon, *arguments, token="ana"):
    from interlock_client import TOKENS
    env = dict(os.environ, INTERLOCK_URL="http://%s:%d" % (daemon.host, daemon.port), INTERLOCK_TOKEN=TOKENS[token])
    return subprocess.run([str(BUILD / "interlock")] + list(arguments), cwd=daemon.folder, env=env, capture_output=True, text=True, timeout=60)


def test_it_is_shown_everywhere(daemon):
    incident = stop(daemon)
    ask(daemon, incident)
    page = run(daemon, "incident", incident).stdout
    assert "interlock reject %s --because" % incident in page, page
    item, = daemon.get("/v1/inbox?kind=restart").json["items"]
    assert [v["verdict"] for v in item["verdicts"]] == ["approve", "reject"]
    said = run(daemon, "reject", incident, "--because", "the mailer is not mended", token="ben")
    assert said.returncode == 0 and "RESTART REJECTED by ben at " in said.stdout and ", as asked by ana: the mailer is not mended" in said.stdout, said
    words = " to the restart that ana asked for: the mailer is not mended"
    page = run(daemon, "incident", incident).stdout
    assert "ben said no at " in page and words in page and "interlock restart " + incident in page, page
    assert words in daemon.get("/v1/status?format=text").text
    item, = daemon.get("/v1/inbox?kind=stop").json["items"]
    assert words in item["why"], item
    report = run(daemon, "incident", incident, "--report").stdout
    assert "restart rejected, asked for by Ana Ruiz, by Ben Okafor: the mailer is not mended" in report and words in report, report
    timeline = incident_of(daemon, incident)["timeline"]
    assert [(e["by"], e["what"]) for e in timeline if e["kind"] == "restart_rejected"] == [
        ("ben", "restart rejected, asked for by Ana Ruiz, by Ben Okafor: the mailer is not mended")]
    assert "restart rejected, as asked by ana" in run(daemon, "log").stdout
    ask(daemon, incident, reason="mended now")  # asked anew it says that it was refused before
    page = run(daemon, "incident", incident).stdout
    assert "ana asks for a restart" in page and words in page, page
    assert words in daemon.get("/v1/status?format=text").text
    item, = daemon.get("/v1/inbox?kind=restart").json["items"]
    assert "asks that it runs again: mended now. ben said no at " in item["why"] and words in item["why"], item
    asked = run(daemon, "restart", incident, "--reason", "x")
    assert "RESTART REJECTED by ben" in asked.stdout and "To say no: interlock reject " + incident in asked.stdout, asked
    wrong = run(daemon, "reject", incident, token="ben")
    assert wrong.returncode == 2 and 'who asked reads why not: --because "' in wrong.stderr, wrong


def test_it_is_told_to_who_asked_and_the_owner(tmp_path):
    with MailSink() as sink, Daemon(installation(tmp_path, sink)) as daemon:
        incident = stop(daemon)
        ask(daemon, incident)
        mails_of(sink, "ASKS FOR A RESTART", 1)
        assert reject(daemon, incident).status == 202
        told = mails_of(sink, "ben SAID NO TO THE RESTART asked by ana: the mailer is not mended.", 1)
        assert list(told) == ["ana"]
        assert told["ana"]["Subject"].startswith("invoice-reminders: ben SAID NO TO THE RESTART asked by ana: the mailer is not mended. It stays stopped: 0 wait")
        assert "Refused: ben said no at " in told["ana"].get_content() and "Ask again:  interlock restart " in told["ana"].get_content()
        ask(daemon, incident, reason="mended now")
        asked = mails_of(sink, "ana ASKS AGAIN FOR A RESTART, to which ben said no", 1)["ben"].get_content()
        assert "Refused before: ben said no at " in asked and "Why it may run again: mended now" in asked, asked
        assert "Say no:  interlock reject %s --because" % incident in asked
        assert reject(daemon, incident, token="ana", reason="too early").status == 202
        assert list(mails_of(sink, "ana TOOK BACK THE RESTART: too early.", 1)) == ["ben"]


def test_a_crash_right_after_the_no_tells_it_still(tmp_path):
    with MailSink() as sink, Daemon(installation(tmp_path, sink)) as daemon:
        incident = stop(daemon)
        ask(daemon, incident)
        assert reject(daemon, incident).status == 202
        daemon.kill()
        daemon.start()
        assert list(mails_of(sink, "SAID NO TO THE RESTART", 1)) == ["ana"]


# ---- kill -9

def test_a_kill_while_no_is_said(tmp_path):
    """At any moment around the write: what was answered stands, the same no again is one no, and nothing is approved past it."""
    with alone(tmp_path) as daemon:
        seen = set()
        incident = stop(daemon)
        for round in range(8):
            ask(daemon, incident)
            answer = kill_while(daemon, round * 0.0015, lambda: reject(daemon, incident, checked=False).status)
            state = incident_of(daemon, incident)["restart"]["state"]
            assert state in ("asked", "rejected") and (state == "rejected" or answer != 202), (state, answer)
            seen.add(state)
            assert reject(daemon, incident).status == 202
            assert approve(daemon, incident, token="ana").status == 409
            assert len(kinds(daemon, kind="restart_rejected")) == round + 1
            assert incident_of(daemon, incident)["restart"]["rejected"]["reason"] == "the mailer is not mended"
        assert daemon.get("/v1/decisions/verify", token="ben").json["good"] is True
        ask(daemon, incident)
        assert approve(daemon, incident).json["state"] == "closed"
