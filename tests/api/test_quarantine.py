"""R27: an action whose event ended the process twice is taken to a person; the rest is served."""
from story_world import World


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
