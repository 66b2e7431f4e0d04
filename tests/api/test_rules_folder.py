"""R27: one daemon on a folder; a copy does not send what its original sends; no store without its key.
R28: a mistake in a policy never takes the daemon down, and a reload is all or nothing."""
import os, shutil, signal, subprocess, threading

import pytest

from interlock_client import BUILD, REMINDERS, ROUTING, TOKENS, Daemon, install
from story_world import POLICY, World, wait_requests


def interlock(folder, *arguments, **environment):
    return subprocess.run([str(BUILD / "interlock"), *arguments], cwd=folder, stdin=subprocess.DEVNULL, timeout=60,
                          capture_output=True, text=True, env=dict(os.environ, **environment))


def refusal(folder, *arguments):
    """What `serve` says when it does not start."""
    done = interlock(folder, "serve", "--config", str(folder / "interlock.yaml"), *arguments)
    assert done.returncode == 1 and "ready" not in done.stdout, done
    return done.stderr


def reload_by_command(daemon):
    return interlock(daemon.folder, "reload", "--url", "http://%s:%d" % (daemon.host, daemon.port),
                     INTERLOCK_TOKEN=TOKENS["ben"])


def wait_said(daemon, words, count=1):
    """Until the daemon has written these words so often; a signal has no answer to wait for."""
    for _ in range(2000):
        if daemon.said().count(words) >= count:
            return
        threading.Event().wait(0.01)
    raise AssertionError("never said %r:\n%s" % (words, daemon.said()))


# ---- R27 ----


def test_a_second_daemon_on_the_folder_is_refused(daemon):
    assert daemon.remind("INV-1").json["state"] == "done"
    said = refusal(daemon.folder)
    assert "in use by another process (%d)" % daemon.process.pid in said, said
    assert "in use" in refusal(daemon.folder, "--as-copy")
    assert daemon.remind("INV-2").json["state"] == "done"  # the first one was not disturbed
    daemon.kill()
    daemon.start()  # a lock dies with its holder
    assert daemon.remind("INV-1").json["replayed"]


def test_a_copied_folder_does_not_send_the_backlog(tmp_path):
    original, copy = tmp_path / "production", tmp_path / "staging"
    with World(original) as world:
        world.keyed.set(mode="refuse")
        waiting = world.submit("keyed", "a", headers={"Prefer": "respond-async"}).json
        world.daemon.stop()  # a kill would empty the retry bucket, and leave it to a probe (R30)
        world.keyed.set(mode="ok")
        before = world.keyed.effects()["requests"]
        shutil.copytree(original, copy)
        assert "--as-copy" in refusal(copy)
        assert world.keyed.effects()["requests"] == before
        with Daemon(copy, ["--as-copy"]) as staging:
            everything_is_stopped(staging, waiting["action"])
            assert world.keyed.effects()["requests"] == before
            staging.stop()
            staging.arguments = []
            staging.start()  # it has an identity of its own now, and is still stopped
            incident = everything_is_stopped(staging, waiting["action"])
            assert world.keyed.effects()["requests"] == before
            assert staging.restart(incident, "ours").status == 202
            done = staging.submit("stories", "keyed", {"id": "a"}, token="billing-cron", headers={"Prefer": "wait=20"})
            assert done.json["state"] == "done" and done.json["action"] == waiting["action"], done


def everything_is_stopped(daemon, waiting):
    new = daemon.submit("stories", "plain", {"id": "new"}, token="billing-cron").json
    (stop,) = daemon.get("/v1/switches").json["items"]
    assert stop["scope"] == {} and stop["position"] == "stopped" and "copy" in stop["reason"], stop
    assert daemon.action(waiting)["state"] in ("held", "waiting"), daemon.action(waiting)
    assert new["state"] == "held" and new["who"]["group"], new
    return stop["incident"]


def test_a_moved_folder_is_asked_about_too(tmp_path):
    """`mv` keeps the folder's number, a restore from an archive does not: that one may be a copy."""
    with Daemon(install(tmp_path / "a")) as daemon:
        daemon.remind("INV-1")
    (tmp_path / "a").rename(tmp_path / "b")
    with Daemon(tmp_path / "b") as daemon:
        assert daemon.remind("INV-1").json["replayed"]


def test_no_store_without_its_installation_key(tmp_path):
    with Daemon(install(tmp_path)) as daemon:
        first = daemon.remind("INV-1").json
    key = tmp_path / "secrets" / "installation.key"
    right = key.read_text()
    key.unlink()
    said = refusal(tmp_path)
    assert "installation.key is missing" in said, said
    assert not key.exists(), "a new key was made for a used store"
    key.write_text("7" * 64 + "\n")
    key.chmod(0o600)
    assert "key" in refusal(tmp_path)
    assert "key" in refusal(tmp_path, "--as-copy")
    key.write_text(right)
    key.chmod(0o644)
    assert "chmod 600" in refusal(tmp_path)
    key.chmod(0o600)
    with Daemon(tmp_path) as daemon:
        again = daemon.remind("INV-1").json
        assert again["replayed"] and again["action"] == first["action"]
        assert daemon.sandbox()["effects"] == 0  # of this run


# ---- R28 ----


@pytest.mark.parametrize("wrong", [REMINDERS.replace("mode: auto", "mode: atuo"), "workflow: [", "\tworkflow: x\n",
                                   REMINDERS.replace("restart: finance-leads", "restart: nobody")],
                         ids=["a typo", "no YAML", "a tab", "no such group"])
def test_a_bad_policy_at_boot_is_the_last_good_version(daemon, wrong):
    daemon.post("/v1/stops", {"scope": {"workflow": "inquiry-routing"}})
    assert daemon.remind("INV-1", balance=20000).json["state"] == "in_review"
    assert daemon.get("/readyz").json["flag"] is None
    daemon.stop()
    policy = daemon.folder / "policies" / "invoice-reminders.yaml"
    policy.write_text(wrong)
    daemon.start()
    assert "invoice-reminders.yaml:" in daemon.said()  # where the mistake is
    ready = daemon.get("/readyz")
    assert ready.status == 200 and "last good version" in ready.json["flag"], ready
    assert "warning: the configuration files have errors; the last good version" in daemon.get("/v1/status?format=text").text
    assert daemon.remind("INV-1", balance=20000).json["replayed"]
    assert daemon.remind("INV-2").json["state"] == "done"       # the old rules, and all of them
    assert daemon.remind("INV-3", balance=0).json["state"] == "rejected"
    assert daemon.route("T-1").json["state"] == "held"          # and the stop
    assert daemon.post("/v1/admin/reload").status == 422
    assert "last good version" in daemon.get("/readyz").json["flag"]
    policy.write_text(REMINDERS)
    assert daemon.post("/v1/admin/reload").status == 200
    assert daemon.get("/readyz").json["flag"] is None


def test_a_bad_policy_at_the_very_first_boot_is_told_with_its_place(tmp_path):
    install(tmp_path)
    (tmp_path / "policies" / "inquiry-routing.yaml").write_text("workflow: inquiry-routing\nmode: atuo\n")
    said = refusal(tmp_path)
    assert "inquiry-routing.yaml:2:" in said and "atuo" in said, said


def test_a_workflow_that_is_gone_at_boot_keeps_its_waiting_work(daemon):
    waiting = daemon.remind("INV-1", balance=20000).json
    daemon.stop()
    (daemon.folder / "policies" / "invoice-reminders.yaml").unlink()
    installation = daemon.folder / "interlock.yaml"
    installation.write_text(installation.read_text().replace("submits: [invoice-reminders]", "submits: [inquiry-routing]"))
    daemon.start()
    action = daemon.action(waiting["action"])
    assert action["state"] == "in_review" and action["who"]["group"], action
    ready = daemon.get("/readyz").json
    assert "invoice-reminders" in str(ready["flag"]) + str(ready["warnings"]), "nothing says that its policy is gone: %s" % ready
    assert daemon.route("T-1").json["state"] == "done"


@pytest.mark.parametrize("how", ["signal", "command", "request"])
def test_a_reload_is_all_or_nothing(daemon, how):
    def reload(is_good):
        if how == "request":
            assert daemon.post("/v1/admin/reload").status == (200 if is_good else 422)
        elif how == "command":
            done = reload_by_command(daemon)
            assert done.returncode == (0 if is_good else 1), done
            assert is_good or "inquiry-routing.yaml" in done.stderr + done.stdout, done
        else:
            words = "was loaded again" if is_good else "the former configuration stays"
            count = daemon.said().count(words)
            daemon.process.send_signal(signal.SIGHUP)
            wait_said(daemon, words, count + 1)

    reminders, routing = (daemon.folder / "policies" / n for n in ("invoice-reminders.yaml", "inquiry-routing.yaml"))
    good = routing.read_text()
    reminders.write_text(REMINDERS.replace("balance > 10000", "balance > 100"))  # a good change
    routing.write_text(good.replace("at least 0.80", "at least 80%%"))            # beside a bad one
    reload(is_good=False)
    assert daemon.remind("INV-1", balance=500).json["state"] == "done"
    assert daemon.route("T-1", confidence=0.79).json["state"] == "in_review"
    routing.write_text(good.replace("at least 0.80", "at least 0.70"))
    reload(is_good=True)
    assert daemon.remind("INV-2", balance=500).json["state"] == "in_review"
    assert daemon.route("T-2", confidence=0.79).json["state"] == "done"


@pytest.mark.parametrize("name, change", [
    ("the workflow is renamed", lambda p: p.write_text(REMINDERS.replace("workflow: invoice-", "workflow: bill-"))),
    ("the workflow is removed", lambda p: p.unlink()),
    ("the step is renamed", lambda p: p.write_text(REMINDERS.replace("send_reminder:", "remind:"))),
])
def test_what_is_in_use_is_not_taken_away(daemon, name, change):
    """The story of R28: a file is renamed, and 200 held actions have no policy."""
    waiting = daemon.remind("INV-1", balance=20000).json
    policy = daemon.folder / "policies" / "invoice-reminders.yaml"
    change(policy)
    refused = daemon.post("/v1/admin/reload")
    assert refused.status in (409, 422) and "invoice-reminders" in refused.json["detail"], refused
    first = refused.json["detail"].split("\n")[0]
    assert first.startswith("IL80") or ": error IL" in first, "what refuses it stands behind warnings: %s" % refused
    taken = daemon.post("/v1/reviews/%s/verdict" % waiting["review"], {"verdict": "reject"}, token="ana")
    assert taken.status == 200
    assert daemon.post("/v1/admin/reload").status in (200, 422)  # nothing waits under it any more


def test_a_stop_is_not_lost_with_the_name_of_its_workflow(daemon):
    daemon.post("/v1/stops", {"scope": {"workflow": "invoice-reminders"}})
    policy = daemon.folder / "policies" / "invoice-reminders.yaml"
    policy.write_text(REMINDERS.replace("workflow: invoice-reminders", "workflow: bill-reminders"))
    refused = daemon.post("/v1/admin/reload")
    assert refused.status in (409, 422) and "invoice-reminders" in refused.json["detail"], refused
    assert daemon.remind("INV-1").json["state"] == "held"


def test_an_action_keeps_its_request_over_a_reload(tmp_path):
    """R5, R28: the gate is the current one, the frozen request the old one."""
    with World(tmp_path) as world:
        world.keyed.set(mode="effect-hang", times=1)
        world.submit("keyed", "a", headers={"Prefer": "respond-async"})
        wait_requests(world.keyed, 1)
        (tmp_path / "policies" / "stories.yaml").write_text(
            POLICY.replace('call: keyed POST /v1/keyed\n    key: ${input.id}\n    body: { id: "${input.id}" }',
                           'call: keyed POST /v1/other\n    key: ${input.id}\n    body: { id: "${input.id}", more: 1 }'))
        assert world.daemon.post("/v1/admin/reload").status == 200
        action = world.wait("keyed", "a", "done", "failed", "uncertain")
        effects = world.keyed.effects()
        assert action["state"] == "done" and action["attempts"] == 2, action
        assert effects["conflicts"] == 0 and effects["effects"] == 1 and effects["repeats"] == 1, effects
        assert world.submit("keyed", "b").json["state"] == "done"
        assert len(world.keyed.effects("more")["by"]) == 1  # only the new one has the new body


def test_what_check_reads_serve_reads(tmp_path):
    """A policy named .yml was good for `check` and not there for `serve`."""
    folder = install(tmp_path, policies={"invoice-reminders.yml": REMINDERS, "inquiry-routing.yaml": ROUTING})
    with Daemon(folder) as daemon:
        assert daemon.remind("INV-1").json["state"] == "done"


def test_the_daemon_has_room_for_its_connections_and_calls(daemon):
    limits = open("/proc/%d/limits" % daemon.process.pid).read()
    soft, hard = next(line for line in limits.splitlines() if line.startswith("Max open files")).split()[3:5]
    assert int(soft) >= min(8192, int(hard) if hard.isdigit() else 8192), limits


def test_a_store_beside_the_configuration_is_told(tmp_path):
    """The store of before, where `store:` no longer looks: its keys would not count, and nothing would show it."""
    folder = install(tmp_path)
    (folder / "interlock.db").write_bytes(b"of before")
    with Daemon(folder) as daemon:
        assert "interlock.db is not used" in daemon.said(), daemon.said()
        daemon.stop()
        daemon.start()
        assert daemon.said().count("is not used") == 1, "said although the store is there"


def retire(daemon, how="invoice-reminders"):
    """A reload without the workflow: refused, and then taken with `retired:`."""
    (daemon.folder / "policies" / "invoice-reminders.yaml").unlink()
    config = daemon.folder / "interlock.yaml"
    config.write_text(config.read_text().replace("submits: [invoice-reminders]", "submits: [inquiry-routing]"))
    refused = daemon.post("/v1/admin/reload")
    assert refused.status == 422 and "or list it under `retired:`" in refused.json["detail"], refused
    config.write_text(config.read_text() + "retired: [%s]\n" % how)
    taken = daemon.post("/v1/admin/reload")
    assert taken.status == 200, taken


def test_what_waits_of_a_retired_workflow_is_settled_by_its_key(daemon):
    """R28: its open work goes to people, who find it by the key that the inbox shows; nothing of it starts."""
    waiting = daemon.remind("INV-1", balance=20000).json
    retire(daemon)
    for _ in range(2):
        flag = "retired invoice-reminders / send_reminder: 1 waits; nothing of it starts: reject it (`interlock inbox`)"
        assert daemon.get("/readyz").json["flag"] == flag and "warning: " + flag in daemon.get("/v1/status?format=text").text
        found, = daemon.get("/v1/actions?key=INV-1:1").json["items"]
        assert found["action"] == waiting["action"] and found["state"] == "in_review", found
        assert daemon.get("/v1/actions?key=INV-2:1").json["items"] == []
        daemon.kill()
        daemon.start()
    item, = daemon.get("/v1/inbox", token="ana").json["items"]
    assert [v["verdict"] for v in item["verdicts"]] == ["reject"], item
    inbox = subprocess.run([str(BUILD / "interlock"), "inbox"], cwd=daemon.folder, capture_output=True, text=True, timeout=60, env={
        "INTERLOCK_URL": "http://%s:%d" % (daemon.host, daemon.port), "INTERLOCK_TOKEN": TOKENS["ana"], "PATH": "/usr/bin"})
    assert "DO   interlock reject INV-1:1" in inbox.stdout and "interlock approve" not in inbox.stdout, inbox
    assert daemon.get("/v1/actions/%s/explain?format=text" % waiting["action"]).text.count("interlock approve") == 0
    for verdict in ({"verdict": "approve"}, {"verdict": "edit", "edit": {"stage": 2}}):
        refused = daemon.post("/v1/reviews/%s/verdict" % item["id"], verdict, token="ana")
        assert refused.status == 409 and "its policy is gone, so nothing of it starts any more: reject it" in refused.json["detail"], refused
    assert daemon.sandbox()["requests"] == 0
    assert daemon.post("/v1/reviews/%s/verdict" % item["id"], {"verdict": "reject"}, token="ana").json["state"] == "rejected"
    assert daemon.get("/readyz").json["flag"] is None


def test_the_stop_and_the_ramp_of_a_retired_workflow_go_on(daemon):
    """A stop stays, is restarted by `switch:`, and what it held goes to people."""
    incident = daemon.post("/v1/stops", {"scope": {"workflow": "invoice-reminders"}, "reason": "wrong"}).json["incident"]
    held = daemon.remind("INV-1").json
    daemon.post("/v1/incidents/%s/restart" % incident, {"reason": "mended"}, token="ana")
    retire(daemon)
    void = daemon.post("/v1/incidents/%s/approve" % incident, token="ben")
    assert void.status == 409 and "the configuration changed" in void.json["detail"], void
    daemon.kill()
    daemon.start()
    assert daemon.action(held["action"])["state"] == "held"
    assert daemon.restart(incident, "again").json["state"] == "closed"
    for _ in range(500):
        if daemon.action(held["action"])["state"] == "in_review":
            break
        threading.Event().wait(0.02)
    action = daemon.action(held["action"])
    assert action["state"] == "in_review" and action["reason"] == "retired" and action["who"]["group"], action
    assert daemon.sandbox()["requests"] == 0


# ---- R20: an id is not given anew ----


EVE = "  eve: { name: Eve Moreau, email: eve@example.org, token: { file: secrets/eve } }\n"


def test_the_id_of_somebody_who_has_left_is_not_given_to_another(daemon):
    """The story: eve approves a payment and leaves; the next eve reads as if she had."""
    installation = daemon.folder / "interlock.yaml"
    whole = installation.read_text()

    def load(text):
        installation.write_text(text)
        return daemon.post("/v1/admin/reload")

    other = EVE.replace("Eve Moreau", "Eve Smith")
    assert load(whole.replace(EVE, other)).status == 200  # she is there: people change their names
    assert load(whole.replace(EVE, "")).status == 200     # she leaves
    refused = load(whole)
    assert refused.status == 422 and "IL805: `eve` was Eve Smith, who has left" in refused.json["detail"], refused
    assert "load it with `name: Eve Smith` first" in refused.json["detail"]
    service = "services:\n  eve: { human: ana, submits: [invoice-reminders], token: { file: secrets/eve } }\n"
    refused = load(whole.replace(EVE, "").replace("services:\n", service))
    assert refused.status == 422 and "IL805: `eve` was a person, and is a service now" in refused.json["detail"], refused
    assert daemon.get("/v1/status", token="eve").status == 401
    daemon.kill()
    installation.write_text(whole)
    daemon.start()  # a start is no way around it
    assert "IL805: `eve` was Eve Smith" in daemon.said()
    assert "IL805" in daemon.get("/readyz").json["flag"]
    assert daemon.get("/v1/status", token="eve").status == 401
    assert load(whole.replace(EVE, other)).status == 200  # the same person comes back
    assert daemon.get("/v1/status", token="eve").status == 200
    assert load(whole).status == 200


def test_a_service_that_was_removed_comes_back_to_its_human_only(daemon):
    installation = daemon.folder / "interlock.yaml"
    whole = installation.read_text()
    line = "  helpdesk-bot: { human: ben, submits: [inquiry-routing], token: { file: secrets/helpdesk-bot } }\n"
    assert line in whole
    for text, status in [(whole.replace(line, ""), 200), (whole.replace(line, line.replace("ben", "ana")), 422),
                         (whole, 200), (whole.replace(line, line.replace("ben", "ana")), 200)]:
        installation.write_text(text)
        reply = daemon.post("/v1/admin/reload")
        assert reply.status == status, reply
        assert status == 200 or "it answered to `ben`, and would now to `ana`" in reply.json["detail"], reply
