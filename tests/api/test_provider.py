"""The stand-in provider of the examples (examples/provider.py): each mode does to a client, and to the
counts, what it says."""
import http.client, json, os, signal, socket, subprocess, sys, threading

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATH = "/v1/messages"
BODY = '{"to":"m@example.org","stage":2}'
NO_ANSWER = (http.client.HTTPException, ConnectionError, TimeoutError)


class Provider:
    def __init__(self, *args):
        self.process = subprocess.Popen([sys.executable, os.path.join(ROOT, "examples/provider.py"), *args],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("provider ready on http://127.0.0.1:"), line
        self.port = int(line.rsplit(":", 1)[1])

    def ask(self, method, target, body=None, headers={}, timeout=20):
        """(status, JSON, headers) on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None, answer.headers
        finally:
            connection.close()

    def call(self, key=None, body=BODY, method="POST", target=PATH, timeout=20):
        """Its status; 0 = no whole answer."""
        try:
            return self.ask(method, target, body, {"Idempotency-Key": key} if key else {}, timeout)[0]
        except NO_ANSWER:
            return 0

    def set(self, **settings):
        status, answer, _ = self.ask("POST", "/_control", json.dumps(settings))
        assert status == 200, answer
        return answer

    def effects(self, query=""):
        return self.ask("GET", "/_effects" + query)[1]

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def provider():
    p = Provider()
    yield p
    p.stop()


@pytest.mark.parametrize("mode, status, effects", [
    ("ok", 200, 1), ("slow", 200, 1), ("status:503", 503, 0), ("status:422", 422, 0), ("status:599", 599, 0),
    ("drop", 0, 0), ("effect-drop", 0, 1), ("cut-body", 0, 1), ("not-http", 0, 0), ("refuse", 0, 0),
    ("cut-header", 200, 1)])  # which http.client takes for whole
def test_each_mode(provider, mode, status, effects):
    assert provider.set(mode=mode, times=1)["mode"] == mode
    assert provider.call("k") == status
    assert provider.call("after") == 200  # once only
    report = provider.effects()
    assert report["effects"] == effects + 1
    assert report["by_key"] == ({"k": 1, "after": 1} if effects else {"after": 1})


@pytest.mark.parametrize("mode, effects", [("hang", 0), ("effect-hang", 1)])
def test_it_hangs_until_the_client_goes(provider, mode, effects):
    provider.set(mode=mode, times=1)
    assert provider.call("k", timeout=0.2) == 0
    assert provider.effects()["effects"] == effects


def test_it_is_down_for_a_while(provider):
    connection = http.client.HTTPConnection("127.0.0.1", provider.port, timeout=20)

    def control(**settings):
        connection.request("POST", "/_control", json.dumps(settings))
        assert connection.getresponse().read()
    control(mode="down", for_ms=600000)
    with pytest.raises(ConnectionRefusedError):
        provider.ask("POST", PATH, BODY)
    control(mode="ok")  # on the connection that stayed
    connection.request("GET", "/_effects")
    assert json.loads(connection.getresponse().read())["requests"] == 0
    assert provider.call("k") == 200
    control(mode="down", for_ms=1)
    while True:  # until its time is over
        try:
            assert provider.ask("POST", PATH, BODY)[0] == 200
            break
        except ConnectionError:
            pass
    connection.close()


def test_what_a_cut_answer_looks_like(provider):
    def raw(mode):
        provider.set(mode=mode, times=1)
        with socket.create_connection(("127.0.0.1", provider.port), timeout=20) as s:
            s.sendall(b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
            got = b""
            while part := s.recv(4096):
                got += part
            return got
    head, _, body = raw("cut-body").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n") and b"Content-Length: 32" in head and 0 < len(body) < 32
    cut = raw("cut-header")
    assert cut.startswith(b"HTTP/1.1 200 OK\r\n") and b"\r\n\r\n" not in cut
    assert raw("not-http").startswith(b"220 ")
    assert raw("drop") == b""


def test_keys_are_honoured_when_told_to(provider):
    assert [provider.call("k"), provider.call("k")] == [200, 200]
    report = provider.effects()
    assert report["by_key"] == {"k": 2} and report["twice"] == {"by_key": 1, "by_payload": 1}
    provider.ask("POST", "/_reset")
    provider.set(keys=True)
    answers = [provider.ask("POST", PATH, BODY, {"idempotency-key": "k"})[1] for _ in range(3)]
    assert answers[0] == answers[1] == answers[2] == {"id": "m_1", "status": "accepted"}
    assert provider.call("k", body="{}") == 422
    report = provider.effects()
    assert (report["requests"], report["effects"], report["repeats"], report["conflicts"]) == (4, 1, 2, 1)
    provider.set(key_header="X-Key")
    assert [provider.call("k"), provider.effects()["effects"]] == [200, 2]


def test_a_lost_answer_is_found_by_its_key(provider):
    provider.set(mode="effect-drop", times=1, keys=True)
    assert [provider.call("k"), provider.call("k")] == [0, 200]
    assert provider.effects()["twice"]["by_key"] == 0


def test_the_share_does_not_depend_on_the_order(provider):
    keys = ["INV-%04d:2" % n for n in range(200)]

    def lost(order):
        provider.ask("POST", "/_reset")
        provider.set(mode="effect-drop", share=0.1, seed=7)
        return {key for key in order if provider.call(key) == 0}
    first = lost(keys)
    assert 8 <= len(first) <= 35
    assert lost(keys[::-1]) == first
    assert provider.effects()["hits"] == {"effect-drop": len(first)}
    provider.set(seed=8)
    assert {key for key in keys if provider.call(key) == 0} != first


def test_effects_by_field_and_path(provider):
    for n, to in enumerate(["a", "b", "a", "a"]):
        provider.call(body=json.dumps({"to": to, "n": n}))
    provider.call(method="PUT", target="/tickets/7/team", body='{"team":"billing"}')
    provider.call(body="no JSON")
    report = provider.effects("?by=to")
    assert report["by"] == {"a": 3, "b": 1} and report["twice"] == {"by_key": 0, "by_payload": 0, "by": 1}
    assert provider.effects("?by=@path")["by"] == {PATH: 5, "/tickets/7/team": 1}
    assert provider.effects("?by=n")["by"] == {"0": 1, "1": 1, "2": 1, "3": 1}


def test_what_happened_can_be_asked(provider):
    provider.call("k1", body='{"reference":"INV-1:2"}')
    provider.call("k2", body='{"reference":"INV-2:2"}')
    assert provider.ask("GET", PATH)[1]["count"] == 2
    status, answer, _ = provider.ask("GET", PATH + "?reference=INV-1%3A2")
    assert (status, answer["count"], answer["items"][0]["key"]) == (200, 1, "k1")
    assert provider.ask("GET", PATH + "?key=k3")[1] == {"count": 0, "items": []}
    assert provider.ask("HEAD", PATH)[:2] == (200, None)
    assert provider.effects()["effects"] == 2


def test_tables_are_looked_up(tmp_path):
    (tmp_path / "invoices.csv").write_text("invoice,balance,email\nINV-1,420.5,a@b.c\nINV-2,-3,d@e.f\n")
    p = Provider("--table", "/invoices=%s" % (tmp_path / "invoices.csv"), "--mode", "status:503", "--share", "0")
    try:
        assert p.ask("GET", "/invoices/INV-1")[1] == {"invoice": "INV-1", "balance": 420.5, "email": "a@b.c"}
        assert p.ask("GET", "/invoices/INV%2D2")[1]["balance"] == -3
        assert p.ask("GET", "/invoices/INV-3")[0] == 404
        assert p.ask("POST", "/_rows", '{"/invoices/INV-1":{"balance":0}}')[0] == 200
        assert p.ask("GET", "/invoices/INV-1")[1] == {"invoice": "INV-1", "balance": 0, "email": "a@b.c"}
        for wrong in ('{"/invoices/INV-1":{"balance":9},"/invoices/INV-3":{}}', '{"/x":{}}', '{"/invoices/INV-1":5}', "[]", "{}", "{"):
            assert p.ask("POST", "/_rows", wrong)[0] == 400
        assert p.ask("GET", "/invoices/INV-1")[1]["balance"] == 0
    finally:
        p.stop()


def test_retry_after_and_delay(provider):
    provider.set(mode="status:429", times=1, retry_after=3)
    assert provider.ask("POST", PATH, BODY)[2]["Retry-After"] == "3"
    provider.set(mode="slow", delay_ms=60000)
    with pytest.raises(TimeoutError):
        provider.ask("POST", PATH, BODY, timeout=0.2)
    assert provider.effects()["effects"] == 1  # before its answer


@pytest.mark.parametrize("settings", [
    {"mode": "nonsense"}, {"mode": "status:99"}, {"mode": "status:abc"}, {"share": 2}, {"times": -1}, {"times": 1.5},
    {"keys": 1}, {"delay_ms": True}, {"unknown": 1}, [], "ok"])
def test_bad_settings_change_nothing(provider, settings):
    status, answer, _ = provider.ask("POST", "/_control", json.dumps(settings))
    assert status == 400 and answer["error"]
    assert provider.set()["mode"] == "ok"
    assert provider.ask("POST", "/_control", "{")[0] == 400


def test_bad_requests_are_refused(provider):
    def raw(text):
        with socket.create_connection(("127.0.0.1", provider.port), timeout=20) as s:
            s.sendall(text)
            return s.recv(4096)[:12]
    assert raw(b"nonsense\r\n\r\n") == b"HTTP/1.1 400"
    assert raw(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n") == b"HTTP/1.1 411"
    assert raw(b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n") == b"HTTP/1.1 413"
    assert raw(b"A" * 70000) == b"HTTP/1.1 400"


def test_many_connections_and_pieces(provider):
    """Requests in pieces and back to back, on kept connections, from several threads."""
    def work(n):
        with socket.create_connection(("127.0.0.1", provider.port), timeout=20) as s:
            one = b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nIdempotency-Key: %d-%d\r\nContent-Length: 2\r\n\r\n{}"
            text = b"".join(one % (n, i) for i in range(50))
            for at in range(0, len(text), 97):
                s.sendall(text[at:at + 97])
            got = b""
            while got.count(b"accepted") < 50:
                part = s.recv(65536)
                assert part
                got += part
    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    report = provider.effects()
    assert report["effects"] == 400 and len(report["by_key"]) == 400 and report["twice"]["by_key"] == 0


@pytest.mark.parametrize("end", ["stdin", "SIGTERM"])
def test_it_ends(provider, end):
    if end == "stdin":
        provider.process.stdin.close()
    else:
        provider.process.send_signal(signal.SIGTERM)
    assert provider.process.wait(timeout=20) == 0
