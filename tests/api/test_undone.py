"""Somebody is told of what ended and was not done: one message for all of them, over kill -9, with a real mail
server and without any channel."""
import re

from interlock_client import FAR, wait_for
from receivers import MailSink
from story_world import World
from test_incidents import cli

POLICY = """\
workflow: stories
purpose: What nobody decides in time
owner: finance
restart: finance-leads
inform: ana
mode: auto
steps:
  late:
    kind: webhook
    call: plain POST /v1/late
    key: ${input.id}
    body: { id: "${input.id}" }
    rules:
      - ask: review if true
    fallback:
      rule:
        - review, due 1s, at due then hold 10ms
  skipped:
    kind: webhook
    call: plain POST /v1/skipped
    key: ${input.id}
    body: { id: "${input.id}" }
    rules:
      - ask: review if true
    fallback:
      rule:
        - review, due 1s, at due then skip
  failing:
    kind: webhook
    call: plain POST /v1/failing
    key: ${input.id}
    mask: [secret]
    body: { id: "${input.id}" }
  refused:
    kind: webhook
    call: plain POST /v1/refused
    key: ${input.id}
    body: { id: "${input.id}" }
    fallback:
      failed: refuse
""" + FAR


def world(folder, sink=None):
    channels = 'channels:\n  email: { smtp: "%s", from: interlock@example.org }\n' % sink.url if sink else ""
    return World(folder, policy=POLICY, installation=channels)


def submit_many(world, count):
    ids = []
    for i in range(count):
        answer = world.submit("late", "k%d" % i)
        assert answer.status == 202, answer
        ids.append(answer.json["action"])
    return ids


def explain(world, id):
    return world.daemon.get("/v1/actions/%s/explain" % id, headers={"Accept": "text/plain"}).text


def test_what_expires_together_is_one_message(tmp_path):
    with MailSink() as sink, world(tmp_path, sink) as w:
        ids = submit_many(w, 60)
        mail = sink.next()
        subject = mail["Subject"]
        found = re.match(r"stories NOT DONE: (\d+) expired since .*: k0, k1, k2 and (\d+) more\. \d+ waits?\. i_", subject)
        assert found, subject  # 60, where this machine had time to submit them within a few seconds
        count = int(found.group(1))
        assert 3 < count <= 60 and int(found.group(2)) == count - 3, subject
        assert mail.rcpt == ["ana@example.org"]
        incident = re.search(r"i_[0-9A-Z]+", subject).group(0)
        assert "I have seen it:  interlock ack " + incident in mail.get_content()
        assert "All of them, and how each is tried again:  interlock incident %s --actions" % incident in mail.get_content()
        wait_for("it is told", lambda: "was told" in explain(w, ids[2]))
        assert re.search(r"WHO     finance was told .*: Ana Ruiz through email \(%s\)\." % incident, explain(w, ids[2]))
        wait_for("the last one ended", lambda: w.daemon.action(ids[59])["state"] == "expired")
        action = w.daemon.action(ids[2])
        assert action["state"] == "expired"
        assert action["told"]["group"] == "finance" and action["told"]["person"] == "ana"
        assert action["told"]["channel"] == "email" and action["told"]["incident"] == incident and action["told"]["at"]
        log = cli(w.daemon, "log", "--limit", "1000", token="ben")[1]
        assert log.count("\N{RIGHTWARDS ARROW} finance is told") == 60, log
        (item,) = [i for i in w.daemon.get("/v1/inbox?kind=incident").json["items"]]
        assert item["id"] == incident and item["who"] == {"group": "finance", "person": "ana"}
        assert item["why"].startswith("%d expired since " % count) and item["verdicts"][0]["verdict"] == "ack"
        assert item["why"].endswith("%d more; all of them: interlock incident %s --actions" % (count - 3, incident))
        assert "--actions" in cli(w.daemon, "incident", incident)[1] and "--actions" in cli(w.daemon, "inbox")[1]
        listed = cli(w.daemon, "incident", incident, "--actions")[1].splitlines()
        told = [id for id in ids if w.daemon.action(id).get("told", {}).get("incident") == incident]
        assert [line.split()[0] for line in listed[:-1]] == told[::-1] and len(told) >= count, listed
        assert all(" expired " in line for line in listed[:-1]), listed
        assert listed[-1] == 'To try one of them anew: interlock again ID --reason "…"'
        assert cli(w.daemon, "again", told[0], "--reason", "it is wanted")[0] == 0
        assert w.daemon.post("/v1/incidents/%s/ack" % incident, token="ana").status == 200
        assert w.daemon.get("/v1/inbox?kind=incident").json["items"] == []
        assert "Acknowledged by Ana Ruiz." in explain(w, ids[2])
        wait_for("an answer is its end", lambda: w.daemon.get("/v1/incidents/" + incident).json["state"] == "closed")
        assert sink.is_empty()  # its end is no message


def test_kill_between_the_end_and_the_message(tmp_path):
    with MailSink() as sink, world(tmp_path, sink) as w:
        ids = submit_many(w, 5)
        wait_for("the last one expired", lambda: w.daemon.action(ids[-1])["state"] == "expired")
        w.daemon.kill()
        assert sink.is_empty()  # 3 s of quiet had not passed
        w.daemon.start()
        assert "stories NOT DONE: 5 expired since" in sink.next()["Subject"]
        wait_for("it is told", lambda: "was told" in explain(w, ids[4]))
        w.daemon.kill()
        w.daemon.start()
        assert "was told" in explain(w, ids[4])
        assert len(w.daemon.get("/v1/inbox?kind=incident").json["items"]) == 1


def test_what_fails_is_told_and_what_is_refused_is_not(tmp_path):
    with MailSink() as sink, world(tmp_path, sink) as w:
        w.plain.set(mode="status:422", times=None)
        refused = w.submit("refused", "r1", headers={"Prefer": "wait=10"})
        assert refused.status == 502, refused
        failed = w.submit("failing", "f1", headers={"Prefer": "wait=10"})
        assert failed.status == 502, failed
        assert "stories NOT DONE: 1 failed since" in sink.next()["Subject"]
        wait_for("it is told", lambda: "was told" in explain(w, failed.json["action"]))
        assert "told" not in w.daemon.action(refused.json["action"])
        assert "WHO     nobody" in explain(w, refused.json["action"])


def test_each_is_counted_by_the_state_that_it_ended_in(tmp_path):
    with MailSink() as sink, world(tmp_path, sink) as w:
        w.plain.set(mode="status:422", times=None)
        ids = [w.submit(*each, headers={"Prefer": "wait=10"}).json["action"]
               for each in (("late", "l1"), ("skipped", "s1"), ("skipped", "s2"), ("failing", "f1"))]
        subject = sink.next()["Subject"]
        assert "stories NOT DONE: 1 expired, 2 cancelled, 1 failed since" in subject, subject
        assert "f1, " in subject and " and 1 more." in subject, subject
        assert w.daemon.action(ids[1])["state"] == "cancelled"
        incident = re.search(r"i_[0-9A-Z]+", subject).group(0)
        found = wait_for("all of them", lambda: w.daemon.get("/v1/actions?incident=" + incident).json["items"])
        assert [item["action"] for item in found] == ids[::-1]
        some = w.daemon.get("/v1/actions?limit=3&incident=" + incident).json
        rest = w.daemon.get("/v1/actions?incident=%s&cursor=%s" % (incident, some["next"])).json
        assert [item["action"] for item in some["items"] + rest["items"]] == ids[::-1] and rest["next"] is None
        assert len(w.daemon.get("/v1/actions?state=cancelled&incident=" + incident).json["items"]) == 2
        assert w.daemon.get("/v1/actions?incident=i_0000000000007").json["items"] == []
        assert w.daemon.get("/v1/actions?incident=7").status == 400
        assert "no action that ended and was not done" in cli(w.daemon, "incident", "i_0000000000007", "--actions")[1]


def test_without_a_channel_the_inbox_is_the_message(tmp_path):
    with world(tmp_path) as w:
        ids = submit_many(w, 3)
        items = wait_for("it is in the inbox", lambda: w.daemon.get("/v1/inbox?kind=incident").json["items"])
        assert items[0]["title"] == "stories has ended actions that were not done"
        who = r"WHO     finance was told .*: Ana Ruiz, in the inbox \(%s\)\." % items[0]["id"]
        wait_for("it is durable", lambda: re.search(who, explain(w, ids[0])))
        inbox = cli(w.daemon, "inbox")[1]
        assert "3 expired since" in inbox and "k0, k1, k2" in inbox, inbox
        assert "interlock incident %s --actions   # which they are" % items[0]["id"] in cli(w.daemon, "incident", items[0]["id"])[1]
        assert cli(w.daemon, "ack", items[0]["id"])[0] == 0
        assert w.daemon.get("/v1/inbox").json["items"] == []
