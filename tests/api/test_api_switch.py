"""Stop, receipt, incident, restart; status and readiness; tokens, reload, backup, the log and its proof."""
import json, shutil, subprocess, threading, time

import pytest

from interlock_client import BUILD, TOKENS, openapi


def stop(daemon, token="ana", **scope):
    answer = daemon.post("/v1/stops", {"scope": scope, "reason": "looks wrong"}, token=token)
    assert answer.status == 202, answer
    return answer.json


def restart(daemon, receipt):
    answer = daemon.restart(receipt["incident"], "fixed")
    assert answer.status == 202, answer
    return answer.json


def test_stop_and_restart_a_workflow(daemon):
    receipt = stop(daemon, workflow="invoice-reminders")
    assert receipt["stopped_at"] and receipt["reason"] == "looks wrong" and receipt["scope"] == {"workflow": "invoice-reminders"}
    held = daemon.remind("INV-1")
    assert held.status == 202 and held.json["state"] == "held" and held.json["incident"] == receipt["incident"]
    assert daemon.sandbox()["effects"] == 0
    assert daemon.route("T-1").status == 200
    assert [s["id"] for s in daemon.get("/v1/switches", token="billing-cron").json["items"]] == [receipt["id"]]
    assert daemon.get("/v1/switches", token="helpdesk-bot").json["items"] == []
    assert daemon.get("/v1/stops/" + receipt["id"], token="billing-cron").json["held"] == 1
    line = daemon.get("/v1/stops/" + receipt["id"], headers={"Accept": "text/plain"})
    assert line.text.startswith("STOPPED ")
    status = daemon.get("/v1/status").json
    assert status["state"] == "stopped" and status["says"].startswith("NEEDS YOU")
    incident = restart(daemon, receipt)
    assert incident["state"] == "closed" and incident["stops"][0]["in_force"] is False
    again = daemon.post("/v1/incidents/%s/approve" % receipt["incident"])
    assert again.status == 409
    assert daemon.remind("INV-1").json["state"] == "done" and daemon.sandbox()["effects"] == 1


def test_who_may_restart(daemon):
    receipt = stop(daemon, token="billing-cron", workflow="invoice-reminders")
    for token in ("billing-cron", "eve"):
        answer = daemon.post("/v1/incidents/%s/restart" % receipt["incident"], {"reason": "x"}, token=token)
        assert answer.status == 403 and "finance-leads (ana, ben)" in answer.json["detail"]
    note = daemon.post("/v1/incidents/%s/note" % receipt["incident"], {"reason": "they looked wrong"}, token="ana")
    assert note.status == 200 and note.json["why"] == "they looked wrong"
    assert daemon.get("/v1/incidents/" + receipt["incident"]).json["who"]["group"] == "finance-leads"
    assert [i["id"] for i in daemon.get("/v1/incidents?open=1").json["items"]] == [receipt["incident"]]


def test_a_stop_of_everything_survives_a_kill(daemon):
    receipt = stop(daemon)
    daemon.kill()
    daemon.start()
    assert daemon.get("/v1/stops/" + receipt["id"]).json["in_force"] is True
    assert daemon.remind("INV-1").json["state"] == "held" and daemon.route("T-1").json["state"] == "held"
    assert daemon.sandbox()["effects"] == 0


def test_a_stop_with_a_call_under_way(daemon):
    """The receipt never says stopped while something runs."""
    daemon.sandbox("mailer", slow_ms=1500)
    thread = threading.Thread(target=daemon.remind, args=("INV-1",))
    thread.start()
    while daemon.sandbox()["requests"] == 0:
        pass
    receipt = stop(daemon, workflow="invoice-reminders")
    assert receipt["stopped_at"] is None and receipt["under_way"] == 1
    assert receipt["in_flight"][0]["upstream"] == "mailer"
    thread.join()
    receipt = daemon.get("/v1/stops/" + receipt["id"]).json
    assert receipt["stopped_at"] and receipt["ended"] == {"done": 1} and receipt["in_flight"] == []


def test_readiness(daemon):
    ready = daemon.get("/readyz", token="")
    assert ready.status == 200 and ready.json["ready"] is True and isinstance(ready.json["warnings"], list)
    assert daemon.get("/healthz", token="").json == {"status": "ok"}


def test_status_text(daemon):
    text = daemon.get("/v1/status", headers={"Accept": "text/plain"}).text
    assert text.startswith("Nothing needs you.") and "invoice-reminders" in text
    own = daemon.get("/v1/status?format=text", token="billing-cron").text.splitlines()
    assert [line for line in own if line.startswith("invoice-reminders")]
    assert not [line for line in own if line.startswith("inquiry-routing")]


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_metrics_are_clean(daemon):
    daemon.remind("INV-1")
    daemon.remind("INV-1")
    stop(daemon, workflow="invoice-reminders")
    text = daemon.get("/metrics").text
    found = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    assert found.returncode == 0 and not found.stdout and not found.stderr, found
    for line in ('interlock_actions_total{workflow="invoice-reminders",state="done"} 1',
                 'interlock_replays_total{workflow="invoice-reminders"} 1',
                 'interlock_attempts_total{upstream="mailer",outcome="ok"} 1', "interlock_stops 1"):
        assert line in text.splitlines(), line


def test_tokens(daemon):
    made = daemon.post("/v1/admin/tokens", {"name": "billing-cron"})
    assert made.status == 201 and made.headers["cache-control"] == "no-store"
    token, id = made.json["token"], made.json["id"]
    assert daemon.remind("INV-1", token=token).status == 200
    listed = daemon.get("/v1/admin/tokens")
    assert [t["id"] for t in listed.json["items"]] == [id] and token not in listed.text
    daemon.stop()
    daemon.start()
    assert daemon.remind("INV-1", token=token).status == 200
    assert daemon.post("/v1/admin/tokens/%s/revoke" % id).status == 200
    refused = daemon.remind("INV-1", token=token)
    assert refused.status == 401 and "invalid_token" in refused.headers["www-authenticate"]
    assert daemon.post("/v1/admin/tokens/%s/revoke" % id).status == 404
    assert token not in daemon.said()


def test_a_token_never_leaves_in_an_answer(daemon):
    answer = daemon.get("/v1/status", token="not-" + TOKENS["ana"])
    assert answer.status == 401 and TOKENS["ana"] not in answer.text


def test_reload_is_all_or_nothing(daemon):
    policy = daemon.folder / "policies" / "invoice-reminders.yaml"
    good = policy.read_text()
    policy.write_text(good.replace("balance > 10000", "balance > 100"))
    before = daemon.post("/v1/admin/reload")
    assert before.status == 200, before
    assert daemon.remind("INV-1").json["state"] == "in_review"
    policy.write_text(good.replace("mode: auto", "mode: atuo"))
    bad = daemon.post("/v1/admin/reload")
    assert bad.status == 422 and "invoice-reminders.yaml" in bad.json["detail"], bad
    assert "the former configuration stays in force" in bad.json["detail"], bad
    assert daemon.remind("INV-2").json["state"] == "in_review"


def test_a_rename_keeps_stops_keys_and_held_work(daemon):
    """R7, R28: `was:` of a step and of its workflow, with another key template in the same reload."""
    assert daemon.remind("INV-1").json["state"] == "done"
    receipt = stop(daemon, workflow="invoice-reminders", step="send_reminder")
    held = daemon.remind("INV-2").json
    assert held["state"] == "held"
    policy = daemon.folder / "policies" / "invoice-reminders.yaml"
    text = policy.read_text()
    text = text.replace("workflow: invoice-reminders", "workflow: dunning\nwas: invoice-reminders", 1)
    text = text.replace("  send_reminder:\n", "  send_letter:\n    was: send_reminder\n", 1)
    key = next(line for line in text.splitlines() if line.strip().startswith("key:"))
    text = text.replace(key, key.replace("key: ", "key: L-") + "\n" + key.replace("key:", "key_was:"), 1)
    policy.write_text(text)
    main = daemon.folder / "interlock.yaml"
    main.write_text(main.read_text().replace("submits: [invoice-reminders]", "submits: [dunning]"))
    answer = daemon.post("/v1/admin/reload")
    assert answer.status == 200, answer
    data = {"invoice": "INV-1", "stage": 1, "balance": 420, "email": "m@example.org"}

    def letter(invoice):
        return daemon.submit("dunning", "send_letter", dict(data, invoice=invoice), token="billing-cron").json

    assert letter("INV-3")["state"] == "held", "the stop names the step as it was"
    for _ in range(2):
        daemon.kill()
        daemon.start()
        assert letter("INV-4")["state"] == "held"
    restart(daemon, receipt)
    assert daemon.get("/v1/actions/%s" % held["action"], headers={"Prefer": "wait=5"}).status in (200, 202)
    for _ in range(100):
        state = daemon.get("/v1/actions/%s" % held["action"]).json["state"]
        if state == "done":
            break
        time.sleep(0.05)
    assert state == "done", state
    before = daemon.sandbox()["effects"]
    assert letter("INV-1")["state"] == "done" and daemon.sandbox()["effects"] == before


def test_a_second_rename_still_finds_the_first_name(daemon):
    """R7: keys, stops and `explain` of the first name, key template and workflow, two renames later."""
    done = daemon.remind("INV-1").json
    receipt = stop(daemon, workflow="invoice-reminders", step="send_reminder")
    policy = daemon.folder / "policies" / "invoice-reminders.yaml"
    first = policy.read_text()
    key = next(line for line in first.splitlines() if line.strip().startswith("key:"))
    main = daemon.folder / "interlock.yaml"
    services = main.read_text()

    def rename(workflow, was, step, step_was, key_line, key_was):
        text = first.replace("workflow: invoice-reminders", "workflow: %s\nwas: %s" % (workflow, was), 1)
        text = text.replace("  send_reminder:\n", "  %s:\n    was: %s\n" % (step, step_was), 1)
        policy.write_text(text.replace(key, key_line + "\n    key_was: " + key_was, 1))
        main.write_text(services.replace("submits: [invoice-reminders]", "submits: [%s]" % workflow))
        return daemon.post("/v1/admin/reload")

    plain = key.split("key:")[1].strip().strip("'\"")
    assert rename("dunning", "invoice-reminders", "letter", "send_reminder", "    key: \"a-%s\"" % plain, "\"%s\"" % plain).status == 200
    forgotten = rename("claims", "dunning", "claim", "letter", "    key: \"b-%s\"" % plain, "\"a-%s\"" % plain)
    assert forgotten.status == 422, "the first name and key would be forgotten"
    for word in ("IL802", "IL804", "invoice-reminders", "send_reminder"):
        assert word in forgotten.json["detail"], forgotten
    twice = rename("claims", "[dunning, invoice-reminders]", "claim", "[letter, send_reminder]", "    key: \"b-%s\"" % plain,
                   "[\"a-%s\", \"%s\"]" % (plain, plain))
    assert twice.status == 200, twice
    data = {"invoice": "INV-1", "stage": 1, "balance": 420, "email": "m@example.org"}
    again = daemon.submit("claims", "claim", data, token="billing-cron").json
    assert again["action"] == done["action"] and again["replayed"], again
    held = daemon.submit("claims", "claim", dict(data, invoice="INV-2"), token="billing-cron").json
    assert held["state"] == "held", "the stop names the step as it was first"
    found = daemon.get("/v1/actions?key=%s&workflow=claims" % done["key"]).json["items"]
    assert [f["action"] for f in found] == [done["action"]], found
    restart(daemon, receipt)


def test_fewer_attempts_by_a_reload(daemon):
    """What was started before stays as it is, and the daemon lives."""
    policy = daemon.folder / "policies" / "invoice-reminders.yaml"
    daemon.sandbox("mailer", status=429, times=9)
    action = daemon.remind("INV-1", headers={"Prefer": "respond-async"}).json["action"]
    while daemon.sandbox()["requests"] < 2:
        time.sleep(0.02)
    policy.write_text(policy.read_text().replace("    body:", "    retry: { attempts: 1 }\n    body:", 1))
    answer = daemon.post("/v1/admin/reload")
    assert answer.status == 200, answer
    for _ in range(200):
        state = daemon.action(action)["state"]
        if state not in ("waiting", "attempting"):
            break
        time.sleep(0.05)
    assert state in ("in_review", "held"), state


def test_backup(daemon, tmp_path):
    daemon.remind("INV-1")
    target = tmp_path / "copy.db"
    answer = daemon.post("/v1/admin/backup", {"path": str(target)})
    assert answer.status == 200 and answer.json["path"] == str(target), answer
    assert target.exists() or any(tmp_path.glob("copy.db*"))
    again = daemon.post("/v1/admin/backup", {"path": str(target)})
    assert again.status >= 400


def test_the_log(daemon):
    daemon.remind("INV-1")
    lines = daemon.get("/v1/decisions").json
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert {"policy", "serving", "admitted", "outcome"} <= {line["record"]["kind"] for line in lines}
    assert "m@example.org" not in daemon.get("/v1/decisions").text
    text = daemon.get("/v1/decisions?last=2", headers={"Accept": "text/plain"}).text.splitlines()
    assert len(text) == 2 and "INV-1:1" in text[1] and "done" in text[1]
    own = daemon.get("/v1/decisions", token="helpdesk-bot")
    assert own.json == []


def test_the_log_is_followed(daemon):
    connection = daemon.connect()
    connection.request("GET", "/v1/decisions?follow=1&from=1", headers={"Authorization": "Bearer " + TOKENS["ben"]})
    answer = connection.getresponse()
    assert answer.status == 200 and answer.getheader("content-type") == "application/jsonl"
    kinds = [json.loads(answer.readline())["record"]["kind"] for _ in range(2)]
    assert kinds == ["policy", "serving"]
    daemon.remind("INV-1")
    kinds = [json.loads(answer.readline())["record"]["kind"] for _ in range(2)]
    assert kinds == ["admitted", "outcome"]
    connection.close()
    daemon.remind("INV-2")
    assert daemon.get("/healthz").status == 200


def test_the_proof_of_a_live_store(daemon):
    for n in range(40):
        daemon.remind("INV-%d" % n, email="m%d@example.org" % n)
    receipt = stop(daemon, workflow="invoice-reminders")
    restart(daemon, receipt)
    report = daemon.get("/v1/decisions/verify").json
    while report["next"]:
        report = daemon.get("/v1/decisions/verify?cursor=" + report["next"]).json
    assert report["good"] and report["ended"] == 40 and report["stops"] == 1, report
    assert daemon.get("/v1/decisions/verify?head=" + report["head"]).json["good"]
    other = report["head"][:-1] + ("0" if report["head"][-1] != "0" else "1")
    assert not daemon.get("/v1/decisions/verify?head=" + other).json["good"]


def test_bad_requests_over_the_wire(daemon):
    path = "/v1/workflows/invoice-reminders/steps/send_reminder/actions"
    for body, status in ((b"", 400), (b"{", 400), (b'{"input":{},"input":{}}', 400), (b"[" * 100000, 400), (b'{"input":{"a":1e999}}', 400),
                         (b'{"input":{"a":"\xff"}}', 400), (b'{"inputs":{}}', 422), (b'{"input":{},"confidence":2}', 400),
                         (b'{"input":{"a":"' + b"x" * (1 << 20) + b'"}}', 413)):
        answer = daemon.post(path, body, token="billing-cron")
        assert answer.status == status and answer.headers["content-type"] == "application/problem+json", (body[:40], answer)
    assert daemon.request("POST", path, b'{"input":{}}', token="billing-cron", headers={"Content-Type": "text/plain"}).status == 415
    assert daemon.get("/v1/nothing").status == 404 and daemon.request("PUT", "/v1/stops", b"{}").status == 405
    assert daemon.request("HEAD", "/v1/status").status == 200
    assert daemon.remind("INV-1").status == 200


def test_the_file_was_held_against_most_operations():
    """Runs last in this file: what was asked here, each answer validated."""
    asked = {operation for operation, _ in openapi().seen}
    assert len(asked) >= 20, asked
