"""Steps that the caller carries out itself (design 4.5, R13): permit, begin, report."""
import threading

import pytest

from interlock_client import INSTALLATION, ROUTING, Daemon, install

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
