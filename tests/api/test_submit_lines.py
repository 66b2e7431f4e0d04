"""Many submits in one call, one a line: each has its own answer, none stops another, and over kill -9 the same
lines again are the same actions."""
import json, os, random, threading

from interlock_client import INSTALLATION, Daemon, install
from story_world import World
from test_api_verify import verify_files

PATH = "/v1/workflows/%s/steps/%s/actions"
ROUNDS = int(os.environ.get("ROUNDS", "4"))


def send(daemon, lines, workflow="stories", step="keyed", query="", wait=20, token="billing-cron", **headers):
    body = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines).encode()
    return daemon.request("POST", PATH % (workflow, step) + query, body, token=token,
                          headers={"Content-Type": "application/x-ndjson", "Prefer": "wait=%d" % wait, **headers})


def reminder(invoice, **more):
    return {"input": {"invoice": invoice, "stage": 1, "balance": 420, "email": "m@example.org", **more}}


def test_each_line_has_its_own_answer(shared):
    lines = [reminder("LINE-1"), reminder("LINE-2", balance=0), "", reminder("LINE-3", balance=20000),
             dict(reminder("LINE-4"), key="LINE-4:1"), dict(reminder("LINE-5"), key="another"), '{"input": {',
             dict(reminder("LINE-6"), imput=1), reminder("LINE-1"), reminder("LINE-1", email="b@example.org"),
             {"words": {"invoice": "LINE-7", "stage": "1", "balance": "1", "email": "m@example.org"}, "run": "R-1"}]
    answer = send(shared, lines, "invoice-reminders", "send_reminder")
    assert answer.status == 200 and answer.headers["preference-applied"] == "wait=20", answer
    said = [(line["line"], line["status"], line["answer"].get("type", line["answer"].get("state")).split(":")[-1])
            for line in answer.json]
    assert said == [(1, 200, "done"), (2, 403, "rejected"), (4, 202, "in_review"), (5, 200, "done"), (6, 400, "key-differs"),
                    (7, 400, "bad-json"), (8, 422, "bad-body"), (9, 200, "done"), (10, 422, "key-conflict"),
                    (11, 200, "done")], answer.text
    by_line = {line["line"]: line["answer"] for line in answer.json}
    assert by_line[9]["action"] == by_line[1]["action"] and by_line[9]["replayed"] is True
    assert by_line[11]["run"] == "R-1"
    again = send(shared, lines, "invoice-reminders", "send_reminder")
    assert all(line["answer"].get("replayed", True) for line in again.json if line["status"] != 422)
    ids = [[line["answer"].get("action") for line in one.json if line["status"] != 422] for one in (answer, again)]
    assert ids[0] == ids[1]


def test_a_dry_run_of_lines_stores_nothing(shared):
    before = shared.sandbox()["effects"]
    answer = send(shared, [reminder("LINE-DRY"), reminder("LINE-DRY", balance=0)], "invoice-reminders", "send_reminder",
                  "?dry_run=1")
    assert [line["answer"]["says"] for line in answer.json] == ["go", "reject"], answer.text
    assert shared.sandbox()["effects"] == before
    assert shared.get("/v1/actions?key=LINE-DRY:1").json["items"] == []


def test_a_body_that_is_refused_whole_takes_no_line(shared):
    for lines, status, says in (([], 422, "there is no line"), (501 * [reminder("LINE-MANY")], 422, "LIMIT_SUBMIT_LINES")):
        answer = send(shared, lines, "invoice-reminders", "send_reminder")
        assert answer.status == status and says in answer.json["detail"], answer
    answer = send(shared, [reminder("LINE-MANY")], "invoice-reminders", "send_reminder", **{"Idempotency-Key": "k"})
    assert answer.status == 400 and "each line has its own" in answer.json["detail"]
    assert send(shared, [reminder("LINE-MANY")], "invoice-reminders", "send_reminder", token="helpdesk-bot").status == 403
    assert send(shared, [reminder("LINE-MANY")], "invoice-reminders", "send_reminder", **{"Content-Encoding": "gzip"}).status == 415
    assert shared.get("/v1/actions?key=LINE-MANY:1").json["items"] == []


def test_what_has_no_room_is_said_line_by_line(tmp_path):
    """`limits.unended` is reached in the middle: what was taken stays, the rest may be sent again."""
    installation = INSTALLATION + "limits: { unended: 3 }\n"
    with Daemon(install(tmp_path, installation)) as daemon:
        lines = [reminder("ROOM-%d" % i, balance=20000) for i in range(5)]  # each waits for a person
        answer = send(daemon, lines, "invoice-reminders", "send_reminder", wait=0)
        assert [line["status"] for line in answer.json] == [202, 202, 202, 503, 503], answer.text
        assert all(line["answer"]["retryable"] for line in answer.json if line["status"] == 503)


def test_a_stop_between_two_bodies(shared):
    stop = shared.post("/v1/stops", {"scope": {"workflow": "invoice-reminders"}, "reason": "rehearsal"}).json
    answer = send(shared, [reminder("STOP-%d" % i) for i in range(3)], "invoice-reminders", "send_reminder")
    assert [line["answer"]["state"] for line in answer.json] == ["held"] * 3, answer.text
    shared.restart(stop["incident"], "rehearsed")


def test_lines_over_kill_9(tmp_path):
    """Killed while a body of lines is worked on, then the same body again: each key is one action with one effect."""
    dice = random.Random(int(os.environ.get("SEED", "7")))
    with World(tmp_path) as world:
        world.keyed.set(mode="effect-drop", share=0.1, seed=3, times=None)
        told = {}
        for turn in range(ROUNDS):
            lines = [{"input": {"id": "n%d-%d" % (turn, i)}} for i in range(200)]
            got = []

            def work():
                try:
                    got.append(send(world.daemon, lines, wait=60))
                except OSError:
                    pass  # killed
                except Exception as e:  # http.client: an answer that was cut
                    assert "Incomplete" in repr(e) or "Remote" in repr(e) or "BadStatus" in repr(e), e

            sender = threading.Thread(target=work)
            sender.start()
            want = world.keyed.effects()["requests"] + dice.randrange(1, 150)
            while sender.is_alive() and world.keyed.effects()["requests"] < want:
                threading.Event().wait(0.002)
            world.daemon.kill()
            sender.join()
            proof = verify_files(tmp_path)
            assert proof.returncode == 0, proof
            world.daemon.start()
            for answer in got + [send(world.daemon, lines, wait=60)]:
                for line, sent in zip(answer.json, lines):
                    assert line["status"] in (200, 202), line
                    id = line["answer"]["action"]
                    assert told.setdefault(sent["input"]["id"], id) == id, "one key, two actions"
        world.keyed.set(mode="ok")
        for id in told:
            assert world.wait("keyed", id, "done", "failed", "uncertain", "held")
        effects = world.keyed.effects()
        assert effects["twice"]["by"] == 0 and effects["effects"] <= len(told), effects
        assert len(told) == 200 * ROUNDS
