"""The plan of a workflow: its sentences, a name under them, and what a change does to that."""
import subprocess

import pytest

from interlock_client import BARE_REMINDERS as REMINDERS, BUILD, INSTALLATION, ROUTING, TOKENS, Daemon, install

URL = "/v1/workflows/invoice-reminders/plan"


@pytest.fixture
def daemon(tmp_path):
    """With the limits that are there without a line."""
    with Daemon(install(tmp_path, policies={"invoice-reminders.yaml": REMINDERS, "inquiry-routing.yaml": ROUTING}, at_once=False)) as running:
        yield running


def cli(daemon, *arguments, token="ana"):
    done = subprocess.run([str(BUILD / "interlock"), *arguments, "--config", str(daemon.folder / "interlock.yaml")], cwd=daemon.folder,
                          env={"INTERLOCK_URL": "http://%s:%d" % (daemon.host, daemon.port), "INTERLOCK_TOKEN": TOKENS[token], "PATH": "/usr/bin"},
                          capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def policy(daemon, text):
    (daemon.folder / "policies" / "invoice-reminders.yaml").write_text(text)


def test_it_says_who_and_what(daemon):
    code, out, err = cli(daemon, "plan", "invoice-reminders")
    assert code == 0, err
    assert out.startswith("PLAN    invoice-reminders: Remind customers of overdue invoices (mode auto)\n")
    assert "WHO     finance (Ana Ruiz, Ben Okafor) may stop it" in out and "Ana Ruiz informs stakeholders within 30 min." in out
    assert "LIMIT   send_reminder: somebody is told when an action became uncertain (standard)\n" in out
    assert "send_reminder stops when the number of starts to the same recipient in 1 d is above 3 (standard)\n" in out
    assert "THEN    send_reminder, stopped: " in out
    assert "RESTART asked for with a reason by owner, restart, inform or an admin; approved by one of finance-leads (Ana Ruiz, Ben Okafor), never by who asks. Then 5 one by one, 10 %, 50 %, all of it.\n" in out
    assert out.endswith("SIGNED  by nobody yet\n")
    local = subprocess.run([str(BUILD / "interlock"), "plan", "invoice-reminders"], cwd=daemon.folder, env={"PATH": "/usr/bin"}, capture_output=True, text=True)
    assert local.returncode == 0 and out.startswith(local.stdout)


def test_a_name_is_bound_to_the_facts(daemon):
    code, out, err = cli(daemon, "plan", "invoice-reminders", "--sign")
    assert code == 0 and "SIGNED  by ana, " in out, err
    plan = daemon.get(URL).json
    assert plan["is_signed"] and plan["signed_by"] == "ana" and plan["signed_facts"] == plan["facts"]
    assert daemon.get("/v1/status").json["unsigned_plans"] is None
    assert "note:" not in cli(daemon, "check")[1]

    policy(daemon, REMINDERS.replace("input.balance > 10000", "input.balance > 20000"))  # no fact of the plan
    assert daemon.post("/v1/admin/reload", {}).status == 200
    assert daemon.get(URL).json["is_signed"]

    policy(daemon, REMINDERS + "triggers:\n  - runaway: stopped if volume > 500 in 1h\n")
    code, out, _ = cli(daemon, "check")
    assert code == 0 and "note: the plan of invoice-reminders is not what ana signed" in out
    assert daemon.get(URL).json["is_signed"]  # what is in force is what was signed
    assert daemon.post("/v1/admin/reload", {}).status == 200
    assert not daemon.get(URL).json["is_signed"]
    assert daemon.get("/v1/status").json["unsigned_plans"] == "invoice-reminders"
    assert daemon.get("/v1/status", token="eve").json["unsigned_plans"] is None  # a stranger sees nothing of it
    assert "UNSIGNED: the plan of invoice-reminders has changed" in daemon.get("/v1/status", headers={"Accept": "text/plain"}).text
    assert "UNSIGNED: facts have changed since Ana Ruiz signed, " in daemon.get(URL + "?format=text").text

    daemon.kill()
    daemon.start()
    assert daemon.get("/v1/status").json["unsigned_plans"] == "invoice-reminders"
    assert cli(daemon, "plan", "invoice-reminders", "--sign", token="ben")[0] == 0
    assert daemon.get(URL).json["signed_by"] == "ben" and daemon.get("/v1/status").json["unsigned_plans"] is None
    answer = daemon.get("/v1/decisions/verify", headers={"Accept": "application/json"})
    assert answer.status == 200 and answer.json["good"], answer


def test_members_are_facts(daemon):
    assert cli(daemon, "plan", "invoice-reminders", "--sign")[0] == 0
    text = INSTALLATION.replace("finance: [ana, ben]", "finance: [ben, ana]")
    assert text != INSTALLATION
    (daemon.folder / "interlock.yaml").write_text(text)
    assert daemon.post("/v1/admin/reload", {}).status == 200
    assert not daemon.get(URL).json["is_signed"]


def test_refusals(daemon):
    facts = daemon.get(URL).json["facts"]
    assert daemon.post(URL, {"facts": "0" * 64}).status == 409
    assert daemon.post(URL, {"facts": facts[:-1]}).status == 422
    assert daemon.post(URL, {}).status == 422
    assert daemon.post(URL, {"facts": facts}, token="billing-cron").status == 403
    assert daemon.post(URL, {"facts": facts}, token="eve").status == 403
    assert daemon.post("/v1/workflows/none/plan", {"facts": facts}).status == 404
    assert daemon.get(URL).json["signed_by"] is None
    code, _, err = cli(daemon, "plan", "none")
    assert code == 1, err


OWNERLESS = ROUTING.replace("inform: support-leads\n", "")
PAYMENT = """\
workflow: payouts
owner: finance
restart: finance-leads
inform: ana
mode: auto
steps:
  pay:
    kind: payment
    call: mailer POST /pay
    key: ${input.id}
    amount: ${input.amount}
"""


@pytest.mark.parametrize("text, code", [(OWNERLESS, "IL201"), (PAYMENT, "IL")])
def test_auto_does_not_load_without_its_people_and_limits(tmp_path, text, code):
    folder = install(tmp_path, policies={"w.yaml": text})
    done = subprocess.run([str(BUILD / "interlock"), "check"], cwd=folder, env={"PATH": "/usr/bin"}, capture_output=True, text=True)
    assert done.returncode == 1 and "error " + code in done.stdout, done.stdout
    if text is PAYMENT:
        assert "has no sum trigger" in done.stdout


def test_upstreams_and_everything_have_their_people(tmp_path):
    folder = install(tmp_path, INSTALLATION.replace("  inform: ana\nupstreams:", "upstreams:"))
    done = subprocess.run([str(BUILD / "interlock"), "check"], cwd=folder, env={"PATH": "/usr/bin"}, capture_output=True, text=True)
    assert done.returncode == 1 and "error IL201" in done.stdout and "`switch:`" in done.stdout, done.stdout


def test_the_sensitivity_is_a_fact(daemon):
    """Of a limit that no number of the sentence holds: a share that is tested."""
    text = REMINDERS + "sensitivity: calm\ntriggers:\n  - wrong: stopped if errors > 2%\n"
    policy(daemon, text)
    assert daemon.post("/v1/admin/reload", {}).status == 200
    code, out, err = cli(daemon, "plan", "invoice-reminders", "--sign")
    assert code == 0 and ", sensitivity calm\n" in out, (out, err)
    policy(daemon, text.replace("calm", "quick"))
    assert daemon.post("/v1/admin/reload", {}).status == 200
    assert not daemon.get(URL).json["is_signed"] and daemon.get("/v1/status").json["unsigned_plans"] == "invoice-reminders"


def test_the_sensitivity_is_a_fact_without_standard_limits(tmp_path):
    """Where nothing but shares limits it, only the sensitivity changes."""
    own = "triggers:\n  - wrong: stopped if errors > 2%\n  - lost: stopped if uncertain > 5 in 1h\n"
    shares = "sensitivity: calm\n" + ROUTING.replace("triggers:\n", own)
    with Daemon(install(tmp_path, policies={"inquiry-routing.yaml": shares, "invoice-reminders.yaml": REMINDERS})) as daemon:
        url = "/v1/workflows/inquiry-routing/plan"
        before = daemon.get(url + "?format=text").text
        assert daemon.post(url, {"facts": daemon.get(url).json["facts"]}).status == 200
        path = tmp_path / "policies" / "inquiry-routing.yaml"
        path.write_text(path.read_text().replace("calm", "quick"))
        assert daemon.post("/v1/admin/reload", {}).status == 200
        after = daemon.get(url + "?format=text").text
        assert not daemon.get(url).json["is_signed"], after
        assert ", sensitivity quick" in after and ", sensitivity calm" in before
