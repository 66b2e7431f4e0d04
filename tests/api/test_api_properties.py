"""Same key, any order, any concurrency, any trouble at the provider: one action, one effect, the same `response`
(I5, R7-R9). The provider is the sandbox, which counts what really happened; a POST without a key header is the
third upstream, where a lost answer may only ever be uncertain. Seeds are fixed; a failing example is printed."""
import itertools, json, random, tempfile, threading

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from interlock_client import FAR, INSTALLATION, REMINDERS, ROUTING, Daemon, install

FIXED = settings(max_examples=20, deadline=None, derandomize=True, database=None,
                 suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
NUMBER = itertools.count(1)

FORGETFUL = """\
workflow: phone-notes
purpose: Tell customers by a provider that cannot recognise a repeat
owner: finance
restart: finance-leads
inform: ana
mode: auto

steps:
  send_note:
    kind: message
    recipient: ${input.phone}
    call: phone POST /notes
    key: ${input.note}
    summary: Note ${input.note}
    body:
      note: ${input.note}
""" + FAR + "  - repeat: stopped if repeat(input.phone) > 32 in 1ms\n"


WITH_PHONE = INSTALLATION.replace("upstreams:\n", "upstreams:\n  phone:\n    sandbox: true\n").replace(
    "submits: [invoice-reminders]", "submits: [invoice-reminders, phone-notes]")


def fresh(folder):
    return Daemon(install(folder, WITH_PHONE, {"a.yaml": REMINDERS, "b.yaml": ROUTING, "c.yaml": FORGETFUL}))


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    with fresh(tmp_path_factory.mktemp("gate")) as daemon:
        yield daemon


def spelled(rng, value):
    """The same JSON value in another spelling: order, blanks, escapes, 420 = 420.0 = 4.2e2."""
    if isinstance(value, dict):
        items = list(value.items())
        rng.shuffle(items)
        blank = rng.choice(["", " ", "\n\t"])
        return "{%s}" % ",".join("%s%s%s:%s" % (blank, spelled(rng, k), blank, spelled(rng, v)) for k, v in items)
    if isinstance(value, str):
        return '"%s"' % "".join("\\u%04x" % ord(c) if rng.random() < 0.2 else json.dumps(c)[1:-1] for c in value)
    if isinstance(value, int):
        return rng.choice(["%d" % value, "%d.0" % value, "%de0" % value, "%d0e-1" % value])
    return json.dumps(value)


def response_bytes(text):
    """The `response` member as it came over the wire."""
    start = text.index('"response":')
    return text[start:text.index(',"what":', start)]


class Callers:
    """Submits at once from several threads, each on a connection of its own."""

    def __init__(self, daemon, path, token, key=None):
        self.daemon, self.path, self.token = daemon, path, token
        self.headers = {"Prefer": "wait=30"}
        if key:
            self.headers["Idempotency-Key"] = key
        self.answers, self.errors = [], []

    def work(self, jobs, barrier):
        connection = self.daemon.connect()
        try:
            barrier.wait()
            for body in jobs:
                self.answers.append(self.daemon.post(self.path, body.encode(), token=self.token, connection=connection,
                                                     headers=self.headers))
        except Exception as error:  # pylint: disable=broad-except - told in the main thread
            self.errors.append(error)
        finally:
            connection.close()

    def run(self, jobs_of_threads):
        barrier = threading.Barrier(len(jobs_of_threads))
        threads = [threading.Thread(target=self.work, args=(jobs, barrier)) for jobs in jobs_of_threads]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not self.errors, self.errors
        return self.answers


def bodies(seed, inputs, repeats, threads):
    """repeats spellings of each input, shuffled over the threads; what R8 says is no part of the key varies."""
    rng = random.Random(seed)
    all_jobs = []
    for value in inputs:
        for n in range(repeats):
            rest = {"run": "R%d" % rng.randrange(3), "because": "try %d" % n, "confidence": rng.choice([0.9, 1, 0.81])}
            members = ['"input":' + spelled(rng, value)] + ["%s:%s" % (json.dumps(k), json.dumps(v)) for k, v in rest.items()]
            rng.shuffle(members)
            all_jobs.append("{%s}" % ",".join(members))
    rng.shuffle(all_jobs)
    return [all_jobs[i::threads] for i in range(threads)]


def by_action(answers):
    found = {}
    for answer in answers:
        found.setdefault(answer.json["key"], []).append(answer)
    return found


CASE = dict(seed=st.integers(0, 2**32), keys=st.integers(1, 4), repeats=st.integers(1, 6), threads=st.integers(1, 8))


@FIXED
@given(lost=st.integers(0, 3), refused=st.integers(0, 2), slow=st.sampled_from([0, 0, 30]), **CASE)
def test_one_key_is_one_action_and_one_effect(seed, keys, repeats, threads, lost, refused, slow):
    """A daemon for each example: the retry budget of one must not be spent by another."""
    with tempfile.TemporaryDirectory() as folder, Daemon(install(folder)) as gate:
        one_key(gate, seed, keys, repeats, threads, (lost, refused, slow))


def one_key(gate, seed, keys, repeats, threads, trouble):
    lost, refused, slow = trouble
    name = "P%d" % next(NUMBER)
    inputs = [{"invoice": "%s-%d" % (name, n), "stage": 1, "balance": 420, "email": "m@example.org"} for n in range(keys)]
    gate.sandbox("mailer", lose=lost, slow_ms=slow, status=429 if refused else 0, times=refused)
    before = gate.sandbox()["effects"]
    callers = Callers(gate, "/v1/workflows/invoice-reminders/steps/send_reminder/actions", "billing-cron")
    answers = callers.run(bodies(seed, inputs, repeats, threads))
    gate.sandbox("mailer", lose=0, slow_ms=0, status=0)
    assert {a.status for a in answers} <= {200, 202}, answers
    finals = {}
    for value in inputs:
        answer = gate.post("/v1/workflows/invoice-reminders/steps/send_reminder/actions", {"input": value},
                           token="billing-cron", headers={"Prefer": "wait=60"})
        finals[answer.json["key"]] = answer
        assert answer.json["state"] in ("done", "held", "uncertain"), answer
    for key, group in by_action(answers).items():
        assert {a.json["action"] for a in group} == {finals[key].json["action"]}
        done = [response_bytes(a.text) for a in group + [finals[key]] if a.json["state"] == "done"]
        assert len(set(done)) <= 1, done
        assert sum(not a.json["replayed"] for a in group) <= 1
    report = gate.sandbox()
    assert report["twice_by_key"] == 0 and report["conflicts"] == 0 and report["twice_by_payload"] == 0, report
    done = sum(a.json["state"] == "done" for a in finals.values())
    assert done <= report["effects"] - before <= keys
    assert lost + refused >= 3 or done == keys, finals


@FIXED
@given(lost=st.integers(0, 3), **CASE)
def test_a_lost_answer_is_never_sent_again_where_no_key_is_known(seed, keys, repeats, threads, lost):
    """Each key: done with one effect, or uncertain with one effect, whatever the callers do."""
    with tempfile.TemporaryDirectory() as folder, fresh(folder) as gate:
        gate.sandbox("phone", remembers_keys=False)
        one_forgetful(gate, seed, keys, repeats, threads, lost)


def one_forgetful(gate, seed, keys, repeats, threads, lost):
    name = "N%d" % next(NUMBER)
    inputs = [{"note": "%s-%d" % (name, n), "phone": "+34600000000"} for n in range(keys)]
    gate.sandbox("phone", lose=lost)
    before = gate.sandbox("phone")
    callers = Callers(gate, "/v1/workflows/phone-notes/steps/send_note/actions", "billing-cron")
    answers = callers.run(bodies(seed, inputs, repeats, threads))
    gate.sandbox("phone", lose=0)
    after = gate.sandbox("phone")
    found = by_action(answers)
    assert len(found) == keys
    uncertain = 0
    for group in found.values():
        assert len({a.json["action"] for a in group}) == 1
        states = {a.json["state"] for a in group}
        assert states <= {"done", "uncertain"}, states
        uncertain += "uncertain" in states
        for answer in group:
            if answer.json["state"] == "uncertain":
                assert answer.status == 202 and answer.json["who"]["group"] == "finance" and answer.json["attempts"] == 1
    assert after["effects"] - before["effects"] == after["payloads"] - before["payloads"] == keys
    assert after["twice_by_payload"] == 0
    assert uncertain <= after["lost"] - before["lost"]


@FIXED
@given(seed=st.integers(0, 2**32), threads=st.integers(2, 6))
def test_other_input_under_the_key_does_nothing(gate, seed, threads):
    """I5: whoever is first wins; the others get 422, name the field, and nothing is sent for them."""
    name = "C%d" % next(NUMBER)
    before = gate.sandbox("helpdesk")["effects"]
    callers = Callers(gate, "/v1/workflows/inquiry-routing/steps/route_ticket/actions", "helpdesk-bot", name)
    rng = random.Random(seed)
    jobs = [["{\"confidence\":1,\"input\":%s}" % spelled(rng, {"ticket": name, "team": "t%d" % n})] for n in range(threads)]
    answers = callers.run(jobs)
    assert sorted(a.status for a in answers) == [200] + [422] * (threads - 1), answers
    for answer in answers:
        assert answer.status == 200 or "team" in answer.json["detail"]
    assert gate.sandbox("helpdesk")["effects"] - before == 1


def test_the_store_is_what_its_records_say_after_all_this(gate):
    report = gate.get("/v1/decisions/verify").json
    while report["next"]:
        report = gate.get("/v1/decisions/verify?cursor=" + report["next"]).json
    assert report["good"], report
