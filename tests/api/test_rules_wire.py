"""Slow and rude callers (R30): they get an answer or are dropped, and they stand in nobody's way."""
import socket

from interlock_client import TOKENS

PATH = "/v1/workflows/invoice-reminders/steps/send_reminder/actions"
HEAD = "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n" % (PATH, TOKENS["billing-cron"])


def dial(daemon, text):
    peer = socket.create_connection((daemon.host, daemon.port), timeout=60)
    peer.sendall(text.encode())
    return peer


def answer(peer):
    """All that comes until the daemon closes."""
    out = b""
    while True:
        try:
            part = peer.recv(65536)
        except ConnectionResetError:
            return out
        if not part:
            return out
        out += part


def test_slow_senders_end_and_hold_nobody_up(daemon):
    """Requests that never become whole: told 408 after ten seconds; meanwhile all the others are served."""
    slow = [dial(daemon, HEAD[:40])] + [dial(daemon, HEAD + "Content-Length: 500\r\n\r\n{\"input\":") for _ in range(20)]
    half_gone = dial(daemon, HEAD + "Content-Length: 500\r\n\r\n{")
    half_gone.close()
    for n in range(20):
        assert daemon.remind("INV-%d" % n).json["state"] == "done"
    assert daemon.post("/v1/stops", {"scope": {"workflow": "inquiry-routing"}}).status == 202
    for peer in slow:
        text = answer(peer)
        assert text == b"" or text.startswith(b"HTTP/1.1 408 "), text
        peer.close()
    assert len(daemon.get("/v1/actions?workflow=invoice-reminders&limit=100").json["items"]) == 20  # nothing half done
    assert daemon.remind("INV-0").json["replayed"]


def test_bad_framing_is_refused_and_ends_the_connection(daemon):
    for more in ("Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
                 "Content-Length: -1\r\n\r\n", "Content-Length : 2\r\n\r\n{}", "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
                 "Transfer-Encoding: gzip\r\n\r\n", "X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}", "\0: 1\r\n\r\n"):
        peer = dial(daemon, HEAD + more)
        text = answer(peer)
        peer.close()
        assert text.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 ")), (more, text)
        assert text.count(b"HTTP/1.1") == 1, "a second request was read out of it: %r" % text
    assert daemon.get("/v1/actions?workflow=invoice-reminders").json["items"] == []
    assert daemon.remind("INV-1").json["state"] == "done"


def test_a_caller_that_leaves_cancels_nothing(daemon):
    daemon.sandbox("mailer", slow_ms=300)
    body = '{"input":{"invoice":"INV-9","stage":1,"balance":420,"email":"e@x"}}'
    peer = dial(daemon, HEAD + "Content-Length: %d\r\n\r\n%s" % (len(body), body))
    for _ in range(3000):
        if daemon.sandbox()["requests"]:
            break
    peer.close()
    found = daemon.remind("INV-9", email="e@x", headers={"Prefer": "wait=20"})
    assert found.json["state"] == "done" and found.json["replayed"] and daemon.sandbox()["effects"] == 1
