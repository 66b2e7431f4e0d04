"""What the tests of stories share: an installation at real stand-in providers, one that recognises keys
and one that does not, and what happened at them."""
import http.client, json, pathlib, subprocess, sys, threading

from interlock_client import FAR, INSTALLATION, Daemon, install

ROOT = pathlib.Path(__file__).resolve().parents[2]

POLICY = """\
workflow: stories
purpose: Each kind of write, at providers that count
owner: finance
restart: finance-leads
inform: ana
mode: auto
steps:
  plain:
    kind: webhook
    call: plain POST /v1/plain
    key: ${input.id}
    body: { id: "${input.id}" }
    retry: { backoff: 10ms..50ms }
    timeout: 2s
  keyed:
    kind: webhook
    call: keyed POST /v1/keyed
    key: ${input.id}
    body: { id: "${input.id}" }
    retry: { attempts: 3, backoff: 10ms..50ms }
    timeout: 2s
""" + FAR


class Provider:
    """examples/provider.py as a process of its own."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([sys.executable, str(ROOT / "examples/provider.py"), *arguments],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("provider ready on "), line
        self.url = line.split()[-1]
        self.port = int(self.url.rsplit(":", 1)[1])

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, text
            return json.loads(text)
        finally:
            connection.close()

    def set(self, **settings):
        return self.ask("POST", "/_control", settings)

    def effects(self, by="id"):
        return self.ask("GET", "/_effects?by=" + by)

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


def wait_requests(provider, count):
    """Until so many requests have reached the provider; a process of its own, so there is nothing to wait on."""
    for _ in range(5000):
        if provider.effects()["requests"] >= count:
            return
        threading.Event().wait(0.005)
    raise AssertionError("only %d requests came" % provider.effects()["requests"])


class World:
    """`with World(tmp_path) as world:` starts two providers and the daemon."""

    def __init__(self, folder, policy=POLICY, installation="", upstream="", upstreams=""):
        self.plain, self.keyed = Provider(), Provider("--keys")
        text = INSTALLATION.split("upstreams:")[0].replace("[invoice-reminders]", "[stories]").replace(
            "[inquiry-routing]", "[stories]") + installation
        text += "upstreams:\n  plain: { url: \"%s\" %s}\n  keyed:\n    url: %s\n    idempotency: { header: Idempotency-Key, keeps: 24h }\n" % (
            self.plain.url, upstream, self.keyed.url) + upstreams
        self.daemon = Daemon(install(folder, text, {"stories.yaml": policy}), token="ben")

    def __enter__(self):
        self.daemon.start()
        return self

    def __exit__(self, *unused):
        try:
            self.daemon.stop(expect=None)
        finally:
            self.plain.close()
            self.keyed.close()

    def submit(self, step, id, **more):
        more.setdefault("token", "billing-cron")
        return self.daemon.submit("stories", step, {"id": id}, **more)

    def find(self, step, id):
        items = self.daemon.get("/v1/actions?workflow=stories&step=%s&key=%s" % (step, id)).json["items"]
        return items[0] if items else None

    def wait(self, step, id, *states):
        """The action once it is in one of these states (asks again with the same key, which waits)."""
        for _ in range(1200):
            answer = self.submit(step, id, headers={"Prefer": "wait=1"})
            action = answer.json if "action" in answer.json and isinstance(answer.json["action"], str) else answer.json["action"]
            if action["state"] in states:
                return action
            if action["state"] in ("held", "in_review", "uncertain"):  # answered at once: what it waits for has no event here
                threading.Event().wait(0.05)
        raise AssertionError("never %s: %s" % (states, action))

    def unended(self):
        items, cursor = [], ""
        while cursor is not None:
            page = self.daemon.get("/v1/actions?workflow=stories&limit=500" + (cursor and "&cursor=" + cursor)).json
            items += [i for i in page["items"] if i["state"] in ("attempting", "waiting", "held", "in_review", "uncertain")]
            cursor = page["next"]
        return items


class Crowd:
    """Threads that do one thing over and over until they are told to end; their failures are kept."""

    def __init__(self, count, work):
        self.ending = threading.Event()
        self.failures = []
        self.threads = [threading.Thread(target=self.run, args=(work, n), daemon=True) for n in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self, work, n):
        try:
            while not self.ending.is_set():
                work(n)
        except Exception as e:  # noqa: BLE001 - told by end()
            self.failures.append(e)

    def end(self):
        self.ending.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), "a caller hangs"
        if self.failures:
            raise self.failures[0]
