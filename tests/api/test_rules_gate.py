"""The gate and the key: what is asked, what a key identifies, what a repeat is told (R7, R8, R9, R10, R18), and
that a secret which the provider echoes is never stored or shown (R23)."""
import base64, subprocess, sys, threading, urllib.parse

import pytest

from interlock_client import INSTALLATION, REMINDERS, ROUTING, Daemon, install

GATED = """\
workflow: gated
purpose: All gates at once
owner: finance
restart: finance-leads
inform: ana
mode: {mode}
steps:
  send:
    kind: webhook
    call: mailer POST /v1/things
    key: ${{input.id}}
    body: {{ id: "${{input.id}}" }}
    confidence: at least 0.80
    risk:
      - severe if input.amount > 1000
      - high if input.kind == "refund"
    rules:
      - paid-already: reject if input.paid
      - large: review if input.amount > 100
      - wait-for-it: hold 1d if input.early
"""


@pytest.fixture
def gated(tmp_path):
    text = INSTALLATION.replace("submits: [invoice-reminders]", "submits: [gated]").replace("submits: [inquiry-routing]", "submits: [gated]")
    with Daemon(install(tmp_path, text, {"gated.yaml": GATED.format(mode="auto")})) as daemon:
        yield daemon


def send(daemon, id, amount=10, kind="invoice", paid=False, early=False, confidence=0.9, **more):
    more.setdefault("token", "billing-cron")
    if confidence is not None:
        more["confidence"] = confidence
    return daemon.submit("gated", "send", {"id": id, "amount": amount, "kind": kind, "paid": paid, "early": early}, **more)


def approve(daemon, action, **more):
    return daemon.post("/v1/reviews/%s/verdict" % action["review"], dict(more, verdict="approve"), token="ana")


# ---- R18: all gates, the most restrictive answer ----


@pytest.mark.parametrize("given, state, word", [
    (dict(), "done", ""),
    (dict(paid=True), "rejected", "paid-already"),
    (dict(paid=True, amount=500, early=True, confidence=0.1), "rejected", "paid-already"),
    (dict(amount=500, early=True), "held", "wait-for-it"),
    (dict(amount=500), "in_review", "large"),
    (dict(confidence=None), "in_review", "confidence"),
    (dict(confidence=0.79), "in_review", "confidence"),
])
def test_the_most_restrictive_answer_wins(gated, given, state, word):
    answer = send(gated, "a", **given)
    assert answer.json["state"] == state and word in answer.json["why"] + str(answer.json["reason"]), answer
    path = {gate["gate"] for gate in answer.json["decision"]["path"]}
    assert {"risk", "switch", "confidence", "mode"} <= path, "a gate was not asked: %s" % path
    assert gated.sandbox()["effects"] == (1 if state == "done" else 0)


def test_confidence_out_of_range_is_refused_and_stores_nothing(gated):
    for value in (-0.1, 1.1, "high"):
        assert send(gated, "a", confidence=value).status in (400, 422)
    assert send(gated, "a").json["state"] == "done"


def test_a_stop_of_a_risk_class_comes_after_the_risk(gated):
    """The story: stopped at risk=high is asked first, but risk is computed fifth."""
    assert gated.post("/v1/stops", {"scope": {"workflow": "gated", "risk": "high"}}).status == 202
    assert send(gated, "refund", kind="refund").json["state"] == "held"
    assert send(gated, "plain").json["state"] == "done"
    assert send(gated, "paid", kind="refund", paid=True).json["state"] == "rejected"


def test_an_error_in_the_risk_is_the_highest_class(gated):
    gated.post("/v1/stops", {"scope": {"workflow": "gated", "risk": "severe"}})
    answer = send(gated, "a", amount="a lot")
    assert answer.status == 422 or answer.json["state"] in ("held", "in_review"), answer
    assert gated.sandbox()["effects"] == 0


def test_an_approval_does_not_skip_a_rule(gated):
    """While it waits for a person the rules change: the whole gate runs again at the start."""
    action = send(gated, "a", amount=500).json
    policy = gated.folder / "policies" / "gated.yaml"
    policy.write_text(GATED.format(mode="auto").replace("input.paid", "input.amount > 400"))
    assert gated.post("/v1/admin/reload").status == 200
    approve(gated, action)
    assert gated.action(action["action"])["state"] == "rejected" and gated.sandbox()["effects"] == 0


def test_an_approval_under_a_stop_starts_nothing(gated):
    action = send(gated, "a", amount=500).json
    gated.post("/v1/stops", {"scope": {}})
    approve(gated, action)
    held = gated.action(action["action"])
    assert held["state"] in ("held", "in_review") and gated.sandbox()["effects"] == 0, held


def test_with_review_for_all_what_is_paid_is_not_shown_to_a_person(tmp_path):
    text = INSTALLATION.replace("submits: [invoice-reminders]", "submits: [gated]").replace("submits: [inquiry-routing]", "submits: [gated]")
    with Daemon(install(tmp_path, text, {"gated.yaml": GATED.format(mode="review")})) as daemon:
        assert send(daemon, "paid", paid=True).json["state"] == "rejected"
        assert send(daemon, "due").json["state"] == "in_review"


# ---- R7, R8: identity and fingerprint ----


def test_two_services_remind_once(gated):
    first = send(gated, "INV-1")
    other = send(gated, "INV-1", token="helpdesk-bot")
    assert other.status == 200 and other.json["action"] == first.json["action"]
    assert gated.sandbox()["effects"] == 1


def test_a_separator_in_a_value_is_not_one_of_the_template(daemon):
    """`A:1` + `2` and `A` + `1:2` are two keys."""
    first, second = daemon.remind("A:1", stage="2"), daemon.remind("A", stage="1:2")
    assert first.json["state"] == second.json["state"] == "done", (first, second)
    assert first.json["action"] != second.json["action"] and daemon.sandbox()["effects"] == 2


def test_what_is_said_about_an_input_is_no_conflict(gated):
    """An agent retries after a lost answer: the confidence is another, `because` is worded anew."""
    first = send(gated, "a", because="it is overdue", run="R-1")
    again = send(gated, "a", confidence=0.91, because="overdue since Monday", run="R-2")
    assert again.status == 200 and again.json["replayed"] and again.json["action"] == first.json["action"]
    assert again.json["because"] == first.json["because"] and again.json["run"] == "R-1"
    low = send(gated, "a", confidence=0.1)
    assert low.status == 200 and low.json["state"] == "done"


@pytest.mark.parametrize("one, other, is_same", [
    (b"1", b"1.0", True), (b"10", b"1e1", True), (b"9007199254740992", b"9007199254740993", False),
    (b"0.1", b"0.10000000000000000001", False), (b'"\\u0061"', b'"a"', True), (b'{"a":1,"b":2}', b'{"b":2,"a":1}', True),
    (b"[1,2]", b"[2,1]", False), (b'"\\u00e9"', b'"e\\u0301"', False), (b"null", b"0", False),
])
def test_equal_by_value(shared, one, other, is_same):
    path = "/v1/workflows/invoice-reminders/steps/send_reminder/actions"
    invoice = "F-%s" % abs(hash((one, other)))
    def ask(value):
        body = b'{"input":{"invoice":"%s","stage":1,"balance":5,"email":"e@x","note":%s}}' % (invoice.encode(), value)
        return shared.post(path, body, token="billing-cron")
    assert ask(one).status == 200
    assert ask(other).status == (200 if is_same else 422)


# ---- R9: what uses a key up ----


def test_a_refusal_before_the_gate_uses_no_key(daemon):
    path = "/v1/workflows/invoice-reminders/steps/send_reminder/actions"
    assert daemon.remind("K-1", token="eve").status in (401, 403)
    assert daemon.remind("K-1", token="helpdesk-bot").status == 403
    assert daemon.remind("K-1", key="another").status == 400
    assert daemon.post(path, {"input": {"invoice": "K-1"}}, token="billing-cron").status == 422
    assert daemon.get("/v1/actions?workflow=invoice-reminders").json["items"] == []
    assert daemon.remind("K-1").json["state"] == "done"


def test_again_is_a_new_generation_of_ended_work_only(daemon):
    rejected = daemon.remind("B-1", balance=0).json
    def again(id, token="ana", **body):
        return daemon.post("/v1/actions/%s/again" % id, body or {"reason": "the payment bounced"}, token=token)
    assert again(rejected["action"], token="billing-cron").status == 403
    assert again(rejected["action"], token="eve").status == 403
    assert again(rejected["action"], nonsense=1).status in (400, 422)
    new = again(rejected["action"])
    assert new.status == 403 and new.json["again_of"] == rejected["action"], new  # the gate is asked, and says the same
    assert daemon.action(rejected["action"])["state"] == "rejected"  # ends are final
    assert again(rejected["action"]).status == 409                  # the newest generation only
    done = daemon.remind("B-2").json
    assert again(done["action"]).status == 409
    waits = daemon.remind("B-3", balance=20000).json
    assert waits["state"] == "in_review"
    refused = again(waits["action"])
    assert refused.status == 409 and refused.json["detail"].startswith("it has not ended"), refused
    assert daemon.sandbox()["effects"] == 1


# ---- R10: stale_after ----


def test_what_waited_too_long_goes_to_a_person_not_out(tmp_path):
    """Held for long with balance 420, paid meanwhile: after the restart it is not sent on the old fact."""
    policy = REMINDERS.replace("    rules:\n", "    stale_after: 1s\n    rules:\n")
    with Daemon(install(tmp_path, policies={"r.yaml": policy, "t.yaml": ROUTING})) as daemon:
        receipt = daemon.post("/v1/stops", {"scope": {"workflow": "invoice-reminders"}}).json
        held = daemon.remind("INV-1").json
        assert held["state"] == "held"
        threading.Event().wait(1.1)  # only the clock makes it stale
        daemon.restart(receipt["incident"], "mended")
        for _ in range(2000):
            action = daemon.action(held["action"])
            if action["state"] != "held":
                break
            threading.Event().wait(0.005)
        assert action["state"] == "in_review" and action["who"]["group"] == "finance", action
        assert daemon.sandbox()["effects"] == 0
        approve(daemon, action)  # a person is a fresh fact
        assert daemon.remind("INV-1").json["state"] == "done"


# ---- R23 ----

SECRET = "s3cr3t/+bearer=of the mailer"
ECHO = """\
import http.server, sys
class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        import base64, json, urllib.parse
        self.rfile.read(int(self.headers["content-length"]))
        token = self.headers["authorization"].split(" ", 1)[1]
        body = json.dumps({"error": "bad token " + token, "size": len(token), "raw": self.headers["authorization"], "b64": base64.b64encode(token.encode()).decode(),
                           "url": urllib.parse.quote(token, safe=""), "in": {token: [token]}}).encode()
        self.send_response(int(self.path.rsplit("/", 1)[1]))
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Echo", token)
        self.send_header("Location", "/" + token)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *unused): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
print(server.server_port, flush=True)
server.serve_forever()
"""


@pytest.fixture
def echo():
    process = subprocess.Popen([sys.executable, "-c", ECHO], stdout=subprocess.PIPE, text=True)
    yield int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize("status", [200, 400])
def test_an_echoed_token_is_never_stored_or_shown(tmp_path, echo, status):
    text = INSTALLATION.split("upstreams:")[0].replace("submits: [invoice-reminders]", "submits: [gated]").replace(
        "submits: [inquiry-routing]", "submits: [gated]")
    text += "upstreams:\n  mailer: { url: \"http://127.0.0.1:%d\", auth: { bearer: { file: secrets/mailer } } }\n" % echo
    policy = GATED.format(mode="auto").replace("/v1/things", "/v1/%d" % status)
    folder = install(tmp_path, text, {"gated.yaml": policy})
    (folder / "secrets" / "mailer").write_text(SECRET)
    (folder / "secrets" / "mailer").chmod(0o600)
    forms = [SECRET, base64.b64encode(SECRET.encode()).decode(), urllib.parse.quote(SECRET, safe="")]
    with Daemon(folder) as daemon:
        answer = send(daemon, "a")
        id = answer.json["action"]
        assert answer.json["state"] == ("done" if status == 200 else "failed"), answer
        shown = [answer, send(daemon, "a"), daemon.get("/v1/actions/" + id), daemon.get("/v1/actions/%s/explain" % id),
                 daemon.get("/v1/actions/%s/explain" % id, headers={"Accept": "text/plain"}), daemon.get("/v1/decisions"),
                 daemon.get("/v1/status"), daemon.get("/readyz"), daemon.get("/metrics")]
        for form in forms:
            assert not [a for a in shown if form in a.text or form in str(a.headers)], form
        assert "bad token" in answer.text, "the rest of the answer is kept"
        daemon.stop()
        said = daemon.said()
    for path in (tmp_path / "data").rglob("*"):
        if path.is_file():
            stored = path.read_bytes()
            assert not [f for f in forms if f.encode() in stored], path
    assert not [f for f in forms if f in said]


def test_a_long_password_goes_whole_or_not_at_all(tmp_path, echo):
    """What is sent with a cut credential is sent as somebody else: a provider must never see one."""
    text = INSTALLATION.split("upstreams:")[0].replace("submits: [invoice-reminders]", "submits: [gated]").replace(
        "submits: [inquiry-routing]", "submits: [gated]")
    text += "upstreams:\n  mailer: { url: \"http://127.0.0.1:%d\", auth: { basic: { user: ilk, password: { file: secrets/mailer } } } }\n" % echo
    folder = install(tmp_path, text, {"gated.yaml": GATED.format(mode="auto").replace("/v1/things", "/v1/200")})
    secret = folder / "secrets" / "mailer"
    secret.write_text("p" * 5000)
    secret.chmod(0o600)
    with Daemon(folder) as daemon:
        answer = send(daemon, "a")
        assert answer.json["state"] == "done", answer
        assert answer.json["response"]["body"]["size"] == len(base64.b64encode(b"ilk:" + b"p" * 5000))


CONTROL = """\
import http.server
class Control(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", "65000")
        self.end_headers()
        self.wfile.write(b"\\x01" * 65000)
    def log_message(self, *unused): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Control)
print(server.server_port, flush=True)
server.serve_forever()
"""


def test_an_answer_that_grows_when_it_is_escaped_is_kept(tmp_path):
    """Six bytes of JSON for each byte that came: what is stored must stay readable, for ever."""
    process = subprocess.Popen([sys.executable, "-c", CONTROL], stdout=subprocess.PIPE, text=True)
    try:
        text = INSTALLATION.split("upstreams:")[0].replace("submits: [invoice-reminders]", "submits: [gated]").replace(
            "submits: [inquiry-routing]", "submits: [gated]")
        text += "upstreams:\n  mailer: { url: \"http://127.0.0.1:%d\" }\n" % int(process.stdout.readline())
        with Daemon(install(tmp_path, text, {"gated.yaml": GATED.format(mode="auto")})) as daemon:
            answer = send(daemon, "a")
            assert answer.json["state"] == "done", answer
            for read in (answer, send(daemon, "a"), daemon.get("/v1/actions/" + answer.json["action"])):
                assert read.json["response"]["text"] == "\x01" * 65000, read.text[:200]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
