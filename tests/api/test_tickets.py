"""A thousand real tickets, with a classifier's real answers, through inquiry-routing: each is decided,
and each can be explained by its ticket. The data is not part of this repository; without it the
example's own tickets are taken, which are fewer."""
import json, os, pathlib, subprocess, sys

from interlock_client import Daemon, install

ROOT = pathlib.Path(__file__).resolve().parents[2]
REPLAY = pathlib.Path(os.environ.get("INTERLOCK_SHARED", ROOT.parent / "shared")) / "tools/replay_tickets.py"


def tickets():
    if REPLAY.exists():
        out = subprocess.run([sys.executable, str(REPLAY), "--count", "1000", "--surge-at", "500", "--seed", "5"],
                             capture_output=True, text=True, check=True).stdout
    else:
        print("%s is not there: the example's own tickets are used" % REPLAY)
        out = (ROOT / "examples/inquiry-routing/tickets.jsonl").read_text()
    return [json.loads(line) for line in out.splitlines()]


def test_each_ticket_is_explained(tmp_path):
    sys.path.insert(0, str(ROOT / "examples/inquiry-routing"))
    text = (ROOT / "examples/interlock.yaml").read_text()
    head, tail = text.split("upstreams:\n")
    text = head + "upstreams:\n" + "".join("  %s: { sandbox: true }\n" % n for n in ("mailer", "billing", "helpdesk", "helpdesk-backup"))
    text = text.replace("127.0.0.1:7070", "127.0.0.1:0")
    folder = install(tmp_path, text, {n + ".yaml": (ROOT / "examples" / n / "policy.yaml").read_text()
                                      for n in ("inquiry-routing", "invoice-reminders")})
    for name in ("cli-token", "ticket-router"):
        secret = folder / "secrets" / name
        secret.write_text("test-token-of-" + name)
        secret.chmod(0o600)
    all_tickets = tickets()
    lines = "".join(json.dumps(t) + "\n" for t in all_tickets)
    with Daemon(folder, token="test-token-of-cli-token") as daemon:
        url = "http://%s:%d" % (daemon.host, daemon.port)
        done = subprocess.run([sys.executable, str(ROOT / "examples/inquiry-routing/route.py"), "-"], input=lines, text=True,
                              capture_output=True, check=True,
                              env=dict(os.environ, INTERLOCK_URL=url, INTERLOCK_TOKEN="test-token-of-ticket-router"))
        assert set(w for w in done.stdout.split() if not w.strip(",").isdigit()) <= {"done", "in_review", "done,", "in_review,"}, done.stdout
        full = 0
        for ticket in all_tickets:
            found = daemon.get("/v1/actions?run=" + ticket["ticket_id"], checked=False).json["items"]
            assert len(found) == 1, ticket
            action = found[0]
            text = daemon.get("/v1/actions/%s/explain" % action["action"], headers={"Accept": "text/plain"}, checked=False).text
            assert text.startswith("ACTION  inquiry-routing / route_ticket   " + ticket["ticket_id"]), text
            is_low = ticket["confidence"] < 0.8
            is_full = is_low and action["state"] == "done"  # as many reviews are open as the policy allows
            if is_full:
                full += 1
                assert action["degraded"] == "low_confidence" and action["response"]["body"]["queue"] == "general", action
                assert "review: 40 of 40 are open" in text, text
                continue
            assert (action["state"] == "in_review") == (is_low or "refund-by-hand" in text and action["state"] == "in_review"), (ticket, text)
            if is_low:
                assert "confidence" in text and action["who"]["group"] == "support", text
