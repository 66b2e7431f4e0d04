"""tools/stage.py - what `make run` and the stories share: real processes on loopback, in a folder of
their own, ended by pid."""
import http.server, json, os, secrets, shutil, signal, subprocess, sys, threading, urllib.error, urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BINARY = os.path.join(ROOT, os.environ.get("BUILD", "build/release"), "interlock")
EXAMPLES = os.path.join(ROOT, "examples")
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
TOKENS = ("cli-token", "ben", "billing-cron", "ticket-router", "people")
children = []


def start(command, ready, **more):
    """A child that prints a ready line; returns it and the last word of that line."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, **more)
    children.append(child)
    for line in child.stdout:
        if ready in line:
            return child, line.split()[-1]
    raise SystemExit("%s ended before it was ready" % os.path.basename(command[-1]))


def ask(url, body=None, token=None, method=None):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = "Bearer " + token
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def ask_any(url, body=None, token=None):
    """The JSON of any answer, also of a refusal."""
    try:
        return ask(url, body, token)
    except urllib.error.HTTPError as error:
        return json.loads(error.read() or b"null")


def provider(*more):
    return start([PYTHON, os.path.join(EXAMPLES, "provider.py"), *more], "provider ready")[1]


class People:
    """A real receiver of webhooks: what people are told. on_message(data) is called with each new message."""

    def __init__(self, on_message):
        self.told, known = [], set()
        people = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # the watchdog's ping
                self.answer()

            def do_POST(self):
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.headers["webhook-id"] not in known:  # at least once: the same id is the same message
                    known.add(self.headers["webhook-id"])
                    told = dict(message["data"], type=message["type"])
                    people.told.append(told)
                    on_message(told)
                self.answer()

            def answer(self):
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def lines(self):
        """For interlock.yaml: everybody is told here, and somebody notices when interlock is down."""
        return 'channels:\n  people: { webhook: "%s/told", secret: { file: secrets/people } }\nwatchdog: { ping: "%s/ping", every: 1m }\n' % (self.url, self.url)


def set_up(folder, urls, change=lambda name, text: text):
    """The examples as an installation in the folder, made anew, at these providers; tokens by name.
    change(name, text) may alter a file before it is written."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.join(folder, "policies"))
    os.makedirs(os.path.join(folder, "secrets"), mode=0o700)
    text = open(os.path.join(EXAMPLES, "interlock.yaml")).read()
    for name, url in urls.items():
        line = next(l for l in text.split("\n") if l.startswith("  %s: {" % name))
        text = text.replace(line, '  %s: { url: "%s" }' % (name, url))
    open(os.path.join(folder, "interlock.yaml"), "w").write(change("interlock", text))
    for name in ("invoice-reminders", "inquiry-routing"):
        policy = open(os.path.join(EXAMPLES, name, "policy.yaml")).read()
        open(os.path.join(folder, "policies", name + ".yaml"), "w").write(change(name, policy))
    tokens = {}
    for name in TOKENS:
        tokens[name] = secrets.token_urlsafe(24)
        with open(os.open(os.path.join(folder, "secrets", name), os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(tokens[name] + "\n")
    return tokens


def serve(folder, url=None):
    """The daemon on the port of the configuration, or on a free one when that is taken."""
    command = [BINARY, "serve"]
    log = open(os.path.join(folder, "interlock.log"), "a")
    wanted = ["--listen", url.split("//")[1]] if url else []
    try:
        return start(command + wanted, "interlock ready", stderr=log, cwd=folder)
    except SystemExit:
        if url:
            raise
        return start(command + ["--listen", "127.0.0.1:0"], "interlock ready", stderr=log, cwd=folder)


def all_inbox(url, token):
    items, cursor = [], ""
    while cursor is not None:
        page = ask(url + "/v1/inbox?limit=500" + (cursor and "&cursor=" + cursor), token=token)
        items += page["items"]
        cursor = page.get("next")
    return items


def play(main):
    """Runs main and ends what it started, whatever happens; then ends with its code."""
    def end(*_):
        sys.exit(0)
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    code = 0
    try:
        code = main()
    finally:
        for child in reversed(children):
            if child.poll() is None:
                child.terminate()
                try:
                    child.wait(10)
                except subprocess.TimeoutExpired:
                    child.kill()
    sys.exit(code)
