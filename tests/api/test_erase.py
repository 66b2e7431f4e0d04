"""R24: what was said of an ended action is erased for good; that it was, and its key, stay."""
import subprocess

import pytest

from interlock_client import BUILD, INSTALLATION, REMINDERS, ROUTING, TOKENS, Daemon, install
from test_api_caller import JOBS

SECRET_WORDS = "very-private-address@example.org"


@pytest.fixture
def daemon(tmp_path):
    with Daemon(install(tmp_path)) as daemon:
        yield daemon


def files_hold(daemon, word):
    return any(word.encode() in p.read_bytes() for p in (daemon.folder / "data").rglob("*") if p.is_file())


def erase(daemon, action, token=None, **more):
    return daemon.post("/v1/admin/erase", dict({"action": action, "reason": "asked for by the customer"}, **more), token=token)


def verified(daemon):
    return subprocess.run([str(BUILD / "interlock"), "verify", "--config", str(daemon.folder / "interlock.yaml")],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def test_an_ended_action_is_erased(daemon):
    done = daemon.remind("INV-1", email=SECRET_WORDS).json
    assert done["state"] == "done" and done["response"]
    assert files_hold(daemon, SECRET_WORDS)
    erased = erase(daemon, done["action"])
    assert erased.status == 200 and erased.json["erased_at"], erased
    for _ in range(2):
        again = daemon.remind("INV-1", email=SECRET_WORDS).json
        assert again["action"] == done["action"] and again["state"] == "done" and again["replayed"]
        assert again["response"] is None and again["erased_at"] == erased.json["erased_at"], again
        daemon.kill()
        daemon.start()
    other = daemon.remind("INV-1", email="another@example.org")
    assert other.status == 422 and "erased" in other.json["detail"], other
    log = [r for r in daemon.get("/v1/decisions?last=50").json if "erased" in str(r)]
    assert len(log) == 1 and "ben" in str(log[0]), log
    text = daemon.get("/v1/actions/%s/explain" % done["action"], headers={"Accept": "text/plain"}).text
    assert "INPUT   erased" in text and SECRET_WORDS not in text
    daemon.stop()
    assert not files_hold(daemon, SECRET_WORDS)
    report = verified(daemon)
    assert report.returncode == 0 and "erased" in report.stdout, report.stdout


def test_what_has_not_ended_is_not_erased(daemon):
    waits = daemon.remind("INV-2", balance=20000).json
    assert waits["state"] == "in_review"
    refused = erase(daemon, waits["action"])
    assert refused.status == 409 and "cancel" in refused.json["detail"], refused
    assert daemon.action(waits["action"])["summary"]


def test_who_may_erase_and_how_it_is_asked(daemon):
    done = daemon.remind("INV-3").json
    assert erase(daemon, done["action"], token="billing-cron").status == 403
    assert erase(daemon, "a_0000000000000").status == 404
    assert erase(daemon, "INV-3").status in (400, 422)
    assert erase(daemon, done["action"], reason="").status in (400, 422)
    assert daemon.action(done["action"])["response"]


def test_the_command_erases_a_run(daemon):
    keys = [daemon.remind("INV-%d" % n, run="month-9").json for n in (4, 5)]
    told = subprocess.run([str(BUILD / "interlock"), "erase", "--run", "month-9", "--reason", "retention",
                           "--url", "http://%s:%d" % (daemon.host, daemon.port)], cwd=daemon.folder,
                          env={"INTERLOCK_TOKEN": TOKENS["ben"], "PATH": "/usr/bin"}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)
    assert told.returncode == 0 and told.stdout.count("erased: a_") == 2, told
    for action in keys:
        assert daemon.action(action["action"])["response"] is None


def test_what_comes_after_it_is_noted_without_its_words(tmp_path):
    """A late report says how it ended; what it brought would bring back what was erased (R14, R24)."""
    installation = INSTALLATION.replace("submits: [invoice-reminders]", "submits: [invoice-reminders, nightly-jobs]")
    policies = {"a.yaml": REMINDERS, "b.yaml": ROUTING, "c.yaml": JOBS}
    with Daemon(install(tmp_path, installation, policies)) as daemon:
        given = daemon.submit("nightly-jobs", "run_job", {"job": "J-1"}, token="billing-cron").json
        action, token = given["action"], given["permit"]["token"]
        daemon.post("/v1/actions/%s/begin" % action, {"token": token}, token="billing-cron")
        report = {"token": token, "attempt": 1, "outcome": "ok", "response": {"done": 1}}
        assert daemon.post("/v1/actions/%s/outcome" % action, report, token="billing-cron").json["state"] == "done"
        assert erase(daemon, action).status == 200
        late = dict(report, outcome="failed", response={"to": SECRET_WORDS})
        assert daemon.post("/v1/actions/%s/outcome" % action, late, token="billing-cron").status == 200
        assert daemon.action(action)["who"], "failed against done is a contradiction, and somebody settles it"
        daemon.stop()
        assert not files_hold(daemon, SECRET_WORDS)
        assert verified(daemon).returncode == 0
