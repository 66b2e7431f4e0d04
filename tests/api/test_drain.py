"""What a stop held leaves after the restart at a measured pace (R19), at providers that count."""
import threading, time

import pytest

from story_world import POLICY, World, wait_requests

TWO = POLICY + "ramp: []\n"


def stop(daemon, **scope):
    answer = daemon.post("/v1/stops", {"scope": scope or {"workflow": "stories"}, "reason": "wrong"}, token="ana")
    assert answer.status == 202, answer
    return answer.json["incident"]


def line_of(daemon, workflow="stories"):
    return next(w for w in daemon.get("/v1/status").json["workflows"] if w["workflow"] == workflow)


def hold(world, step, count):
    for i in range(count):
        assert world.submit(step, "h%d" % i, headers={"Prefer": "respond-async"}).json["state"] == "held"


def test_what_was_held_leaves_at_half_of_the_pace_and_it_is_said(tmp_path):
    with World(tmp_path, TWO) as world:
        daemon = world.daemon
        incident = stop(daemon)
        hold(world, "keyed", 12)
        assert line_of(daemon)["drain"] is None
        daemon.restart(incident, "go")
        line = line_of(daemon)
        assert line["drain"]["held"] >= 10 and line["drain"]["per_second"] == 2.5 and 3 < line["drain"]["seconds"] < 6, line
        text = daemon.get("/v1/status?format=text").text
        assert " · draining %d held at 2.5/s, about " % line_of(daemon)["drain"]["held"] in text, text
        page = daemon.get("/v1/incidents/%s?format=text" % incident).text
        assert "\nDRAIN   " in page and " held leave at 2.5/s, about " in page, page
        assert world.submit("keyed", "live").json["state"] == "done"  # what arrives does not wait for them
        last = world.find("keyed", "h11")
        assert last["state"] == "held" and last["next"]["what"] == "its turn, after those held before it" and last["who"] is None, last
        assert "\nDO      nothing" in daemon.get("/v1/actions/%s/explain" % last["action"], headers={"Accept": "text/plain"}).text
        world.wait("keyed", "h11", "done")
        assert line_of(daemon)["drain"] is None
        assert "draining" not in daemon.get("/v1/status?format=text").text
        effects = world.keyed.effects()
        assert effects["by"] == {**{"h%d" % i: 1 for i in range(12)}, "live": 1}, effects


def test_a_kill_in_the_middle_loses_none_and_sends_none_twice(tmp_path):
    with World(tmp_path, TWO) as world:
        daemon = world.daemon
        incident = stop(daemon)
        hold(world, "keyed", 8)
        daemon.restart(incident, "go")
        world.wait("keyed", "h1", "done")
        daemon.kill()
        daemon.start()
        assert line_of(daemon)["drain"]["held"] > 0
        world.wait("keyed", "h7", "done")
        assert world.keyed.effects()["by"] == {"h%d" % i: 1 for i in range(8)}


def test_drain_of_the_upstream_stands_in_place_of_the_pace(tmp_path):
    with World(tmp_path, TWO, upstream=", drain: at most 200/s ") as world:
        daemon = world.daemon
        incident = stop(daemon)
        hold(world, "plain", 40)
        daemon.restart(incident, "go")
        drain = line_of(daemon)["drain"]
        assert drain is None or drain["per_second"] == 100, drain
        for _ in range(400):
            if world.plain.effects()["effects"] == 40:
                break
            threading.Event().wait(0.01)
        assert world.plain.effects()["effects"] == 40


def test_what_another_stop_holds_stays(tmp_path):
    with World(tmp_path, TWO) as world:
        daemon = world.daemon
        incident, other = stop(daemon), stop(daemon, workflow="stories", step="plain")
        for i in range(3):
            assert world.submit("plain", "p%d" % i).json["state"] == "held"
        hold(world, "keyed", 3)
        daemon.restart(incident, "go")
        world.wait("keyed", "h2", "done")  # the older ones of the other stop are passed over
        assert world.find("plain", "p0")["state"] == "held" and world.plain.effects()["requests"] == 0
        assert line_of(daemon)["drain"] is None
        daemon.restart(other, "go")
        world.wait("plain", "p2", "done")


@pytest.mark.parametrize("mode", [{"mode": "hang"}, {"mode": "status:429", "retry_after": 600}])
def test_an_upstream_that_takes_nothing_holds_only_its_own(tmp_path, mode):
    """300 held for it before four that go elsewhere: those leave at their pace, over a kill, and it is called once."""
    policy = TWO.replace("timeout: 2s", "timeout: 5m", 1)
    with World(tmp_path, policy, upstream=", concurrency: 1 ") as world:
        daemon = world.daemon
        world.plain.set(times=None, **mode)
        incident = stop(daemon)
        hold(world, "plain", 300)
        hold(world, "keyed", 4)
        daemon.restart(incident, "go")
        wait_requests(world.plain, 1)
        begin = time.monotonic()
        world.wait("keyed", "h1", "done")
        drain = line_of(daemon)["drain"]
        assert 299 <= drain["held"] <= 301, drain
        daemon.kill()
        daemon.start()
        world.wait("keyed", "h3", "done")
        assert time.monotonic() - begin < 60  # 120 s for the 300 alone, if they went
        assert world.keyed.effects()["by"] == {"h%d" % i: 1 for i in range(4)}
        assert world.plain.effects()["effects"] == 0 and world.plain.effects()["requests"] <= 2
        daemon.kill()  # a call may hang for its five minutes
