"""The command line as a user has it: the real binary, files, a terminal, and a daemon that runs."""
import json, os, pathlib, pty, re, select, signal, socket, stat, subprocess

import pytest

from interlock_client import BUILD, INSTALLATION, READY, WATCHDOG_S, install

BINARY = BUILD / "interlock"
KEY = re.compile(r"ACTION +(\S+) / (\S+) +(\S+) +(a_[0-9A-Z]{13})")


class Shell:
    """A folder to work in and the environment of one user."""

    def __init__(self, folder):
        self.folder = folder
        self.env = {"PATH": os.environ["PATH"], "USER": "ana", "PWD": str(folder)}

    def __call__(self, *args, code=0, **more):
        p = subprocess.run([BINARY, *args], cwd=self.folder, env={**self.env, **more}, capture_output=True, text=True,
                           stdin=subprocess.DEVNULL, timeout=WATCHDOG_S)
        assert code in (None, p.returncode), (args, p.returncode, p.stdout, p.stderr)
        return p.stdout + p.stderr

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


class Serving:
    """`interlock serve` in a shell's folder; its ready line says where."""

    def __init__(self, shell, *args):
        self.shell, self.args = shell, args

    def __enter__(self):
        self.process = spawn(self.shell, "serve", *self.args)
        self.lines = [read_line(self.process)]
        while not READY.search(self.lines[-1]):
            assert self.lines[-1], self.process.stderr.read()  # it has ended
            self.lines.append(read_line(self.process))
        ready = READY.search(self.lines[-1])
        self.shell.env["INTERLOCK_URL"] = "http://%s:%s" % ready.groups()
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.out, self.err = self.process.communicate(timeout=WATCHDOG_S)
        if error == (None, None, None):
            assert self.process.returncode == 0, (self.process.returncode, self.err)


def read_line(process):
    """One line; the pipe is unbuffered, so that select sees all that is left of it."""
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], WATCHDOG_S)
        assert ready, "nothing came in %d s after %r" % (WATCHDOG_S, line)
        byte = process.stdout.read(1)
        if not byte:
            break
        line += byte
    return line.decode()


def spawn(shell, *args):
    return subprocess.Popen([BINARY, *args], cwd=shell.folder, env=shell.env, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)


@pytest.fixture
def shell(tmp_path):
    return Shell(tmp_path)


REMINDER = ["invoice-reminders", "send_reminder"]


def test_a_time_zone_that_is_not_there(tmp_path):
    shell = Shell(install(tmp_path, installation=INSTALLATION + "timezone: Europe/Madird\n"))
    assert "error IL013: there is no time zone `Europe/Madird` on this machine" in shell("check", code=1)
    assert "there is no time zone `Europe/Madird`" in shell("serve", code=None)


def test_serve_ends_when_its_port_is_taken(shell):
    shell("init")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = "127.0.0.1:%d" % taken.getsockname()[1]
        daemon = spawn(shell, "serve", "--listen", listen)
        try:
            assert "serve --listen HOST:PORT" in daemon.communicate(timeout=WATCHDOG_S)[1].decode()
        finally:
            daemon.kill()
    assert daemon.returncode == 1  # it held the store for ever, and said nothing more


def test_init_check_try(shell):
    shell("init")
    for name, mode in (("secrets", 0o700), ("secrets/cli-token", 0o600), ("secrets/installation.key", 0o600)):
        assert stat.S_IMODE((shell.folder / name).stat().st_mode) == mode, name
    assert "good: 1 workflow, 1 step, 5 triggers, " in shell("check") and "--expand" in shell("check")
    assert json.loads(shell("check", "--json"))["errors"] == 0
    said = shell("try", *REMINDER, "invoice=INV-1", "stage=2", "balance=12000", "email=a@b.c")
    assert said.splitlines()[-1] == "NOTHING was sent or recorded."
    assert not (shell.folder / "data").exists()
    before = {p: p.read_bytes() for p in shell.folder.rglob("*") if p.is_file()}
    assert "never overwrites" in shell("init", code=1)
    assert before == {p: p.read_bytes() for p in shell.folder.rglob("*") if p.is_file()}


def test_init_keeps_a_secret_out_of_yaml(shell):
    secret = "sk-live-0123456789"
    shell("init", "--kind", "email", "--owner", "ana", "--from-curl",
          "curl -X POST https://api.mail.example.org/v1/messages -H 'Authorization: Bearer %s' "
          "--json '{\"to\": \"a@b.c\", \"invoice\": \"INV-1\", \"api_key\": \"%s\"}'" % (secret, secret))
    for path in shell.folder.rglob("*"):
        if path.is_file() and path != shell.folder / "secrets/mail":
            assert secret not in path.read_text(), path
    assert (shell.folder / "secrets/mail").read_text() == secret + "\n"
    assert stat.S_IMODE((shell.folder / "secrets/mail").stat().st_mode) == 0o600
    shell("check")


def test_init_asks_on_a_terminal(shell):
    answers = ["ticket-routing", "Route tickets", "ticket", "curl -X PUT https://desk.example.org/tickets/7/team --json '{\"team\":\"x\"}'",
               "", "ana", "ben"]
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(shell.folder)
        os.execve(BINARY, [BINARY, "init"], {**shell.env, "TERM": "dumb"})
    said = b""
    for number, answer in enumerate(answers, 1):
        while b"%d. " % number not in said:
            assert select.select([fd], [], [], WATCHDOG_S)[0], said
            said += os.read(fd, 4096)
        os.write(fd, answer.encode() + b"\n")
    while True:
        try:
            more = os.read(fd, 4096)
        except OSError:  # the terminal has gone
            break
        if not more:
            break
        said += more
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    assert os.waitstatus_to_exitcode(status) == 0, said
    assert "call: desk PUT /tickets/${input.ticket}/team" in (shell.folder / "policies/ticket-routing.yaml").read_text()
    shell("check")


WORDS = """\
workflow: words
purpose: What people type has the types of the policy
owner: ana
mode: observe
steps:
  say:
    kind: ticket
    call: provider POST /say
    key: k-${input.id}
    input: { id: text, note?: text, n?: number, ok?: boolean, on?: date, ids?: list of text }
    body: { id: "${input.id}", n: "${input.n}" }
"""


@pytest.mark.parametrize("where", ("beside the files", "elsewhere"))
def test_words_have_the_types_of_the_daemons_policy(shell, tmp_path_factory, where):
    shell("init", "--listen", "127.0.0.1:0")
    shell.write("policies/words.yaml", WORDS)
    with Serving(shell):
        user = shell
        if where == "elsewhere":
            user = Shell(tmp_path_factory.mktemp("elsewhere"))
            user.env.update(INTERLOCK_URL=shell.env["INTERLOCK_URL"],
                            INTERLOCK_TOKEN=(shell.folder / "secrets/cli-token").read_text().strip())
        else:  # what is in the files and not loaded says nothing
            shell.write("policies/words.yaml", WORDS.replace("id: text", "id: number"))
        for word in ("1", "007", "1e3", "true", "null", '"q"', "[1]", "a b"):
            said = user("submit", "words", "say", "id=" + word, "note=" + word, "n=1.50", "ok=true", "on=2026-12-01",
                        'ids=["1"]', "--dry-run")
            assert '{"id":%s,"n":1.5}' % json.dumps(word) in said, said
        assert "`n` must be number" in user("submit", "words", "say", "id=1", "n=one", code=1)
        assert "`ok` must be boolean" in user("submit", "words", "say", "id=1", "ok=1", code=1)


@pytest.mark.parametrize("limit", (1048576, 4194304))
def test_a_large_input_is_refused_by_the_limit_of_the_daemon(shell, limit):
    shell("init", "--listen", "127.0.0.1:0")
    config = shell.folder / "interlock.yaml"
    config.write_text(config.read_text() + "limits: { body: %d }\n" % limit)
    shell.write("policies/words.yaml", WORDS.replace("    input: {", "    # {").replace(", n: \"${input.n}\"", ""))
    with Serving(shell):
        words = ["w%d=%s" % (i, "x" * 100000) for i in range(12)]
        said = shell("submit", "words", "say", "id=1", *words, code=None)
        if limit > 1200000:
            assert "STATE   done" in said, said[:2000]
        else:
            assert "the body is over 1048576 bytes (`limits.body`): send less at once, or raise that limit" in said, said[:2000]


def test_a_day_with_the_daemon(shell):
    shell("init", "--restart", "ben", "--listen", "127.0.0.1:0")
    policy = shell.folder / "policies/invoice-reminders.yaml"
    text = policy.read_text().replace("mode: observe", "mode: auto   ")
    policy.write_text(text.replace("owner: ana", "owner: restarters") + "ramp: [1]\n")  # so that somebody else may decide
    with Serving(shell):
        assert shell("status").startswith("Nothing needs you.")
        said = shell("submit", *REMINDER, "invoice=INV-1", "stage=2", "balance=420", "email=a@b.c")
        assert "STATE   done" in said
        action = KEY.search(said).group(4)
        again = shell("submit", *REMINDER, "invoice=INV-1", "stage=2", "balance=420", "email=a@b.c")
        assert action in again and "nothing was done again" in again
        assert '"effects":1' in shell("sandbox", "provider", "count", "--json").replace(" ", "")
        assert "stage" in shell("submit", *REMINDER, "invoice=INV-1", code=1)
        assert "did you mean \"send_reminder\"" in shell("submit", "invoice-reminders", "send_remindr", "a=1", code=1)
        assert shell("explain", "INV-1:2").startswith("ACTION  invoice-reminders / send_reminder   INV-1:2   " + action)
        assert json.loads(shell("explain", action, "--json"))["state"] == "done"
        assert "INV-1:2" in shell("log", "--limit", "2")
        assert "nothing is known" in shell("explain", "INV-9", code=1)

        # a person decides
        waits = shell("submit", *REMINDER, "invoice=INV-2", "stage=2", "balance=12000", "email=a@b.c")
        assert "STATE   in_review" in waits
        assert "DO   interlock approve INV-2:2\n         interlock reject INV-2:2\n" in shell("inbox")  # each can be pasted
        assert shell("status", code=None).startswith("NEEDS YOU")
        assert "not who submitted it" in shell("approve", "INV-2:2", code=1)
        shell("submit", *REMINDER, "invoice=INV-5", "stage=2", "balance=12000", "email=a@b.c")
        ben = {"INTERLOCK_TOKEN": shell("token", "new", "ben").splitlines()[0]}
        assert "\nCLAIMED by ben, until " in shell("claim", "INV-2:2", **ben)
        assert "CLAIMED" not in shell("release", "INV-2:2", **ben)
        assert "STATE   done" in shell("approve", "INV-2:2", "--note", "looked at it", **ben)
        several = shell("reject", "INV-77:1", "INV-5:2", code=1, **ben)  # one is not known, the other is answered
        assert 'nothing is known by the id, key or run "INV-77:1"' in several and "  rejected  " in several, several
        assert "\nWHY     ben approved it\n" in shell("explain", "INV-2:2")
        assert "STATE   done" in shell("approve", "INV-2:2", **ben)  # the same again
        assert "does not wait for a decision" in shell("reject", "INV-2:2", code=1, **ben)
        assert "a verdict was refused: not_in_review  by ben" in shell("log", "--limit", "1")
        assert "\nDECIDED approve by ben, " in shell("review", "INV-2:2", **ben)
        assert "waits for no review" in shell("reject", "INV-1:2", code=1)  # it had none

        # an answer is lost
        shell("sandbox", "provider", "lose", "1")
        lost = shell("submit", *REMINDER, "invoice=INV-3", "stage=1", "balance=1", "email=a@b.c")
        assert "STATE   uncertain" in lost, lost
        assert "DO      interlock resolve INV-3:1 --happened\n        interlock resolve INV-3:1 --not-happened\n        interlock resolve INV-3:1 --not-happened --send\n" in shell("explain", "INV-3:1")
        shell("note", "INV-3:1", "--note", "the provider is asked")  # it has no review
        assert 'NOTE    "the provider is asked", ' in shell("explain", "INV-3:1")
        assert "STATE   done" in shell("resolve", "INV-3:1", "--happened", "--evidence", "message id 4711")

        # stop
        assert shell("stop", "invoice-reminders").startswith("STOPPED ")
        shell("status", code=2)
        held = shell("submit", *REMINDER, "invoice=INV-4", "stage=1", "balance=1", "email=a@b.c")
        assert "STATE   held" in held
        incident = re.findall(r"i_[0-9A-Z]{13}", shell("incident"))[-1]
        assert "provider said so" in shell("incident", incident, "--reason", "provider said so")
        assert "nobody has acknowledged it: interlock ack " + incident in shell("incident")
        assert "Who may approve: ben" in shell("restart", incident, "--reason", "ok")
        assert "somebody else approves it" in shell("approve", incident, code=1)
        assert "RAMP    1 one by one … 0 ok" in shell("approve", incident, **ben)
        assert "RAMP" in shell("status", code=2)  # nobody has acknowledged it
        assert "STATE   done" in shell("submit", *REMINDER, "invoice=INV-5", "stage=1", "balance=1", "email=a@b.c")
        alert = re.search(r"i_[0-9A-Z]{13}", shell("incident")).group(0)  # of the lost answer
        assert re.search("ACKNOWLEDGED by |alert, closed at ", shell("ack", alert))  # it is settled, so it may close first
        assert "unacknowledged" not in shell("status", code=None)
        assert shell("stop", "--all", "--position", "fallback").startswith("ON FALLBACK ")
        inbox = shell("inbox")
        assert "\n    Everything is on fallback\n    WHY  ana put it on fallback at " in inbox, inbox
        assert "ACKNOWLEDGED by ana" in shell("ack", re.search(r"i_[0-9A-Z]{13}", inbox).group(0))

        # administration
        assert "ben" in shell("token", "list")
        name = re.search(r"^([0-9a-f]{16})  ben", shell("token", "list"), re.M).group(1)
        shell("token", "revoke", name)
        assert "not known" in shell("status", code=3, **ben)
        good = shell("verify")
        head = re.search(r"\d+:[0-9a-f]{64}", good).group(0)
        assert good.startswith("good: ")
        assert shell("verify", "--head", head).startswith("good: ")
        assert shell("verify", "--head", head.split(":")[0] + ":" + "0" * 64, code=1).startswith("BROKEN")
        shell("backup", "copy.db")
        assert (shell.folder / "copy.db").stat().st_size > 0
        policy.write_text(policy.read_text().replace("kind: email", "kind: mail"))
        assert "policies/invoice-reminders.yaml:" in shell("reload", code=1)
        policy.write_text(policy.read_text().replace("kind: mail", "kind: email"))
        assert "is in force" in shell("reload")
    assert "is not reachable" in shell("status", code=3)
    del shell.env["INTERLOCK_URL"]
    shell("verify", "--config", "interlock.yaml", "--head", head)


def test_log_follows(shell):
    shell("init", "--listen", "127.0.0.1:0")
    with Serving(shell):
        log = spawn(shell, "log", "--follow", "--limit", "1")
        read_line(log)
        shell("submit", *REMINDER, "invoice=INV-7", "stage=1", "balance=1", "email=a@b.c")
        line = read_line(log)
        while line and "INV-7:1" not in line:  # what the start still writes comes first
            line = read_line(log)
        assert line, "the log has ended"
        log.send_signal(signal.SIGINT)
        log.communicate(timeout=WATCHDOG_S)
        assert log.returncode == 0


def test_serve_dev(shell):
    """Nothing to set up: the two `export` lines are all that another terminal needs."""
    with Serving(shell, "--dev") as serving:
        for line in serving.lines:
            export = re.match(r"export (INTERLOCK_\w+)=(\S+)$", line)
            if export:
                shell.env[export.group(1)] = export.group(2)
        assert shell("status").startswith("Nothing needs you.")
        for line in serving.lines:
            if line.startswith("#   interlock submit "):
                assert "STATE   done" in shell(*line.split()[2:])
    assert list(shell.folder.iterdir()) == []
