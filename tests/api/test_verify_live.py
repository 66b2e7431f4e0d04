"""R25: verify on a store that is at work: no false alarm, short pages, and no checkpoint that waits for it.
VERIFY_SECONDS=20 for a longer look."""
import itertools, os, sqlite3, threading, time

from interlock_client import Daemon
from story_world import Crowd
from test_api_verify import verify_files, verify_live
from test_triggers import signal, tell, world

SECONDS = float(os.environ.get("VERIFY_SECONDS", "3"))
PAGE_S = 2.0  # a request of 16 pages, beside eight callers, under the sanitizers


def pages(daemon):
    """Each answer of one proof."""
    answer = daemon.get("/v1/decisions/verify").json
    yield answer
    while answer["next"]:
        answer = daemon.get("/v1/decisions/verify?cursor=" + answer["next"]).json
        yield answer


def test_no_false_alarm_under_load(tmp_path):
    """Eight callers move actions, triggers, repeats, audits, labels, signals; people come and go. Each proof is good,
    and what it has not compared it names; at the end all of it is proven without the daemon."""
    numbers = itertools.count()
    with Daemon(world(tmp_path, "many: alert if volume > 5 in 1h", "again: alert if repeat(input.to) > 30 in 1d",
                      "drifts: alert if posted(drift) > 3")) as daemon:
        def call(n):
            number = next(numbers)
            action = tell(daemon, number, to="c%d@example.org" % (number % 50), step=("tell", "other")[number % 2])
            assert action.status in (200, 202), action
            if number % 4 == 0:
                daemon.post("/v1/workflows/w/labels", {"action": action.json["action"], "label": "right"}, token="helpdesk-bot")
            if number % 10 == 0:
                assert signal(daemon, "s%d" % number, number % 7).status == 200
            if number % 40 == 0:
                assert daemon.post("/v1/admin/away", {"until": "2090-12-01"}, token="eve").status == 200
                assert daemon.post("/v1/admin/away", {"back": True}, token="eve").status == 200

        crowd = Crowd(8, call)
        proofs, moved, slowest = 0, set(), 0.0
        until = time.monotonic() + SECONDS
        while time.monotonic() < until or proofs < 3:
            begin, last = time.monotonic(), None
            for last in pages(daemon):
                slowest = max(slowest, time.monotonic() - begin)
                begin = time.monotonic()
            assert last["good"], last["text"]
            moved |= set(last["moved"])
            proofs += 1
            beside = verify_files(tmp_path)  # over the files, though somebody serves them
            assert beside.returncode == 0, beside
        crowd.end()
        assert slowest < PAGE_S, "a page took %.1f s" % slowest
        assert moved <= {"the keys", "the counters", "what triggers have counted", "the repeats towards a recipient", "the posted signals", "the open audits",
                         "the labels", "who is away", "the messages to people", "who is told next", "the journals of incidents",
                         "the notes of the store", "the incidents", "the budgets of upstreams", "what ended and was not done"}, moved
        last = verify_live(daemon)
        assert last["good"], last["text"]
    found = verify_files(tmp_path)
    assert found.returncode == 0 and "not compared" not in found.stdout, found.stdout


def test_no_checkpoint_waits(tmp_path):
    """Between any two pages of a proof the log can be moved into the database, and cut, by another connection."""
    with Daemon(world(tmp_path)) as daemon:
        for n in range(400):
            tell(daemon, n, headers={"Prefer": "wait=0"})
        database = sqlite3.connect(tmp_path / "data" / "interlock.db", timeout=10)
        count = 0
        for answer in pages(daemon):
            tell(daemon, "p%d" % count, headers={"Prefer": "wait=0"})
            assert database.execute("SELECT seq FROM head").fetchone()
            busy, log, moved = database.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
            assert busy == 0 and log == moved and log >= 0, (count, busy, log, moved)
            count += 1
        database.close()
        assert answer["good"] and count > 2, answer
