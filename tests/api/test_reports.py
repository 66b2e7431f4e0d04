"""`report:` of a policy: the people who answer for a workflow get what `interlock report` says, by a real mail server; once, over kill -9."""
import sqlite3, subprocess, threading, time

from interlock_client import BUILD, INSTALLATION, REMINDERS, ROUTING, TOKENS, Daemon, install
from receivers import HttpSink, MailSink

DAY_MS = 24 * 3600 * 1000


def world(folder, mail, report="weekly", more=""):
    text = INSTALLATION + "timezone: Europe/Madrid\nchannels:\n  email: { smtp: \"%s\", from: interlock@example.org }\n%s" % (mail.url, more)
    return install(folder, text, {"invoice-reminders.yaml": REMINDERS.replace("mode: auto\n", "mode: auto\nreport: %s\n" % report),
                                  "inquiry-routing.yaml": ROUTING})


def varint(number):
    out = bytearray()
    while number > 0x7f:
        out.append(number & 0x7f | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def rows(folder, sql, *values):
    database = sqlite3.connect(next((folder / "data").glob("*.db")))
    found = database.execute(sql, values).fetchall()
    database.commit()
    database.close()
    return found


def begin(daemon):
    """Until it is noted from when on it is reported."""
    for _ in range(3000):
        if rows(daemon.folder, "SELECT 1 FROM small_rows WHERE key = ?", b"report/invoice-reminders"):
            return
        threading.Event().wait(0.01)
    raise AssertionError("no report is scheduled")


def reported(daemon):
    lines = daemon.get("/v1/decisions?limit=1000", headers={"Accept": "application/jsonl"}).json
    return [line["record"] for line in lines if line["record"]["kind"] == "reported"]


def age(folder, days, key=b"report/invoice-reminders"):
    """As if it were reported last so many days ago: a schedule was missed while interlock was down."""
    rows(folder, "UPDATE small_rows SET value = ? WHERE key = ?", varint(int(time.time() * 1000) - days * DAY_MS),
         key)


def test_what_was_missed_is_sent_once_and_says_what_the_command_says(tmp_path):
    with MailSink() as sink:
        folder = world(tmp_path, sink)
        with Daemon(folder) as daemon:
            for n in range(3):
                assert daemon.remind("INV-%d" % n).status == 200
            assert daemon.remind("INV-9", balance=20000).status == 202
            begin(daemon)
            assert not reported(daemon)  # it begins when it is written, not with all that was before
            daemon.kill()
            age(folder, 15)
            daemon.start()
            mails = [sink.next(), sink.next()]
            assert sorted(m.rcpt[0] for m in mails) == ["ana@example.org", "ben@example.org"]  # owner and inform, each once
            subject = mails[0]["Subject"]
            assert subject.startswith("REPORT invoice-reminders since 20") and "4 submitted, 3 automatic; 1 open" in subject and len(subject) <= 160
            done = subprocess.run([BUILD / "interlock", "report", "invoice-reminders", "--since", "15d", "--url",
                                   "http://%s:%d" % (daemon.host, daemon.port)],
                                  env={"INTERLOCK_TOKEN": TOKENS["ana"], "PATH": "/usr/bin"}, capture_output=True, text=True, timeout=60)
            said = done.stdout.splitlines()
            body = mails[0].get_content().splitlines()
            assert body[0] == subject and body[2].startswith("REPORT     invoice-reminders from ") and "Europe/Madrid" in body[2]
            assert body[3:11] == said[1:9] and len(said) == 10, (body, said)
            assert body[11].split(", for ")[0] == said[9].split(", for ")[0] == "OPEN       1 to decide; the oldest INV-9:1"
            daemon.kill()
            daemon.start()
            record, = reported(daemon)
            assert record["workflow"] == "invoice-reminders" and record["subject"] == "ana through email, ben through email"
            assert sink.is_empty()
            text = daemon.get("/v1/decisions?format=text").text
            assert "report of invoice-reminders to ana through email, ben through email" in text, text


def test_a_report_that_was_made_is_delivered_over_a_kill(tmp_path):
    """The mail server refuses for now; kill -9; the same mails come after the start, and no others."""
    with MailSink() as sink:
        sink.answer = "451 not now"
        folder = world(tmp_path, sink, "daily to ben")
        with Daemon(folder) as daemon:
            begin(daemon)
            daemon.kill()
            age(folder, 5)
            daemon.start()
            for _ in range(3000):
                if reported(daemon):
                    break
                threading.Event().wait(0.01)
            daemon.kill()
            sink.answer = None
            daemon.start()
            mail = sink.next()
            assert mail.rcpt == ["ben@example.org"] and mail["Subject"].startswith("REPORT invoice-reminders since")
            assert len(reported(daemon)) == 1 and sink.is_empty()


def test_a_report_rings_no_pager(tmp_path):
    with MailSink() as sink, HttpSink() as pager:
        more = '  pager: { pagerduty: { file: secrets/pager }, url: "%s" }\n' % pager.url
        folder = world(tmp_path, sink, more=more)
        (folder / "secrets" / "pager").write_text("k")
        (folder / "secrets" / "pager").chmod(0o600)
        text = (folder / "interlock.yaml").read_text()
        (folder / "interlock.yaml").write_text(text.replace("ana@example.org,", "ana@example.org, tell: pager,"))
        with Daemon(folder) as daemon:
            begin(daemon)
            daemon.kill()
            age(folder, 15)
            daemon.start()
            assert sorted(sink.next().rcpt[0] for _ in range(2)) == ["ana@example.org", "ben@example.org"]
            assert pager.is_empty()
