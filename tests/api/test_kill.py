"""kill -9 at random moments under load: nothing acknowledged is lost, nothing is sent twice, and what lies on the
disk after each kill is proven by verify before anybody opens it.
ROUNDS=200 for `make torture`."""
import http.client, itertools, os, random, re, threading

from story_world import POLICY, Crowd, World, wait_requests
from test_api_verify import verify_files

ROUNDS = int(os.environ.get("ROUNDS", "40"))
ENDS = ("done", "failed", "rejected", "expired", "cancelled")


class Callers:
    """Submits new keys and, as callers do, the same key again until it has an answer."""

    def __init__(self, world):
        self.world, self.numbers, self.lock = world, itertools.count(), threading.Lock()
        self.acknowledged = {}   # (step, key) -> action id
        self.answers = 0
        self.enough = threading.Event()
        self.wanted = 0

    def want(self, count):
        with self.lock:
            self.enough.clear()
            self.wanted = self.answers + count

    def work(self, n):
        with self.lock:
            number = next(self.numbers)
        step, key = ("plain", "keyed")[number % 2], "k%d" % number
        for _ in range(400):
            try:
                answer = self.world.daemon.request(
                    "POST", "/v1/workflows/stories/steps/%s/actions" % step, {"input": {"id": key}},
                    token="billing-cron", headers={"Prefer": "wait=5"}, checked=False)
            except (OSError, http.client.HTTPException):
                threading.Event().wait(0.02)  # the daemon is away
                continue
            body = answer.json or {}
            id = body.get("action") if isinstance(body.get("action"), str) else (body.get("action") or {}).get("action")
            if answer.status == 503 and not id:
                continue
            assert id, answer
            with self.lock:
                assert self.acknowledged.setdefault((step, key), id) == id, "one key, two actions"
                self.answers += 1
                if self.answers >= self.wanted:
                    self.enough.set()
            return
        raise AssertionError("never answered: " + key)


def test_kill_in_the_middle(tmp_path):
    dice = random.Random(int(os.environ.get("SEED", "11")))
    with World(tmp_path, POLICY + "  - again: alert if repeat(input.id) > 30 in 1d\n") as world:  # rows that no record proves
        world.plain.set(mode="effect-drop", share=0.1, seed=3, times=None)
        world.keyed.set(mode="effect-drop", share=0.1, seed=4, times=None)
        callers = Callers(world)
        crowd = Crowd(8, callers.work)
        for _ in range(ROUNDS):
            callers.want(dice.randrange(1, 40))
            assert callers.enough.wait(60), "nothing is answered any more"
            world.daemon.kill()
            proof = verify_files(tmp_path)
            assert proof.returncode == 0 and "not compared" not in proof.stdout, proof
            world.daemon.start()
        crowd.end()
        world.plain.set(mode="ok")
        world.keyed.set(mode="ok")
        check_everything(world, callers)


def check_everything(world, callers):
    for (step, key), id in callers.acknowledged.items():
        action = world.daemon.action(id)
        if action["state"] in ("attempting", "waiting"):
            action = world.wait(step, key, *ENDS, "uncertain", "held", "in_review")
        assert action["state"] in ENDS or action["who"] or action["next"], action
        assert action["attempts"] <= 3 + 5, action  # the cap, and what the safe queue may grant (R15)
        if action["state"] == "uncertain":
            assert step == "plain" and action["who"]["group"] == "finance", action
    assert len(callers.acknowledged) > ROUNDS
    for provider in (world.plain, world.keyed):
        effects = provider.effects()
        assert effects["twice"]["by"] == 0, "an effect happened twice"
    keys_of = world.keyed.effects()["by_key"]
    assert all(count == 1 for count in keys_of.values())
    assert len(keys_of) == world.keyed.effects()["effects"], "two provider keys for one action"
    world.daemon.stop()
    world.daemon.start()
    proof = world.daemon.get("/v1/decisions/verify")
    assert proof.json["good"], proof


def test_what_was_under_way_says_that_it_waits_for_the_retry_budget(tmp_path):
    """After a crash the budget starts empty (R30): the repeat waits for the next round of its upstream, and that is said."""
    with World(tmp_path) as world:
        daemon = world.daemon
        world.keyed.set(mode="hang")
        for key in ("k0", "k1"):
            world.submit("keyed", key, headers={"Prefer": "respond-async"})
        wait_requests(world.keyed, 2)
        daemon.kill()
        world.keyed.set(mode="ok")
        daemon.start()
        action = world.find("keyed", "k1")
        assert action["state"] == "held" and "in the safe queue for the retry budget of keyed" in action["what"], action
        assert action["why"].startswith("the retry budget of this upstream is empty"), action
        assert action["next"]["what"] == "another try" and action["next"]["at"], action
        page = daemon.get("/v1/status?format=text").text
        assert re.search(r"\nkeyed +its retry budget is empty; tried again .*; 2 held\n", page), page
        upstream = next(u for u in daemon.get("/v1/status").json["upstreams"] if u["upstream"] == "keyed")
        assert upstream["retry_budget"] == 0 and upstream["asked_again_at"] == action["next"]["at"], upstream
