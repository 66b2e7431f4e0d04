"""A stop under load: nothing reaches the provider after the acknowledgement, also over kill -9 (I6, I7)."""
import itertools, threading

import pytest

from interlock_client import Daemon, install
from story_world import Crowd, World


def crowd_of(world, taken):
    numbers, lock = itertools.count(), threading.Lock()

    def work(_):
        with lock:
            key = "k%d" % next(numbers)
        step = "plain" if int(key[1:]) % 2 else "keyed"
        answer = world.submit(step, key, headers={"Prefer": "respond-async"})
        if answer.status in (200, 202):
            taken.append((step, key, answer.json["action"]))
        if len(taken) > 2000:
            threading.Event().wait(0.05)

    return Crowd(8, work)


def wait_for(count, taken):
    for _ in range(6000):
        if len(taken) >= count:
            return
        threading.Event().wait(0.01)
    raise AssertionError("too slow: %d" % len(taken))


def requests(world):
    return world.plain.effects()["requests"] + world.keyed.effects()["requests"]


def settled(world, receipt):
    """The receipt once it says stopped."""
    for _ in range(3000):
        if receipt["stopped_at"]:
            return receipt
        threading.Event().wait(0.01)
        receipt = world.daemon.get("/v1/stops/" + receipt["id"]).json
    raise AssertionError("never stopped: %s" % receipt)


@pytest.mark.parametrize("scope", [{}, {"workflow": "stories"}])
def test_nothing_starts_after_the_acknowledgement(tmp_path, scope):
    with World(tmp_path) as world:
        for provider in (world.plain, world.keyed):
            provider.set(mode="slow", delay_ms=30, share=0.3, seed=1, times=None)
        taken = []
        crowd = crowd_of(world, taken)
        wait_for(60, taken)
        answer = world.daemon.post("/v1/stops", {"scope": scope, "position": "stopped", "reason": "rehearsal"})
        assert answer.status == 202, answer
        receipt = settled(world, answer.json)
        reached = requests(world)
        more = len(taken) + 60
        wait_for(more, taken)  # work keeps arriving, and is held
        assert requests(world) == reached, "something reached the provider after STOPPED"
        crowd.end()
        # Starts that the stop caught before their first byte are in `ended` as held, too.
        assert sum(receipt["ended"].values()) >= len(answer.json["in_flight"]), (answer.json, receipt)
        assert set(receipt["ended"]) <= {"done", "held", "uncertain", "waiting"}, receipt
        world.daemon.kill()
        world.daemon.start()
        late = world.submit("plain", "after-the-crash").json
        assert late["state"] == "held" and late["who"]["group"], late
        assert requests(world) == reached
        incident = receipt["incident"]
        assert world.daemon.restart(incident, "rehearsed").status == 202
        for step, key, id in taken[-20:]:
            assert world.wait(step, key, "done")["action"] == id
        assert world.plain.effects()["twice"]["by"] == 0 and world.keyed.effects()["twice"]["by"] == 0


@pytest.mark.parametrize("scope, stopped, running", [
    ({"workflow": "stories", "step": "plain"}, "plain", "keyed"),
    ({"upstream": "keyed"}, "keyed", "plain"),
])
def test_only_the_scope_stops(tmp_path, scope, stopped, running):
    with World(tmp_path) as world:
        receipt = world.daemon.post("/v1/stops", {"scope": scope, "position": "stopped"}).json
        assert receipt["stopped_at"] and receipt["in_flight"] == []
        assert world.submit(stopped, "a").json["state"] == "held"
        assert world.submit(running, "a").json["state"] == "done"
        # Two stops: lifting one leaves the other in force.
        second = world.daemon.post("/v1/stops", {"scope": {"workflow": "stories"}, "position": "stopped"}).json
        assert world.daemon.restart(receipt["incident"], "r").status == 202
        assert world.submit(stopped, "b").json["state"] == "held"
        assert world.daemon.restart(second["incident"], "r").status == 202
        assert world.wait(stopped, "a", "done") and world.wait(stopped, "b", "done")


def test_a_lifted_stop_is_told_as_stopped_after_a_crash(tmp_path):
    """Its receipt was open: what was under way ends at the start, and so does the receipt; once."""
    with World(tmp_path) as world:
        world.keyed.set(mode="slow", delay_ms=60000, times=1)
        world.submit("keyed", "under-way", headers={"Prefer": "respond-async"})
        for _ in range(2000):
            if requests(world):
                break
            threading.Event().wait(0.01)
        receipt = world.daemon.post("/v1/stops", {"scope": {"workflow": "stories"}, "position": "stopped"}).json
        assert len(receipt["in_flight"]) == 1 and receipt["stopped_at"] is None, receipt
        assert world.daemon.restart(receipt["incident"], "go on").status == 202
        assert world.submit("plain", "after-the-lift").json["state"] == "done"
        for _ in range(2):
            world.daemon.kill()
            world.daemon.start()
            now = settled(world, world.daemon.get("/v1/stops/" + receipt["id"]).json)
            assert now["lifted_at"] and sum(now["ended"].values()) == 1, now
            world.daemon.post("/v1/admin/reload")  # durable after it is durable
            stopped = [line for line in world.daemon.get("/v1/decisions").json if line["record"]["kind"] == "stopped"]
            assert len(stopped) == 1, stopped


def test_a_script_that_stops_again_and_again_takes_no_room(tmp_path):
    with Daemon(install(tmp_path)) as daemon:
        def is_proven():
            answer = daemon.get("/v1/decisions/verify", headers={"Accept": "application/json"})
            return answer.status == 200 and answer.json["good"]

        for i in range(50):
            answer = daemon.post("/v1/stops", {"scope": {"workflow": "invoice-reminders"}, "reason": "again %d" % i}, token="billing-cron")
            assert answer.status == 202, answer
            assert daemon.remind("INV-%d" % i).json["state"] == "held"
        incident, = daemon.get("/v1/incidents").json["items"]
        assert len(incident["stops"]) == 32 and is_proven()
        daemon.kill()
        daemon.start()
        assert daemon.restart(incident["id"], "looked at").status == 202
        assert daemon.remind("INV-99").json["state"] == "done" and is_proven()
