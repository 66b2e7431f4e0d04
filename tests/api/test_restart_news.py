"""People are told of a restart: those who may approve it, until one of them does; who asked and the owner, what came of it."""
import threading

from interlock_client import Daemon
from receivers import MailSink
from test_channels import world


def policies(folder, more):
    path = folder / "policies" / "invoice-reminders.yaml"
    path.write_text(path.read_text().replace("ramp: []\n", "") + more)
    return folder


def installation(folder, sink, more="\nramp: [2]\n"):
    return policies(world(folder, {"email": '{ smtp: "%s", from: interlock@example.org }' % sink.url}), more)


def stop(daemon, token="ana"):
    answer = daemon.post("/v1/stops", {"scope": {"workflow": "invoice-reminders"}, "reason": "wrong"}, token=token)
    assert answer.status == 202, answer
    return answer.json["incident"]


def ask(daemon, incident, token="ana"):
    answer = daemon.post("/v1/incidents/%s/restart" % incident, {"reason": "rolled back to m3"}, token=token)
    assert answer.status == 202, answer


def mails_of(sink, words, count):
    """The next so many mails with these words in their first line, by who gets them."""
    found = {}
    while len(found) < count:
        mail = sink.next()
        assert len(mail["Subject"]) <= 160
        if words in mail["Subject"]:
            found[mail.rcpt[0].split("@")[0]] = mail
    return found


def test_who_may_approve_is_told_and_then_who_asked(tmp_path):
    with MailSink() as sink, Daemon(installation(tmp_path, sink)) as daemon:
        incident = stop(daemon)
        daemon.remind("INV-1")
        ask(daemon, incident)
        asked, = mails_of(sink, "ASKS FOR A RESTART", 1).items()  # not ana, who asks
        assert asked[0] == "ben"
        assert asked[1]["Subject"] == "invoice-reminders: ana ASKS FOR A RESTART: rolled back to m3. 1 waits, 0 lost. " + incident
        body = asked[1].get_content()
        assert "interlock approve " + incident in body and "Who may approve: ben (finance-leads)" in body, body
        assert daemon.post("/v1/incidents/%s/approve" % incident, token="ben").status == 202
        approved = mails_of(sink, "RESTART APPROVED by ben, asked by ana: rolled back to m3.", 1)
        assert list(approved) == ["ana"] and "Ramp: 2 one by one" in approved["ana"].get_content()
        told = daemon.get("/v1/incidents/" + incident).json["told"]
        assert [(t["person"], t["rung"]) for t in told if t["about"] == "restart"] == [("ben", 1), ("ana", 0)]
        assert daemon.get("/v1/decisions/verify", token="ben").json["good"] is True


def test_a_request_that_is_void_is_told_with_the_reason(tmp_path):
    with MailSink() as sink, Daemon(installation(tmp_path, sink)) as daemon:
        incident = stop(daemon)
        ask(daemon, incident)
        assert stop(daemon, token="ben") == incident
        void = mails_of(sink, "IS VOID: a stop, or the configuration, changed", 2)
        assert set(void) == {"ana", "ben"} and "interlock restart %s --reason" % incident in void["ana"].get_content()
        lines = [line["record"] for line in daemon.get("/v1/decisions").json]
        assert [(r["actor"], r["subject"]) for r in lines if r["kind"] == "restart_refused"] == [("interlock", "changed")]


def test_alone_is_told_to_all(tmp_path):
    with MailSink() as sink, Daemon(installation(tmp_path, sink, "\nramp: [2]\nalone: after 200ms\n")) as daemon:
        incident = stop(daemon)
        ask(daemon, incident)
        for _ in range(100):
            answer = daemon.post("/v1/incidents/%s/approve" % incident, token="ana")
            if answer.status == 202:
                break
            threading.Event().wait(0.05)
        alone = mails_of(sink, "RESTART APPROVED ALONE by ana, who asked for it", 2)
        assert set(alone) == {"ana", "ben"}


def test_a_ramp_that_is_stuck_or_given_up_is_told(tmp_path):
    with MailSink() as sink, Daemon(installation(tmp_path, sink)) as daemon:
        incident = stop(daemon)
        daemon.restart(incident, "go")
        daemon.sandbox(status=404, times=1)
        failed = daemon.remind("INV-1").json["action"]
        said = mails_of(sink, "THE RAMP IS STUCK by %s, nothing more starts. It stays stopped:" % failed, 2)
        assert "ana" in said
        page = daemon.get("/v1/incidents/" + incident).json
        assert page["restart"]["ramp"]["text"].startswith("2 one by one … 0 ok, 1 not ok, STUCK by " + failed), page["restart"]
        daemon.restart(incident, "mended")
        stop(daemon, token="ben")
        assert "ana" in mails_of(sink, "THE RAMP IS GIVEN UP: a stop was added, or its policy changed", 2)


def test_a_crash_right_after_the_question_tells_it_still(tmp_path):
    with MailSink() as sink, Daemon(installation(tmp_path, sink)) as daemon:
        incident = stop(daemon)
        ask(daemon, incident)
        daemon.kill()
        daemon.start()
        assert list(mails_of(sink, "ASKS FOR A RESTART", 1)) == ["ben"]


def test_what_another_stop_holds_is_not_said_to_run(tmp_path):
    """A step and everything are stopped, and only the step is restarted; then all."""
    with MailSink() as sink, Daemon(installation(tmp_path, sink, "\nramp: []\n")) as daemon:
        own = daemon.post("/v1/stops", {"scope": {"workflow": "invoice-reminders", "step": "send_reminder"}, "reason": "wrong"}, token="ana").json["incident"]
        wide = daemon.post("/v1/stops", {"scope": {}, "position": "review", "reason": "to be sure"}, token="ben").json["incident"]
        assert daemon.restart(own, "mended").status == 202
        line = mails_of(sink, "IS STILL HELD by ", 1).popitem()[1]
        assert line["Subject"].startswith("invoice-reminders/send_reminder IS STILL HELD by everything on review (%s); its own stop was lifted by ben" % wide), line["Subject"]
        assert "Asked by: ana" in line.get_content() and "Held still by: everything on review (%s)" % wide in line.get_content()
        page = daemon.get("/v1/incidents/%s?format=text" % own).text
        assert "\nHELD    still by everything on review (%s)\n" % wide in page, page
        assert daemon.get("/v1/incidents/" + own).json["held"] == {"all": True, "by": "everything on review (%s)" % wide}
        again = daemon.post("/v1/stops", {"scope": {"upstream": "helpdesk"}, "reason": "slow"}, token="ana").json["incident"]
        assert daemon.restart(wide, "sure now", by="ben", approved_by="ana").status == 202
        line = mails_of(sink, "everything RUNS AGAIN, ", 1).popitem()[1]["Subject"]
        assert "restarted by ana after" in line and ", but for upstream helpdesk stopped (%s), asked by ben" % again in line, line
        assert daemon.get("/v1/incidents/" + wide).json["held"] == {"all": False, "by": "upstream helpdesk stopped (%s)" % again}
        assert daemon.get("/v1/incidents/" + own).json["held"] is None  # what holds a part of it came later


def test_a_crash_before_the_end_is_told_names_both(tmp_path):
    with MailSink() as sink, Daemon(installation(tmp_path, sink, "\nramp: []\n")) as daemon:
        incident = stop(daemon)
        assert daemon.restart(incident, "mended").status == 202
        daemon.kill()
        daemon.start()
        line = mails_of(sink, "RUNS AGAIN", 1).popitem()[1]["Subject"]
        assert line.startswith("invoice-reminders RUNS AGAIN, restarted by ben after ") and ", asked by ana" in line, line
