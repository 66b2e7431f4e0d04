"""R27: an action whose event ended the process twice is taken to a person; the rest is served."""
from interlock_client import Daemon, install
from story_world import World, wait_requests


def test_twice_is_enough(tmp_path):
    with World(tmp_path) as world:
        world.daemon.post("/v1/stops", {"scope": {}, "position": "stopped"})
        poison, other, once = (world.submit("plain", k).json["action"] for k in ("poison", "other", "once"))
        world.daemon.kill()
        (tmp_path / "data" / "suspects").write_text("%s\n%s\n%s\n" % (poison, once, poison))
        world.daemon.start()
        taken = world.daemon.action(poison)
        assert taken["state"] == "uncertain" and taken["reason"] == "quarantine", taken
        assert taken["who"]["group"] == "finance", taken
        assert world.daemon.action(other)["state"] == "held" and world.daemon.action(once)["state"] == "held"
        assert not (tmp_path / "data" / "suspects").exists()


def test_the_receipt_of_a_stop_counts_the_attempt_that_it_ended(tmp_path):
    with World(tmp_path) as world:
        world.plain.set(mode="hang")
        action = world.submit("plain", "poison", headers={"Prefer": "wait=0"}).json["action"]
        wait_requests(world.plain, 1)
        stop = world.daemon.post("/v1/stops", {"scope": {}, "position": "stopped"}).json
        assert not stop["stopped_at"], stop
        world.daemon.kill()
        (tmp_path / "data" / "suspects").write_text("%s\n%s\n" % (action, action))
        world.daemon.start()
        taken = world.daemon.action(action)
        assert taken["state"] == "uncertain" and taken["reason"] == "quarantine", taken
        looks = (world.daemon.get("/v1/stops/" + stop["id"]).json for _ in range(500))  # its write is on the way
        assert any(receipt["stopped_at"] for receipt in looks)


def test_to_send_what_never_started_is_no_approval(tmp_path):
    """I11: who submitted it may settle it, not let it pass the rule that wants another one."""
    with Daemon(install(tmp_path), token="ana") as daemon:
        asked = daemon.remind("INV-1", balance=20000, token="ana").json
        assert asked["state"] == "in_review"
        daemon.kill()
        (tmp_path / "data" / "suspects").write_text("%s\n%s\n" % (asked["action"], asked["action"]))
        daemon.start()
        assert daemon.action(asked["action"])["state"] == "uncertain"
        sent = daemon.post("/v1/actions/%s/resolve" % asked["action"], {"happened": False, "send": True})
        assert sent.status == 200 and sent.json["state"] == "in_review", sent
        assert daemon.sandbox()["effects"] == 0
