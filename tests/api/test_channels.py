"""People are told, until somebody answers: each channel against a real receiver, and receivers that hang,
refuse, answer 500 or vanish."""
import base64, contextlib, os, pathlib, re, socket, stat, subprocess, threading, time

import pytest

from interlock_client import BUILD, INSTALLATION, TOKENS, Daemon, install, wait_for
from receivers import Greeter, HttpSink, MailSink, Request, server_tls

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def world(folder, channels, tell="", switch="", secrets=None, more=""):
    """An installation with these channels; tell: {person: channel}."""
    text = INSTALLATION.replace("  inform: ana\n", "  inform: ana\n" + switch)
    for person, channel in (tell or {}).items():
        text = text.replace("%s@example.org," % person, "%s@example.org, tell: %s," % (person, channel))
    text += "channels:\n" + "".join("  %s: %s\n" % item for item in channels.items()) + more
    folder = install(folder, text)
    for name, value in (secrets or {}).items():
        secret = folder / "secrets" / name
        secret.write_text(value)
        secret.chmod(0o600)
    return folder


def policies(folder, line):
    """The same line in each policy."""
    for path in (folder / "policies").glob("*.yaml"):
        path.write_text(path.read_text().replace("mode: auto\n", "mode: auto\n%s\n" % line))
    return folder


def stop(daemon, reason="model drift", **scope):
    answer = daemon.post("/v1/stops", {"scope": scope or {"workflow": "inquiry-routing"}, "position": "stopped",
                                       "reason": reason}, token="ben")
    assert answer.status == 202, answer
    return answer.json["incident"]


def incident(daemon, id):
    answer = daemon.get("/v1/incidents/" + id)
    assert answer.status == 200, answer
    return answer.json


def told(daemon, id, **want):
    return [t for t in incident(daemon, id)["told"] if all(t[k] == v for k, v in want.items())]


def next_but(sink, is_of_restart):
    """The next message that does not tell of a restart asked for or approved: test_restart_news.py has those."""
    while True:
        came = sink.next()
        if not is_of_restart(came):
            return came


def page_of_restart(event):
    return event.json["payload"]["summary"].find("ASKS FOR A RESTART") >= 0


def restart(daemon, id):
    assert daemon.restart(id, "rolled back").status == 202


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


# ---- each channel ----

def test_mail_from_trouble_to_recovery(tmp_path):
    with MailSink() as sink:
        folder = world(tmp_path, {"email": '{ smtp: "%s", from: interlock@example.org }' % sink.url})
        with Daemon(folder) as daemon:
            id = stop(daemon, "Modell läuft weg: \U0001F9ED\r\nBcc: evil@example.org")
            mail = sink.next()
            assert mail.rcpt == ["ana@example.org"] and mail.sender == "interlock@example.org"
            subject = mail["Subject"]
            assert "inquiry-routing STOPPED by ben: Modell läuft weg: \U0001F9ED" in subject, subject
            assert "0 lost" in subject and id in subject and len(subject) <= 160
            assert mail["Bcc"] is None and mail["From"].addresses[0].addr_spec == "interlock@example.org"
            assert mail["To"] == "ana@example.org" and mail["Date"].datetime.tzinfo and mail["Message-ID"]
            assert "interlock ack " + id in mail.get_content()
            assert mail["Auto-Submitted"] == "auto-generated" and b"\n." not in mail.raw
            wait_for("it is told", lambda: told(daemon, id, state="delivered", person="ana", channel="email", rung=1))
            assert daemon.post("/v1/incidents/%s/ack" % id, token="ana").json["ladder"]["acknowledged_by"] == "ana"
            restart(daemon, id)
            over = next_but(sink, lambda mail: ": RESTART APPROVED" in mail["Subject"] or "ASKS FOR A RESTART" in mail["Subject"])
            assert "inquiry-routing RUNS AGAIN, restarted by ben" in over["Subject"] and "rolled back" in over["Subject"]
            assert over.rcpt == ["ana@example.org"] and over["References"] == mail["References"]
            assert over["Message-ID"] != mail["Message-ID"] and sink.is_empty()
            wait_for("the end is told", lambda: told(daemon, id, about="recovered", state="delivered"))
            assert incident(daemon, id)["ladder"]["state"] == "over"


def test_lines_that_begin_with_a_dot_arrive(tmp_path):
    with MailSink() as sink:
        folder = world(tmp_path, {"email": '{ smtp: "%s", from: interlock@example.org }' % sink.url})
        with Daemon(folder) as daemon:
            stop(daemon, ".\n.hidden = x")
            assert "Why: . .hidden = x" in sink.next().get_content()


def test_webhook_is_signed(tmp_path):
    with HttpSink() as sink:
        folder = world(tmp_path, {"hook": '{ webhook: "%s", secret: { file: secrets/hook } }' % sink.url},
                       secrets={"hook": SECRET})
        with Daemon(folder) as daemon:
            id = stop(daemon)
            request = sink.next()
            request.verify(SECRET)
            assert request.json["type"] == "incident.trouble" and request.json["data"]["incident"] == id
            assert request.json["data"]["person"] == "ana" and request.json["data"]["scope"] == "inquiry-routing"
            assert abs(int(request.headers["webhook-timestamp"]) - time.time()) < 60
            with pytest.raises(AssertionError):
                request.verify("whsec_" + base64.b64encode(b"another key, of 24 bytes").decode())


def test_pager_keeps_one_key(tmp_path):
    with HttpSink() as sink:
        folder = world(tmp_path, {"pager": '{ pagerduty: { file: secrets/pager }, url: "%s" }' % sink.url},
                       secrets={"pager": "routing-key-1"})
        with Daemon(folder) as daemon:
            id = stop(daemon)
            events = [sink.next()]
            assert daemon.post("/v1/incidents/%s/ack" % id, {}, token="ana").status == 200
            events.append(sink.next())
            restart(daemon, id)
            events.append(next_but(sink, page_of_restart))
            assert [e.json["event_action"] for e in events] == ["trigger", "acknowledge", "resolve"]
            assert {e.json["dedup_key"] for e in events} == {id}
            assert {e.json["routing_key"] for e in events} == {"routing-key-1"}
            payload = events[0].json["payload"]
            assert payload["severity"] == "critical" and payload["source"] == "interlock" and len(payload["summary"]) <= 160
            assert "routing-key-1" not in daemon.get("/v1/incidents/" + id).text


def test_chat_is_told_once_for_all_who_read_it(tmp_path):
    with HttpSink(otherwise=200) as sink:
        folder = world(tmp_path, {"chat": "{ slack: { file: secrets/chat } }"}, secrets={"chat": sink.url},
                       switch="  ack_within: [1s, 2s]\n")
        with Daemon(folder) as daemon:
            stop(daemon, "<!channel> & co", upstream="mailer")
            request = sink.next()
            assert request.path == "/hook" and "&lt;!channel&gt; &amp; co" in request.json["text"]
            assert "upstream mailer STOPPED" in request.json["text"]
            id = daemon.get("/v1/incidents?open=1").json["items"][0]["id"]
            # Level 3 is ana and ben, who read the same room.
            wait_for("level 3", lambda: told(daemon, id, rung=3, state="delivered", person="ana, ben"))


def test_command_gets_the_message(tmp_path):
    script = tmp_path / "page"
    script.write_text('#!/bin/sh\ncat > "$1/new"; env > "$1/env"; mv "$1/new" "$1/got"\n')
    script.chmod(0o755)
    folder = world(tmp_path / "i", {"page": "{ command: [%s, %s] }" % (script, tmp_path)})
    with Daemon(folder) as daemon:
        id = stop(daemon, "$(touch %s/shell)" % tmp_path)
        got = wait_for("the command", lambda: (tmp_path / "got").exists() and (tmp_path / "got").read_text())
        assert got.splitlines()[0].startswith("inquiry-routing STOPPED by ben: $(touch") and "interlock ack " + id in got
        assert not (tmp_path / "shell").exists()
        assert not [line for line in (tmp_path / "env").read_text().splitlines() if "TOKEN" in line]
        wait_for("delivered", lambda: told(daemon, id, channel="page", state="delivered"))


def certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key", "-out", folder / "cert"],
                   check=True, capture_output=True)
    return folder / "cert", folder / "key"


@pytest.mark.parametrize("has_tls", [True, False])
def test_mail_is_encrypted_where_it_must_be(tmp_path, has_tls):
    cert, key = certificate(tmp_path)
    with MailSink(tls=server_tls(cert, key) if has_tls else None) as sink:
        folder = world(tmp_path / "i", {"email": '{ smtp: "%s", from: interlock@example.org, tls_ca: %s }' % (sink.url, cert)})
        with Daemon(folder) as daemon:
            id = stop(daemon)
            if has_tls:
                assert sink.next().rcpt == ["ana@example.org"]
            else:
                wait_for("refused", lambda: told(daemon, id, person="ana", state="failed"))
                assert sink.is_empty()


@pytest.mark.parametrize("is_smtps", [True, False])
def test_mail_with_a_login(tmp_path, is_smtps):
    """TLS by STARTTLS and from the first byte; the password comes from its file, and is not told to anybody else."""
    cert, key = certificate(tmp_path)
    with MailSink(server_tls(cert, key), ("interlock", "a pass word"), is_smtps) as sink, HttpSink() as web:
        channels = {"email": '{ smtp: "%s", from: interlock@example.org, tls_ca: %s, user: interlock, password: { file: secrets/mail } }' % (sink.url, cert),
                    "hook": '{ webhook: "%s", secret: { file: secrets/hook } }' % web.url}
        folder = world(tmp_path / "i", channels, tell={"ben": "hook"}, secrets={"mail": "a pass word", "hook": SECRET})
        with Daemon(folder) as daemon:
            id = stop(daemon, "the password is: a pass word")
            mail = sink.next()
            assert mail.rcpt == ["ana@example.org"] and sink.logins == [("interlock", "a pass word")]
            assert b"a pass word" not in mail.raw and "the password is: ***" in mail["Subject"]
            (folder / "secrets" / "mail").write_text("another one")
            assert daemon.post("/v1/admin/reload").status == 200
            id = stop(daemon, workflow="invoice-reminders")
            assert web.next().json["data"]["person"] == "ben"  # the login is refused for good: the next level, at once
            failed = wait_for("it shows", lambda: told(daemon, id, person="ana", state="failed"))[0]
            assert failed["what"] and "another one" not in failed["what"] and sink.is_empty(), failed


def test_the_receivers_own_check_is_that_of_standard_webhooks():
    """The published example of the specification: what verifies here is what each library of a receiver verifies."""
    headers = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
               "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}
    Request("POST", "/", headers, b'{"test": 2432232314}', 200).verify("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    with pytest.raises(AssertionError):
        Request("POST", "/", headers, b'{"test": 2432232315}', 200).verify("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


# ---- receivers that misbehave ----

def is_alive(pid):
    try:
        return pathlib.Path("/proc/%d/stat" % pid).read_text().split(")")[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_command_that_never_ends_is_ended_and_the_ladder_goes_on(tmp_path):
    """Its whole group: what it started goes with it; at the end of interlock as well. It is tried again meanwhile."""
    script = tmp_path / "page"
    script.write_text('#!/bin/sh\nsleep 1000 &\necho "$$ $!" > "$1/pids.new"; mv "$1/pids.new" "$1/pids"\nwait\n')
    script.chmod(0o755)
    with MailSink() as sink:
        folder = world(tmp_path / "i", {"page": "{ command: [%s, %s] }" % (script, tmp_path),
                                        "email": '{ smtp: "%s", from: interlock@example.org }' % sink.url}, tell={"ana": "page"})
        policies(folder, "ack_within: [1s, 2s]")
        with Daemon(folder) as daemon:
            id = stop(daemon)
            read = lambda: (tmp_path / "pids").exists() and [int(p) for p in (tmp_path / "pids").read_text().split()]
            pids = wait_for("it runs", read)
            assert sink.next().rcpt == ["ben@example.org"] and all(is_alive(p) for p in pids)
            first = wait_for("the limit", lambda: [t for t in told(daemon, id, person="ana", state="waiting") if t["tries"]])[0]
            assert "did not end in 15 s" in first["what"] and not any(is_alive(p) for p in pids), first
            again = wait_for("the next try", lambda: read() != pids and read())
            assert all(is_alive(p) for p in again)
        wait_for("they end with interlock", lambda: not any(is_alive(p) for p in again))


def test_not_delivered_is_tried_again_with_the_same_id(tmp_path):
    with HttpSink(500, "vanish") as sink:
        folder = world(tmp_path, {"hook": '{ webhook: "%s", secret: { file: secrets/hook } }' % sink.url},
                       secrets={"hook": SECRET})
        with Daemon(folder) as daemon:
            id = stop(daemon)
            tries = [sink.next() for _ in range(3)]
            for one in tries:
                one.verify(SECRET)
            assert len({one.headers["webhook-id"] for one in tries}) == 1
            assert [one.answer for one in tries] == [500, "vanish", 202]
            entry = wait_for("delivered", lambda: told(daemon, id, state="delivered", person="ana"))[0]
            assert entry["tries"] == 3


@pytest.mark.parametrize("why", ["404", "550", "no-program", "no-url"])
def test_refused_for_good_goes_to_the_next_level_at_once(tmp_path, why):
    with HttpSink(otherwise=404) as web, MailSink() as refusing, MailSink() as sink:
        refusing.answer = "550 no such user test-token-of-eve"
        channels = {"email": '{ smtp: "%s", from: interlock@example.org }' % sink.url,
                    "404": '{ webhook: "%s", secret: { file: secrets/hook } }' % web.url,
                    "550": '{ smtp: "%s", from: interlock@example.org }' % refusing.url,
                    "no-program": "{ command: [/nonexistent/program] }",
                    "no-url": "{ slack: { file: secrets/url } }"}
        folder = world(tmp_path, {'"%s"' % k if k.isdigit() else k: v for k, v in channels.items()}, tell={"ana": '"%s"' % why},
                       secrets={"hook": SECRET, "url": "http://not.example.org/here"})
        with Daemon(folder) as daemon:
            id = stop(daemon)
            assert sink.next().rcpt == ["ben@example.org"]  # level 2, without waiting 5 minutes
            failed = wait_for("it shows", lambda: told(daemon, id, person="ana", state="failed"))[0]
            assert failed["what"] and "test-token-of-eve" not in failed["what"], failed
            assert incident(daemon, id)["ladder"]["rung"] == 2


def misbehaving(kind, mode, folder, stack):
    """A channel of this kind whose receiver hangs, refuses the connection, answers that it cannot now, or vanishes."""
    if kind == "command":
        script = folder / "page"
        script.write_text("#!/bin/sh\n%s\n" % {"hang": "exec sleep 1000", "refuse": "exit 7", "500": "exit 1", "vanish": "kill -9 $$"}[mode])
        script.chmod(0o755)
        return "{ command: [%s] }" % script, {}
    if kind == "smtp":
        said = {"hang": None, "500": b"421 not now\r\n", "vanish": b""}
        port = free_port() if mode == "refuse" else stack.enter_context(Greeter(said[mode])).port
        return '{ smtp: "smtp://127.0.0.1:%d", from: interlock@example.org }' % port, {}
    if mode == "refuse":
        url = "http://127.0.0.1:%d/hook" % free_port()
    else:
        url = stack.enter_context(HttpSink(otherwise=500 if mode == "500" else mode)).url
    return {"webhook": '{ webhook: "%s", secret: { file: secrets/hook } }' % url, "slack": "{ slack: { file: secrets/bad } }",
            "pagerduty": '{ pagerduty: { file: secrets/hook }, url: "%s" }' % url}[kind], {"bad": url}


@pytest.mark.parametrize("mode", ["hang", "refuse", "500", "vanish"])
@pytest.mark.parametrize("kind", ["smtp", "webhook", "slack", "pagerduty", "command"])
def test_whatever_a_receiver_does_the_ladder_goes_on(tmp_path, kind, mode):
    """The stop and an action are answered meanwhile, the next level hears it in time, and what is not delivered shows."""
    with contextlib.ExitStack() as stack:
        good = stack.enter_context(HttpSink())
        (tmp_path / "i").mkdir()
        bad, secrets = misbehaving(kind, mode, tmp_path, stack)
        folder = world(tmp_path / "i", {"bad": bad, "good": '{ webhook: "%s", secret: { file: secrets/hook } }' % good.url},
                       tell={"ana": "bad", "ben": "good"}, secrets=dict(secrets, hook=SECRET))
        policies(folder, "ack_within: [1s, 1h]")
        with Daemon(folder) as daemon:
            id = stop(daemon)
            assert daemon.remind("INV-1").json["state"] == "done"
            heard = good.next().json["data"]
            assert heard["person"] == "ben" and heard["rung"] == 2 and heard["incident"] == id
            entry, = told(daemon, id, person="ana", about="trouble")
            assert entry["state"] == "waiting" and (mode == "hang" or entry["what"]), entry
            assert incident(daemon, id)["ladder"]["acknowledged_by"] is None
            if mode != "hang":
                said = daemon.get("/v1/incidents/%s?format=text" % id).text
                assert re.search(r"TOLD .*ana through bad not yet \(tried (once|twice): [^)]", said), said
            daemon.stop()  # an end waits for none of them


def test_a_pager_that_was_out_gets_one_key_through_all_three(tmp_path):
    with HttpSink("vanish") as sink:
        folder = world(tmp_path, {"pager": '{ pagerduty: { file: secrets/pager }, url: "%s" }' % sink.url}, secrets={"pager": "key-1"})
        with Daemon(folder) as daemon:
            id = stop(daemon)
            tries = [sink.next() for _ in range(2)]
            assert daemon.post("/v1/incidents/%s/ack" % id, token="ana").status == 200
            tries.append(sink.next())
            restart(daemon, id)
            tries.append(next_but(sink, page_of_restart))
            assert [t.json["event_action"] for t in tries] == ["trigger"] * 2 + ["acknowledge", "resolve"]
            assert {t.json["dedup_key"] for t in tries} == {id}


def test_nobody_is_left(tmp_path):
    folder = world(tmp_path, {"page": "{ command: [/nonexistent/program] }"})
    with Daemon(folder) as daemon:
        assert daemon.get("/readyz").json["unanswered"] is None
        id = stop(daemon)
        wait_for("it is said", lambda: daemon.get("/readyz").json["unanswered"] == id)
        assert daemon.get("/v1/status", token="ana").json["unanswered"] == id
        stranger = daemon.get("/v1/status", token="eve").json
        assert stranger["unanswered"] is None and id not in stranger["says"], stranger
        assert "NOBODY ANSWERS for " + id in daemon.get("/v1/status?format=text").text
        wait_for("it stands in the store", lambda: incident(daemon, id)["ladder"]["nobody_answers"])
        assert "interlock: nobody answers: inquiry-routing STOPPED" in daemon.said()
        assert daemon.post("/v1/incidents/%s/ack" % id, token="ana").status == 200
        assert daemon.get("/readyz").json["unanswered"] is None


def test_a_hanging_receiver_slows_no_action_and_the_ladder_goes_on(tmp_path):
    with HttpSink(otherwise="hang") as hanging, MailSink() as sink:
        folder = world(tmp_path, {"hook": '{ webhook: "%s", secret: { file: secrets/hook } }' % hanging.url,
                                  "email": '{ smtp: "%s", from: interlock@example.org }' % sink.url},
                       tell={"ana": "hook"}, secrets={"hook": SECRET})
        policies(folder, "ack_within: [1s, 2s]")
        with Daemon(folder) as daemon:
            before = [timed(daemon, "a%d" % i) for i in range(20)]
            id = stop(daemon)
            hanging.next()
            after = [timed(daemon, "b%d" % i) for i in range(20)]
            assert sorted(after)[10] < sorted(before)[10] * 5 + 0.05, (before, after)
            assert sink.next().rcpt == ["ben@example.org"]  # level 2, by the clock
            assert told(daemon, id, person="ana", state="waiting")
            daemon.stop()  # an end does not wait for the receiver


def test_a_hanging_mail_server_does_not_hold_the_loop(tmp_path):
    """It takes the mail, and never answers QUIT: libcurl waits for that answer."""
    listener = socket.create_server(("127.0.0.1", 0))
    quits = threading.Event()
    over = threading.Event()

    def serve():
        peer, _ = listener.accept()
        with peer, peer.makefile("rwb", buffering=0) as stream:
            stream.write(b"220 slow\r\n")
            in_data = False
            for line in stream:
                if in_data:
                    if line == b".\r\n":
                        in_data = False
                        stream.write(b"250 taken\r\n")
                    continue
                word = line.split()[0].upper()
                if word == b"QUIT":
                    quits.set()
                    over.wait()
                    return
                in_data = word == b"DATA"
                stream.write(b"354 go\r\n" if in_data else b"250 ok\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    folder = world(tmp_path, {"email": '{ smtp: "smtp://127.0.0.1:%d", from: interlock@example.org }' % listener.getsockname()[1]})
    with Daemon(folder) as daemon:
        before = [timed(daemon, "a%d" % i) for i in range(10)]
        stop(daemon)
        assert quits.wait(30)
        after = [timed(daemon, "b%d" % i) for i in range(10)]
        assert max(after) < max(before) * 5 + 0.2, (before, after)
        began = time.monotonic()
        daemon.stop()  # nor does an end wait for it
        assert time.monotonic() - began < 10
    over.set()
    listener.close()
    thread.join(30)


def timed(daemon, invoice):
    began = time.monotonic()
    assert daemon.remind(invoice).status == 200
    return time.monotonic() - began


@pytest.mark.parametrize("crash", ["kill", "stop"])
def test_what_was_not_delivered_is_sent_after_a_crash_in_order(tmp_path, crash):
    port = free_port()
    with HttpSink(otherwise=500) as sink:
        folder = world(tmp_path, {"pager": '{ pagerduty: { file: secrets/pager }, url: "%s" }' % sink.url},
                       secrets={"pager": "k"})
        with Daemon(folder) as daemon:
            id = stop(daemon)
            assert sink.next().json["event_action"] == "trigger"
            wait_for("it waits", lambda: [t for t in told(daemon, id, state="waiting") if t["tries"]])
            restart(daemon, id)
            getattr(daemon, crash)()
            while not sink.is_empty():
                sink.next()
            sink.otherwise = 202
            daemon.start()
            assert [next_but(sink, page_of_restart).json["event_action"] for _ in range(2)] == ["trigger", "resolve"]
            wait_for("both are told", lambda: not told(daemon, id, state="waiting"))
            daemon.kill()
            daemon.start()
            answer = subprocess.run([BUILD / "interlock", "verify", "--config", folder / "interlock.yaml"], capture_output=True)
            assert answer.returncode in (0, 1) and daemon.get("/v1/decisions/verify", token="ben").json["good"] is True
            assert sink.is_empty()
    assert port


def test_an_acknowledgement_holds_over_a_crash(tmp_path):
    with MailSink() as sink:
        folder = world(tmp_path, {"email": '{ smtp: "%s", from: interlock@example.org }' % sink.url})
        policies(folder, "ack_within: [1s, 2s]")
        with Daemon(folder) as daemon:
            id = stop(daemon)
            sink.next()
            assert daemon.post("/v1/incidents/%s/ack" % id, token="ben").status == 200
            daemon.kill()
            daemon.start()
            ladder = incident(daemon, id)["ladder"]
            assert ladder["state"] == "acknowledged" and ladder["acknowledged_by"] == "ben"


# ---- who may answer ----

def test_only_a_person_who_answers_for_it_acknowledges(tmp_path):
    with MailSink() as sink:
        folder = world(tmp_path, {"email": '{ smtp: "%s", from: interlock@example.org }' % sink.url})
        with Daemon(folder) as daemon:
            id = stop(daemon)
            path = "/v1/incidents/%s/ack" % id
            sink.next()
            assert daemon.get(path, checked=False).status == 405  # a link alone never acknowledges
            for token in ("eve", "helpdesk-bot", "billing-cron"):
                assert daemon.post(path, token=token).status == 403
            assert daemon.post(path, token="").status == 401
            assert daemon.post(path, {"reason": "x"}, token="ana").status in (400, 422)
            assert daemon.post("/v1/incidents/i_0000000000000/ack", token="ana").status == 404
            assert incident(daemon, id)["ladder"]["state"] == "telling"
            assert daemon.post(path, token="ana").status == 200
            assert daemon.post(path, token="ben").json["ladder"]["acknowledged_by"] == "ben"
            restart(daemon, id)
            assert daemon.post(path, token="ana").status == 409


def test_command_line(tmp_path):
    with MailSink() as sink:
        folder = world(tmp_path, {"email": '{ smtp: "%s", from: interlock@example.org }' % sink.url})
        with Daemon(folder) as daemon:
            id = stop(daemon)
            sink.next()
            wait_for("told", lambda: told(daemon, id, state="delivered"))

            def run(*words):
                env = dict(os.environ, INTERLOCK_URL="http://%s:%d" % (daemon.host, daemon.port), INTERLOCK_TOKEN=TOKENS["ana"])
                return subprocess.run([BUILD / "interlock", *words], capture_output=True, text=True, env=env, cwd=folder)

            assert run("ack", id).returncode == 0
            shown = run("incident", id).stdout
            assert "TOLD    ana through email " in shown and "Ana Ruiz acknowledged " in shown, shown
            assert "somebody takes care of it" in daemon.get("/v1/decisions?format=text", token="ben").text
            assert run("ack", "nonsense").returncode == 1


def test_who_is_away_is_not_told_first(tmp_path):
    with MailSink() as sink:
        folder = world(tmp_path, {"email": '{ smtp: "%s", from: interlock@example.org }' % sink.url})
        with Daemon(folder) as daemon:
            assert daemon.post("/v1/admin/away", {"until": "2090-12-01"}, token="ana").status == 200
            stop(daemon)
            assert sink.next().rcpt == ["ben@example.org"]


def test_a_cover_who_covers_no_more_is_not_told(tmp_path):
    """Whom ana named herself is told first as long as he is in the group, and not after he has left it."""
    with MailSink() as sink:
        folder = world(tmp_path, {"email": '{ smtp: "%s", from: interlock@example.org }' % sink.url})
        with Daemon(folder) as daemon:
            config = folder / "interlock.yaml"
            assert daemon.post("/v1/admin/away", {"until": "2090-12-01", "cover": "ben"}, token="ana").status == 200
            stop(daemon)
            assert sink.next().rcpt == ["ben@example.org"]
            config.write_text(config.read_text().replace("  finance: [ana, ben]", "  finance: [ana, eve]"))
            assert daemon.post("/v1/admin/reload", {}, token="ben").status == 200
            assert daemon.post("/v1/stops", {"scope": {"upstream": "mailer"}}, token="eve").status == 202
            assert sink.next().rcpt == ["eve@example.org"]


# ---- what leaves ----

def test_secrets_do_not_leave(tmp_path):
    with MailSink() as sink:
        folder = world(tmp_path, {"email": '{ smtp: "%s", from: interlock@example.org }' % sink.url})
        with Daemon(folder) as daemon:
            stop(daemon, "leaked: " + TOKENS["eve"])
            mail = sink.next()
            assert TOKENS["eve"] not in mail.get_content() + mail["Subject"] and "leaked: ***" in mail["Subject"]


def test_first_line_is_short_whatever_the_reason(tmp_path):
    with HttpSink() as sink:
        folder = world(tmp_path, {"hook": '{ webhook: "%s", secret: { file: secrets/hook } }' % sink.url},
                       secrets={"hook": SECRET})
        with Daemon(folder) as daemon:
            id = stop(daemon, "\u00e4\U0001F9ED\n\u202e" * 300)
            line = sink.next().json["data"]["line"]
            assert len(line) <= 160 and line.endswith("0 lost. " + id) and "\u2026" in line and "\n" not in line and "\u202e" not in line


# ---- without channels ----

def test_without_channels_the_inbox_is_the_channel(tmp_path):
    with Daemon(install(tmp_path)) as daemon:
        id = stop(daemon)
        entry = wait_for("noted", lambda: told(daemon, id))[0]
        assert entry["channel"] == "inbox" and entry["state"] == "delivered" and entry["person"] == "ana"
        assert daemon.get("/readyz").json["watchdog"] is None


# ---- watchdog ----

@pytest.mark.parametrize("status", [200, 500])
def test_watchdog_is_pinged(tmp_path, status):
    with HttpSink(otherwise=status) as sink:
        folder = install(tmp_path, INSTALLATION + 'watchdog: { ping: "%s?who=me", every: 10s }\n' % sink.url)
        with Daemon(folder) as daemon:
            request = sink.next()
            assert request.method == "GET" and request.path == "/hook?who=me"
            seen = wait_for("the answer", lambda: daemon.get("/readyz").json["watchdog"]["at"] and daemon.get("/readyz").json["watchdog"])
            assert seen["good"] is (status == 200) and str(status) in seen["what"]
            text = daemon.get("/v1/status?format=text").text
            assert ("watchdog: pinged" if status == 200 else "watchdog: not reached") in text
            assert daemon.get("/v1/status").json["watchdog"]["good"] is (status == 200)
