"""The machine's clock is wrong (R29), for a real process: moved_clock.c gives it clocks that the test sets.
Moved while it runs: told, and nothing comes due by that. Moved while it is down: what was due waits for ten
minutes, or for a person; what is new goes on. A start behind the store begins at the store's time."""
import pathlib, struct, subprocess

import pytest

from interlock_client import BUILD, REMINDERS, ROUTING, TOKENS, Daemon, install, wait_for
from test_api_verify import verify_files
from test_restart import ramped

HERE = pathlib.Path(__file__).parent
MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    built = tmp_path_factory.mktemp("moved-clock") / "moved_clock.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", built, HERE / "moved_clock.c", "-ldl"], check=True)
    needs = subprocess.run(["readelf", "-d", BUILD / "interlock"], capture_output=True, text=True, check=True).stdout
    first = []  # a sanitizer wants to be the first library
    if "libasan" in needs:
        first = [subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True).stdout.strip()]
    return ":".join([*first, str(built)])


class Machine:
    """A daemon, and the clocks of its machine. Both clocks go on by themselves, too."""

    def __init__(self, folder, library):
        self.folder, self.wall_s, self.boot_s, self.boots = folder, 0, 0, 0
        (folder / "clocks").write_bytes(bytes(16))
        self.reboot()
        self.daemon = Daemon(folder, prefix=["env", "LD_PRELOAD=" + library, "MOVED_CLOCKS=%s" % (folder / "clocks"),
                                             "MOVED_BOOT=%s" % (folder / "boot")])

    def write(self):
        with open(self.folder / "clocks", "r+b") as file:  # the same file: the daemon has it mapped
            file.write(struct.pack("=qq", self.wall_s, self.boot_s))

    def move(self, seconds):
        self.wall_s += seconds
        self.write()

    def passes(self, seconds):
        self.wall_s += seconds
        self.boot_s += seconds
        self.write()

    def reboot(self):
        self.boots += 1
        (self.folder / "boot").write_text("0c000000-0000-4000-8000-%012d\n" % self.boots)

    def __enter__(self):
        self.daemon.start()
        return self

    def __exit__(self, *unused):
        self.daemon.stop()

    def flag(self):
        return self.daemon.get("/readyz").json["flag"] or ""

    def incidents(self):
        return [i for i in self.daemon.get("/v1/incidents?open=1").json["items"] if "clock" in (i["trouble"] or "")]

    def log(self):
        return self.daemon.get("/v1/decisions?limit=500", headers={"Accept": "text/plain"}).text.splitlines()

    def records(self):
        return [line for line in self.log() if "clock" in line]

    def waiting(self, invoice="INV-1"):
        """An action that is tried again in half a minute; its upstream is well by then."""
        self.daemon.sandbox("mailer", status=429, times=1, retry_after_s=30)
        answer = self.daemon.remind(invoice, headers={"Prefer": "wait=0"})
        wait_for("the first try is on record", lambda: any(" waiting " in line for line in self.log()))
        return answer.json["action"]

    def state(self, action):
        return self.daemon.action(action)["state"]


@pytest.fixture
def machine(tmp_path, library):
    with Machine(install(tmp_path), library) as running:
        yield running


def test_a_step_is_told_and_nothing_is_due_by_it(machine):
    action = machine.daemon.remind("INV-7", balance=20000).json  # a review, due in hours
    machine.move(DAY)
    incident = wait_for("an incident", machine.incidents)[0]
    assert incident["kind"] == "degraded" and incident["trouble"].startswith("the clock of this machine was moved 1 d ahead"), incident
    assert incident["who"]["group"] == "finance", incident
    assert "moved 1 d ahead while interlock runs" in machine.flag() and incident["id"] in machine.flag()
    assert "moved 1 d ahead" in machine.daemon.get("/v1/status?format=text").text
    assert machine.state(action["action"]) == "in_review"
    assert sum("moved 1 d ahead" in line for line in machine.records()) == 1, machine.records()
    machine.move(-DAY)
    wait_for("its end", lambda: not machine.incidents())
    assert machine.flag() == ""
    assert any("right again" in line for line in machine.records())
    report = machine.daemon.get("/v1/incidents/" + incident["id"], headers={"Accept": "text/markdown"}).text
    assert "comes due" not in report, report  # that was while it was open
    timeline = report.split("## Timeline")[1]
    assert "the clock of this machine was moved 1 d ahead" in timeline and "right again; it was off by 1 d" in timeline, report


def test_a_start_with_a_moved_clock_waits(machine):
    action = machine.waiting()
    machine.daemon.kill()
    machine.move(DAY)
    machine.daemon.start()
    incident = wait_for("an incident", machine.incidents)[0]
    assert "was 1 d ahead at the start: what is due waits until" in incident["trouble"]
    assert "what was due before waits until" in machine.flag()
    assert machine.daemon.route("T-2").json["state"] == "done", "what is new goes on"
    machine.passes(5 * MINUTE)
    assert machine.daemon.route("T-3").json["state"] == "done"
    assert machine.state(action) == "waiting"
    machine.daemon.kill()  # the ten minutes go on over a kill
    machine.daemon.start()
    wait_for("the same incident", lambda: [i["id"] for i in machine.incidents()] == [incident["id"]])
    assert machine.state(action) == "waiting"
    machine.passes(5 * MINUTE + 5)
    wait_for("its end", lambda: not machine.incidents())
    wait_for("the action goes on", lambda: machine.state(action) != "waiting")
    assert machine.flag() == ""
    assert any("takes the time of this machine's clock, 1 d ahead" in line for line in machine.records()), machine.records()
    machine.daemon.stop()
    done = verify_files(machine.folder)
    assert done.returncode == 0, done.stdout


def test_a_person_confirms_it(machine):
    action = machine.waiting()
    machine.daemon.kill()
    machine.move(2 * HOUR)
    machine.daemon.start()
    incident = wait_for("an incident", machine.incidents)[0]
    assert incident["who"]["to_do"] == "set the clock right, or say that it is: close it"
    incident = incident["id"]
    page = machine.daemon.get("/v1/incidents/" + incident, headers={"Accept": "text/plain"}).text
    assert 'interlock incident %s --close "…"   # its time is right: interlock takes it' % incident in page, page
    assert machine.state(action) == "waiting"
    done = subprocess.run([str(BUILD / "interlock"), "incident", incident, "--close", "the machine slept for two hours",
                           "--url", "http://%s:%d" % (machine.daemon.host, machine.daemon.port)],
                          env={"INTERLOCK_TOKEN": TOKENS["ana"], "PATH": "/usr/bin"}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done
    wait_for("the action goes on", lambda: machine.state(action) != "waiting")
    assert machine.flag() == "" and not machine.incidents()


def test_nobody_approves_alone_meanwhile(tmp_path, library):
    alone = {"invoice-reminders.yaml": ramped("[]", more="alone: after 10m\n"), "inquiry-routing.yaml": ROUTING}
    with Machine(install(tmp_path, policies=alone), library) as machine:
        stopped = machine.daemon.post("/v1/stops", {"scope": {"workflow": "invoice-reminders"}, "reason": "drift"}, token="ana")
        path = "/v1/incidents/%s/" % stopped.json["incident"]
        assert machine.daemon.post(path + "restart", {"reason": "mended"}, token="ana").status == 202
        machine.daemon.kill()
        machine.passes(11 * MINUTE)  # its time is over by both clocks, but are they right?
        machine.move(2 * MINUTE)
        machine.daemon.start()
        clock = wait_for("an incident", machine.incidents)[0]["id"]
        answer = machine.daemon.post(path + "approve", token="ana")
        assert answer.status == 403 and "may approve it alone in " in answer.json["detail"], answer
        assert machine.daemon.post("/v1/incidents/%s/close" % clock, {"reason": "it is right"}, token="ana").status in (200, 202)
        assert machine.daemon.post(path + "approve", token="ana").status in (200, 202)


def test_facts_are_as_old_as_they_may_be(tmp_path, library):
    """R10: the machine was off for ten days, or its clock is wrong: a yes does not send the balance of then."""
    read = "    refresh:\n      call: mailer GET /invoices/${input.invoice}\n      set:\n        balance: response.body.balance\n"
    policies = {"invoice-reminders.yaml": REMINDERS.replace("    rules:\n", read + "    rules:\n"), "inquiry-routing.yaml": ROUTING}
    with Machine(install(tmp_path, policies=policies), library) as machine:
        action = machine.daemon.remind("INV-7", balance=20000).json["action"]
        machine.daemon.kill()
        machine.reboot()
        machine.move(10 * DAY)
        machine.daemon.start()
        clock = wait_for("an incident", machine.incidents)[0]["id"]
        review = machine.daemon.action(action)["review"]
        answer = machine.daemon.post("/v1/reviews/%s/verdict" % review, {"verdict": "approve"}, token="ana")
        assert answer.status in (200, 202), answer
        wait_for("it waits for its facts", lambda: machine.state(action) == "held")
        assert not any("to mailer" in line for line in machine.log()), machine.log()
        assert machine.daemon.post("/v1/incidents/%s/close" % clock, {"reason": "it is right"}, token="ana").status in (200, 202)
        machine.daemon.stop()
    assert verify_files(tmp_path).returncode == 0


def test_a_start_behind_the_store_begins_at_its_time(machine):
    first = machine.daemon.remind("INV-1").json
    machine.daemon.kill()
    machine.reboot()
    machine.move(-DAY)
    machine.daemon.start()
    wait_for("an incident", machine.incidents)
    assert "1 d behind at the start" in machine.flag()
    second = machine.daemon.remind("INV-2").json
    assert second["state"] == "done" and second["action"] > first["action"]
    times = [machine.daemon.action(one["action"])["submitted_at"] for one in (first, second)]
    assert times[0] < times[1], times
    machine.move(DAY)
    wait_for("its end", lambda: not machine.incidents())
    assert machine.flag() == ""


def test_a_machine_that_slept_is_up_to_date(machine):
    """Its timers stand still while it sleeps (CLOCK_MONOTONIC); what is due meanwhile is due when it is awake."""
    machine.daemon.sandbox("mailer", status=429, times=1, retry_after_s=120)
    action = machine.daemon.remind("INV-1", headers={"Prefer": "wait=0"}).json["action"]
    wait_for("it waits for its upstream", lambda: machine.state(action) == "held")
    machine.passes(3 * MINUTE)
    wait_for("the action goes on", lambda: machine.state(action) == "done")
    assert machine.flag() == "" and not machine.incidents() and not machine.records()


def test_a_reboot_is_no_news(machine):
    action = machine.waiting()
    machine.daemon.kill()
    machine.reboot()
    machine.move(3 * HOUR)
    machine.daemon.start()
    wait_for("the action goes on", lambda: machine.state(action) != "waiting")
    assert machine.flag() == "" and not machine.incidents() and not machine.records()
