"""A running daemon for tests: `Daemon(folder)` starts it, asks it, and stops it by its own pid.

Each answer is checked against docs/openapi.json: the operation, the status, the content type and the
body must stand there. A test that wants to send what the file does not allow is free to; only the
answers are held to it."""
import functools, http.client, json, os, pathlib, re, signal, subprocess, threading, urllib.parse

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("INTERLOCK_BUILD", ROOT / "build" / "asan"))
READY = re.compile(r"interlock ready on http://([0-9.]+):([0-9]+)")
WATCHDOG_S = 60
TOKENS = {name: "test-token-of-" + name for name in ("ana", "ben", "eve", "billing-cron", "helpdesk-bot")}


class OpenApi:
    """docs/openapi.json, and whether an answer is what it says. seen: (operation id, status)."""

    def __init__(self):
        self.seen = set()
        self.file = json.loads((ROOT / "docs" / "openapi.json").read_text())
        self.resolver = jsonschema.RefResolver.from_schema(self.file)
        self.paths = [(re.compile("^" + re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(p)) + "$"), item)
                      for p, item in self.file["paths"].items()]

    def follow(self, value):
        return self.resolver.resolve(value["$ref"])[1] if "$ref" in value else value

    def operation(self, method, path):
        for pattern, item in self.paths:
            if pattern.match(path):
                return item.get(method.lower())
        return None

    def check(self, method, path, response):
        operation = self.operation("GET" if method == "HEAD" else method, path.split("?")[0])
        where = "%s %s -> %d %s" % (method, path, response.status, response.text[:2000])
        if operation is None:
            assert response.status in (401, 404, 405, 414, 400, 501), where
            schema = {"$ref": "#/components/schemas/Problem"}
        else:
            if str(response.status) not in operation["responses"]:
                assert response.status in (408, 413, 414, 417, 431, 500, 501, 505), "not declared: " + where
                return
            self.seen.add((operation["operationId"], response.status))
            declared = self.follow(operation["responses"][str(response.status)])
            media = response.headers.get("content-type", "").split(";")[0].strip()
            assert media in declared["content"], "content type %s of %s" % (media, where)
            schema = declared["content"][media]["schema"]
            for name in declared.get("headers", {}):
                if name in ("Location", "WWW-Authenticate", "Retry-After") and response.status in (202, 401, 503):
                    assert name.lower() in response.headers, "no %s: %s" % (name, where)
        if method == "HEAD" or response.json is None:
            return
        values = response.json if isinstance(response.json, Lines) else [response.json]
        for value in values:
            jsonschema.Draft202012Validator(schema, resolver=self.resolver).validate(value)


@functools.lru_cache(maxsize=None)
def openapi():
    return OpenApi()


class Lines(list):
    """The objects of a JSON-lines body."""


class Response:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {k.lower(): v for k, v in headers}
        self.body = body
        self.text = body.decode("utf-8", "replace")
        media = self.headers.get("content-type", "").split(";")[0]
        self.json = None
        if media.endswith("json") and media != "application/x-ndjson" and body:
            self.json = json.loads(body)
        elif media in ("application/jsonl", "application/x-ndjson"):
            self.json = Lines(json.loads(line) for line in body.splitlines())

    def __repr__(self):
        return "Response(%d, %s)" % (self.status, self.text[:500])


INSTALLATION = """\
listen: 127.0.0.1:0
store: ./data
policies: ./policies
people:
  ana: { name: Ana Ruiz, email: ana@example.org, token: { file: secrets/ana } }
  ben: { name: Ben Okafor, email: ben@example.org, token: { file: secrets/ben } }
  eve: { name: Eve Moreau, email: eve@example.org, token: { file: secrets/eve } }
services:
  billing-cron: { human: ana, submits: [invoice-reminders], token: { file: secrets/billing-cron } }
  helpdesk-bot: { human: ben, submits: [inquiry-routing], token: { file: secrets/helpdesk-bot } }
groups:
  finance: [ana, ben]
  finance-leads: [ana, ben]
  support: [ana, ben]
  support-leads: [ana, ben]
  admins: [ben]
switch:
  owner: finance
  restart: finance-leads
  inform: ana
upstreams:
  mailer:
    sandbox: true
    idempotency: { header: Idempotency-Key, keeps: 24h }
  helpdesk:
    sandbox: true
"""

# Tests are about something else than the limits that are there without a line.
FAR = """
triggers:
  - volume: stopped if volume > 100000 in 1h
  - uncertain: stopped if uncertain > 100000 in 1h
  - overdue: stopped if overdue > 100000
"""

BARE_REMINDERS = """\
workflow: invoice-reminders
purpose: Remind customers of overdue invoices
owner: finance
restart: finance-leads
inform: ana
mode: auto

steps:
  send_reminder:
    kind: email
    recipient: ${input.email}
    call: mailer POST /v1/messages
    key: ${input.invoice}:${input.stage}
    summary: Reminder ${input.stage} for ${input.invoice}, ${input.balance} EUR, to ${input.email}
    body:
      to: ${input.email}
      template: reminder
      invoice: ${input.invoice}
    rules:
      - paid-already: reject if input.balance <= 0
      - large-account: review if input.balance > 10000
"""
REMINDERS = BARE_REMINDERS + FAR + "  - repeat: stopped if repeat(input.email) > 32 in 1ms\n"

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
    call: helpdesk PUT /tickets/${input.ticket}/team
    summary: Ticket ${input.ticket} to ${input.team}
    input:
      ticket: text
      team: text
      subject?: text
    body:
      team: ${input.team}
    confidence: at least 0.80
    risk: high if input.team == "refunds"
""" + FAR


def install(folder, installation=INSTALLATION, policies=None, at_once=True):
    """Writes a whole installation below folder; policies: {file name: text}. at_once: what does not say
    otherwise has no ramp."""
    folder = pathlib.Path(folder)
    for name in ("policies", "secrets"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "secrets").chmod(0o700)
    for name, token in TOKENS.items():
        secret = folder / "secrets" / name
        secret.write_text(token)
        secret.chmod(0o600)
    if at_once and "\n  ramp:" not in installation:
        installation = installation.replace("\nswitch:\n", "\nswitch:\n  ramp: []\n")
    (folder / "interlock.yaml").write_text(installation)
    if policies is None:
        policies = {"invoice-reminders.yaml": REMINDERS, "inquiry-routing.yaml": ROUTING}
    for name, text in policies.items():
        if at_once and "\nramp:" not in text and text.startswith("workflow:"):
            text = text.rstrip("\n") + "\nramp: []\n"
        (folder / "policies" / name).write_text(text)
    return folder


class Daemon:
    """`with Daemon(install(tmp_path)) as daemon:`; stop() and start() again keep the store."""

    def __init__(self, folder, arguments=(), token="ben", prefix=()):
        self.folder = pathlib.Path(folder)
        self.arguments = list(arguments)
        self.prefix = list(prefix)  # a command that executes the daemon in its own place
        self.token = token
        self.process = None
        self.lines = []
        self.lock = threading.Lock()

    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        self.stop()

    def start(self):
        self.errors = open(self.folder / "stderr.txt", "ab")
        self.process = subprocess.Popen(
            self.prefix + [str(BUILD / "interlock"), "serve", "--config", str(self.folder / "interlock.yaml")] + self.arguments,
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        timer = threading.Timer(WATCHDOG_S, self.process.kill)
        timer.start()
        try:
            for line in self.process.stdout:
                self.lines.append(line)
                found = READY.search(line)
                if found:
                    self.host, self.port = found.group(1), int(found.group(2))
                    break
            else:
                raise AssertionError("the daemon ended (%s):\n%s" % (self.process.wait(), self.said()))
        finally:
            timer.cancel()
        self.reader = threading.Thread(target=self.lines.extend, args=(self.process.stdout,), daemon=True)
        self.reader.start()
        return self

    def said(self):
        return "".join(self.lines) + (self.folder / "stderr.txt").read_text(errors="replace")

    def stop(self, how=signal.SIGTERM, expect=0):
        """Ends the daemon; its exit code must be `expect` (None: any)."""
        if self.process is None:
            return
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(how)
        try:
            code = process.wait(WATCHDOG_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError("the daemon did not end:\n" + self.said())
        finally:
            self.errors.close()
        self.reader.join()
        process.stdout.close()
        if how == signal.SIGTERM and expect is not None:
            assert code == expect, "exit code %d:\n%s" % (code, self.said())

    def kill(self):
        self.stop(how=signal.SIGKILL, expect=None)

    def connect(self):
        return http.client.HTTPConnection(self.host, self.port, timeout=WATCHDOG_S)

    def restart(self, incident, reason, by="ana", approved_by="ben"):
        """One asks, another one approves: its answer."""
        asked = self.post("/v1/incidents/%s/restart" % incident, {"reason": reason}, token=by)
        assert asked.status == 202, asked
        return self.post("/v1/incidents/%s/approve" % incident, token=approved_by)

    def request(self, method, path, body=None, token=None, headers=(), connection=None, checked=True):
        """token: a name of TOKENS, None = the daemon's own, "" = none. body: JSON, or bytes as they are."""
        sent = dict(headers)
        token = self.token if token is None else token
        if token:
            sent.setdefault("Authorization", "Bearer " + TOKENS.get(token, token))
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        own = connection is None
        connection = connection or self.connect()
        try:
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            response = Response(answer.status, answer.getheaders(), answer.read())
        finally:
            if own:
                connection.close()
        if checked:
            with self.lock:
                openapi().check(method, path, response)
        return response

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.request("POST", path, body, **more)

    def submit(self, workflow, step, input, key=None, token=None, headers=(), query="", connection=None, **members):
        """Submits; `key` goes into the header, members beside `input`."""
        sent = dict(headers)
        if key is not None:
            sent["Idempotency-Key"] = key
        return self.post("/v1/workflows/%s/steps/%s/actions%s" % (quote(workflow), quote(step), query),
                         dict(members, input=input), token=token, headers=sent, connection=connection)

    def remind(self, invoice, stage=1, balance=420, email="m@example.org", token="billing-cron", **more):
        return self.submit("invoice-reminders", "send_reminder",
                           {"invoice": invoice, "stage": stage, "balance": balance, "email": email}, token=token, **more)

    def route(self, ticket, team="billing", key=None, token="helpdesk-bot", confidence=0.9, **more):
        return self.submit("inquiry-routing", "route_ticket", {"ticket": ticket, "team": team}, token=token,
                           key=ticket if key is None else key, confidence=confidence, **more)

    def action(self, id, **more):
        return self.get("/v1/actions/" + id, **more).json

    def sandbox(self, upstream="mailer", **settings):
        """The report of a sandbox provider, after these settings."""
        path = "/v1/sandbox/" + quote(upstream)
        answer = self.post(path, settings) if settings else self.get(path)
        assert answer.status == 200, answer
        return answer.json


def quote(text):
    return urllib.parse.quote(text, safe="")


def wait_for(what, check):
    """Until it holds; the daemon is a process of its own, so there is nothing to wait on."""
    for _ in range(3000):
        value = check()
        if value:
            return value
        threading.Event().wait(0.01)
    raise AssertionError("never: " + what)


def kill_while(daemon, seconds, ask):
    """Kills the daemon so long after ask() went out, and starts it anew. What ask() gave, or None: it got no answer."""
    answers = []

    def send():
        try:
            answers.append(ask())
        except (OSError, http.client.HTTPException):
            answers.append(None)
    thread = threading.Thread(target=send)
    thread.start()
    threading.Event().wait(seconds)  # a moment, not an event: it is the point
    daemon.kill()
    thread.join(30)
    daemon.start()
    return answers[0]
