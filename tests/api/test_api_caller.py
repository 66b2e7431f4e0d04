"""Steps that the caller carries out itself (design 4.5, R13): permit, begin, report."""
import subprocess, threading

import pytest

from interlock_client import BUILD, INSTALLATION, ROUTING, Daemon, install

JOBS = """\
workflow: nightly-jobs
purpose: Charge the cards of the day
owner: finance
restart: finance-leads
inform: ana
mode: auto

steps:
  run_job:
    kind: command
    call: caller
    key: ${input.job}
    summary: Job ${input.job}
"""


@pytest.fixture
def jobs(tmp_path):
    installation = INSTALLATION.replace("submits: [invoice-reminders]", "submits: [nightly-jobs]")
    with Daemon(install(tmp_path, installation, {"jobs.yaml": JOBS, "routing.yaml": ROUTING}), token="billing-cron") as daemon:
        yield daemon


def permit(daemon, job, **more):
    return daemon.submit("nightly-jobs", "run_job", {"job": job}, headers={"Prefer": "wait=1"}, **more)


def begin(daemon, action, token):
    return daemon.post("/v1/actions/%s/begin" % action, {"token": token})


def report(daemon, action, token, outcome="ok", attempt=1, **more):
    return daemon.post("/v1/actions/%s/outcome" % action, dict(more, token=token, attempt=attempt, outcome=outcome))


def test_permit_begin_report(jobs):
    answer = permit(jobs, "J-1")
    assert answer.status == 202 and answer.json["state"] == "attempting", answer
    action, token = answer.json["action"], answer.json["permit"]["token"]
    begun = begin(jobs, action, token)
    assert begun.status == 200 and begun.json["attempt"] == 1 and begun.json["lease_until"]
    assert begin(jobs, action, token).json["lease_until"] >= begun.json["lease_until"]
    done = report(jobs, action, token, response={"charged": 1.0})
    assert done.status == 200 and done.json["state"] == "done"
    assert report(jobs, action, token).status == 200
    again = permit(jobs, "J-1")
    assert again.status == 200 and again.json["replayed"] and '{"charged":1.0}' in again.text.replace(" ", "")


def test_two_workers_get_one_permit(jobs):
    """R13: the same job is started twice at once; one answer has the permit, the others say attempting."""
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(permit(jobs, "J-2"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({a.json["action"] for a in answers}) == 1
    assert sum("permit" in a.json for a in answers) == 1
    assert {(a.status, a.json["state"]) for a in answers} == {(202, "attempting")}
    action = answers[0].json["action"]
    assert "permit" not in jobs.action(action)
    assert begin(jobs, action, "0" * 64).status == 409


def test_a_stop_refuses_begin(jobs):
    answer = permit(jobs, "J-3").json
    assert jobs.post("/v1/stops", {"scope": {"workflow": "nightly-jobs"}}).status == 202
    refused = begin(jobs, answer["action"], answer["permit"]["token"])
    assert refused.status == 409 and "stop" in refused.json["detail"], refused


def test_a_report_of_something_else_is_refused(jobs):
    answer = permit(jobs, "J-4").json
    action, token = answer["action"], answer["permit"]["token"]
    assert report(jobs, action, token).status == 409  # never begun
    begin(jobs, action, token)
    assert report(jobs, action, token, attempt=2).status == 409
    assert report(jobs, action, "f" * 64).status == 409
    assert jobs.action(action)["state"] == "attempting"


def test_what_is_reported_uncertain_waits_for_a_person(jobs):
    answer = permit(jobs, "J-5").json
    begin(jobs, answer["action"], answer["permit"]["token"])
    told = report(jobs, answer["action"], answer["permit"]["token"], outcome="uncertain")
    assert told.status == 200 and told.json["state"] == "uncertain" and told.json["who"]["group"] == "finance", told
    by_service = jobs.post("/v1/actions/%s/resolve" % answer["action"], {"happened": True})
    assert by_service.status == 403
    settled = jobs.post("/v1/actions/%s/resolve" % answer["action"], {"happened": True, "evidence": "in the ledger"}, token="ana")
    assert settled.status == 200 and settled.json["state"] == "done"


def test_a_receipt_counts_what_the_caller_carries_out(jobs):
    """R16: a stop says stopped only when no permit of its scope is under way any more."""
    answer = permit(jobs, "J-77").json
    action, token = answer["action"], answer["permit"]["token"]
    assert begin(jobs, action, token).status == 200
    stopped = jobs.post("/v1/stops", {"scope": {"workflow": "nightly-jobs"}, "reason": "?"}, token="ana").json
    assert stopped["stopped_at"] is None and stopped["under_way"] == 1, stopped
    jobs.kill()
    jobs.start()
    after = jobs.get("/v1/stops/" + stopped["id"], token="ana").json
    assert after["stopped_at"] is None and after["under_way"] == 1, after
    assert report(jobs, action, token).status == 200
    after = jobs.get("/v1/stops/" + stopped["id"], token="ana").json
    assert after["stopped_at"] and after["under_way"] == 0, after


def denied(daemon, job):
    """Carried out with an unknown end, of which a person then said that it did not happen."""
    answer = permit(daemon, job).json
    begin(daemon, answer["action"], answer["permit"]["token"])
    assert report(daemon, answer["action"], answer["permit"]["token"], outcome="uncertain").json["state"] == "uncertain"
    said = daemon.post("/v1/actions/%s/resolve" % answer["action"], {"happened": False}, token="ana")
    assert said.status == 200 and said.json["state"] == "failed", said
    return answer["action"], answer["permit"]["token"]


def contradictions(daemon):
    return [i for i in daemon.get("/v1/inbox", token="ana").json["items"] if i["kind"] == "contradiction"]


def test_a_late_report_that_contradicts_a_verdict_asks_people(jobs):
    """R14: "did not happen" was said, then the charge is reported as done: neither truth is lost, and nobody jobs again."""
    action, token = denied(jobs, "J-20")
    told = report(jobs, action, token, response={"charged": 1})
    assert told.status == 200 and told.json["state"] == "failed", told
    assert told.json["response"] is None, "the response of an ended action changed"
    assert told.json["contradiction"]["outcome"] == "ok" and told.json["contradiction"]["settled"] is None
    assert report(jobs, action, token).status == 200 and len(contradictions(jobs)) == 1
    (item,) = contradictions(jobs)
    assert item["who"]["group"] == "finance" and item["by"] and item["action"] == action
    assert [v["verdict"] for v in item["verdicts"]] == ["happened", "not_happened"]
    status = jobs.get("/v1/status", token="ana").json
    (workflow,) = [w for w in status["workflows"] if w["workflow"] == "nightly-jobs"]
    assert workflow["uncertain"] == 1, workflow
    assert jobs.post("/v1/actions/%s/again" % action, {"reason": "?"}, token="ana").status == 409
    jobs.kill()
    jobs.start()
    assert len(contradictions(jobs)) == 1, "a crash lost it"
    text = jobs.get("/v1/actions/%s/explain" % action, token="ana", headers={"Accept": "text/plain"}).text
    assert "Not carried out, says Ana" in text and "the late outcome of try 1 says ok" in text, text
    assert "interlock resolve J-20 --happened\n        interlock resolve J-20 --not-happened\n" in text and "--send" not in text, text
    noted = jobs.post("/v1/actions/%s/note" % action, {"note": "the bank is asked"}, token="ana")
    assert noted.status == 200 and noted.json["contradiction"]["settled"] is None, noted
    assert jobs.post("/v1/actions/%s/note" % action, {"note": ""}, token="ana").status == 422
    assert jobs.post("/v1/actions/%s/note" % action, {"note": "me too"}, token="eve").status == 403
    said = jobs.post("/v1/actions/%s/resolve" % action, {"happened": True, "evidence": "in the ledger"}, token="ana")
    assert said.status == 200 and said.json["state"] == "failed" and said.json["contradiction"]["settled"] == "happened", said
    assert contradictions(jobs) == []
    text = jobs.get("/v1/actions/%s/explain" % action, token="ana", headers={"Accept": "text/plain"}).text
    assert 'NOTE    "the bank is asked", Ana Ruiz, ' in text, text
    told = jobs.get("/v1/actions/%s/explain" % action, token="ana").json["what"]
    assert "Ana Ruiz then said that it was carried out, on this evidence: \"in the ledger\"." in told, told
    assert jobs.post("/v1/actions/%s/again" % action, {"reason": "?"}, token="ana").status == 409, "it happened"
    jobs.stop()
    verified = subprocess.run([str(BUILD / "interlock"), "verify", "--config", str(jobs.folder / "interlock.yaml")],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert verified.returncode == 0, verified.stdout


def test_what_came_late_and_decided_is_not_replaced_by_what_comes_later(jobs):
    """R9: a repeat gets the bytes that were told, whatever its caller reports after that."""
    answer = permit(jobs, "J-22").json
    action, token = answer["action"], answer["permit"]["token"]
    assert begin(jobs, action, token).status == 200
    assert report(jobs, action, token, outcome="uncertain").json["state"] == "uncertain"
    done = report(jobs, action, token, response={"charged": 1})
    assert done.json["state"] == "done" and done.json["response"] == {"charged": 1}, done
    told = report(jobs, action, token, outcome="failed", response={"charged": 0})
    assert told.json["contradiction"]["outcome"] == "failed" and told.json["response"] == {"charged": 1}, told
    jobs.kill()
    jobs.start()
    assert jobs.action(action)["response"] == {"charged": 1}
    report_of = jobs.get("/v1/workflows/nightly-jobs/report", token="ana").json["counts"]
    assert report_of["automatic"] + report_of["reviewed"] == len([
        i for i in jobs.get("/v1/actions?workflow=nightly-jobs&state=done&limit=500", token="ana").json["items"]])


def test_a_report_after_the_end_does_not_end_the_daemon(jobs):
    action, token = denied(jobs, "J-21")
    assert report(jobs, action, token, outcome="failed").status == 200
    assert jobs.action(action)["state"] == "failed" and contradictions(jobs) == []
