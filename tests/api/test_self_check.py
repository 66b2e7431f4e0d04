"""The daemon tries the stop path by itself, with a stop that binds nothing: status, /readyz and the metrics say
what came of it. No list shows that stop, and no crash leaves it."""
import time

from interlock_client import Daemon, install
from test_rules_disk import built, small  # fixtures


def wait_result(daemon, result, seconds=60):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        check = daemon.get("/readyz").json["stop_check"]
        if check["result"] == result:
            return check
        time.sleep(0.05)
    raise AssertionError("the stop path: %s\n%s" % (check, daemon.said()))


def metric(daemon, name):
    return next(int(line.split()[1]) for line in daemon.get("/metrics").text.splitlines() if line.startswith(name + " "))


def records(daemon):
    lines = daemon.get("/v1/decisions?last=1000").json
    return [line["record"] for line in lines if line["record"]["kind"] == "stop_check"]


def test_the_stop_path_is_tried(tmp_path):
    with Daemon(install(tmp_path)) as daemon:
        first = daemon.get("/readyz").json["stop_check"]
        assert first["result"] == "not_yet" and first["at"] is None and first["what"] is None
        assert metric(daemon, "interlock_stop_check_ok") == 0
        everything = daemon.post("/v1/stops", {"scope": {}, "reason": "it stands before the trial"}).json
        check = wait_result(daemon, "works")
        assert check["at"] and check["age_ms"] < 60000 and check["what"] is None
        status = daemon.get("/v1/status").json
        assert status["stop_check"]["result"] == "works"
        assert "works" in next(line for line in daemon.get("/v1/status?format=text").text.splitlines() if line.startswith("stop path tried "))
        assert metric(daemon, "interlock_stop_check_ok") == 1 and metric(daemon, "interlock_stop_check_age_seconds") < 60
        assert [s["id"] for s in daemon.get("/v1/switches").json["items"]] == [everything["id"]]
        assert len(daemon.get("/v1/incidents").json["items"]) == 1
        assert not records(daemon), "it is said when it changes, not each time"
        assert daemon.get("/v1/decisions/verify").json["good"]
        daemon.kill()
        daemon.start()
        assert [s["id"] for s in daemon.get("/v1/switches").json["items"]] == [everything["id"]]
        daemon.restart(everything["incident"], "seen")
        assert daemon.remind("INV-1").json["state"] == "done"


def test_a_full_disk_makes_it_say_so(small):
    world, disk = small
    daemon = world.daemon
    disk.fill(leave=0)
    for _ in range(400):  # there is some room in the files of the store themselves
        if daemon.post("/v1/stops", {"scope": {"workflow": "stories"}, "reason": "x" * 4000}).status != 202:
            break
    check = wait_result(daemon, "fails")
    assert "disk" in check["what"], check
    status = daemon.get("/v1/status").json
    assert status["stop_check"]["result"] == "fails" and "the stop path does not work" in status["says"]
    assert "STOP PATH tried " in daemon.get("/v1/status?format=text").text
    assert metric(daemon, "interlock_stop_check_ok") == 0
    assert "THE STOP PATH DOES NOT WORK: the disk" in daemon.said()
    disk.empty()
    wait_result(daemon, "works")
    assert "the stop path works again" in daemon.said()
    said = records(daemon)
    assert [r.get("number", 0) for r in said] == [0, 1] and "disk" in said[0]["subject"], said
    assert daemon.get("/v1/decisions/verify").json["good"]
