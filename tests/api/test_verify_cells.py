"""I10: whoever changes one cell, takes away one row or exchanges two of a store is found by `verify`, whichever
table and column it is. The store is made by a real run of both stories, with what people do around them. What is
not proven stands, with its reason, in docs/store.md, and nowhere else. SEED=n, ROWS=n (rows tried of each table)."""
import concurrent.futures, os, pathlib, random, re, shutil, sqlite3, subprocess

import pytest

from interlock_client import BARE_REMINDERS, BUILD, FAR, ROOT, Daemon, install, wait_for
from receivers import HttpSink
from test_channels import SECRET
from test_triggers import HEAD, LABELLERS, signal, tell

ROWS = int(os.environ.get("ROWS", "1"))
SEED = int(os.environ.get("SEED", "7"))
# small_rows.tab
TABLE = re.findall(r"^    STORE_(\w+)(?=,)", (ROOT / "src/port/store.h").read_text().split("enum store_table {")[1].split("}")[0], re.M)
ROUTING = """\
workflow: inquiry-routing
purpose: Classify support tickets and route them to a team
owner: support
restart: support-leads
inform: support-leads
mode: auto
steps:
  route_ticket:
    kind: ticket
    call: helpdesk PUT /tickets/${input.ticket}/team
    key: ${input.ticket}:${input.n}
    order_by: team-${input.ticket}
    body: { team: "${input.team}" }
    rules:
      - asked: review if input.team == "vip"
""" + FAR
TRIGGERS = "  - drifts: review if posted(drift) > 3\n  - volume: stopped if volume > 100000 in 1h\n  - again: alert if repeat(input.to) > 30 in 1d"


def ok(answer, *statuses):
    assert answer.status in (statuses or (200, 201, 202)), answer
    return answer.json


def route(daemon, ticket, n, team="billing", **more):
    return daemon.submit("inquiry-routing", "route_ticket", {"ticket": ticket, "n": n, "team": team}, token="ben", **more)


def work(daemon, start):
    """What callers do: done, rejected, in review, uncertain, held by order; runs; drawn for audits, labelled."""
    actions = [daemon.remind("INV-%d" % n, run="R-%d" % (n % 2)).json["action"] for n in range(start, start + 4)]
    daemon.remind("INV-%d" % (start + 4), balance=0)
    daemon.remind("INV-%d" % (start + 5), balance=20000)
    daemon.sandbox("mailer", lose=1)
    daemon.remind("INV-%d" % (start + 6), email="lost@example.org", headers={"Prefer": "wait=0"})
    told = [ok(tell(daemon, "%d" % n, to="same@example.org"))["action"] for n in range(start, start + 3)]
    ok(daemon.post("/v1/workflows/w/labels", {"action": told[0], "label": "right"}, token="helpdesk-bot"))
    ok(signal(daemon, "s%d" % start, 1.5))
    route(daemon, "T-%d" % start, 1, team="vip")
    route(daemon, "T-%d" % start, 2, headers={"Prefer": "wait=0"})
    route(daemon, "U-%d" % start, 1)
    return actions


def people(daemon):
    """What people do: reviews, absence, plans, tokens, notes, stops and restarts of all kinds."""
    waits = daemon.remind("INV-claimed", balance=20000).json["action"]
    ok(daemon.post("/v1/reviews/r_%s.1/claim" % waits[2:], {}))
    ok(daemon.post("/v1/admin/away", {"until": "2090-12-01"}, token="ana"))
    ok(daemon.post("/v1/admin/away", {"until": "2090-12-01"}, token="eve"))
    ok(daemon.post("/v1/admin/away", {"back": True}, token="eve"))
    plan = daemon.get("/v1/workflows/invoice-reminders/plan").json
    ok(daemon.post("/v1/workflows/invoice-reminders/plan", {"facts": plan["facts"]}, token="ana"))
    tokens = [ok(daemon.post("/v1/admin/tokens", {"name": name})) for name in ("billing-cron", "helpdesk-bot")]
    ok(daemon.post("/v1/admin/tokens/%s/revoke" % tokens[0]["id"]))


def stops(daemon):
    """One by a trigger; one by a person, asked to restart; one that starts again a little at a time."""
    ok(signal(daemon, "trip", 9))
    ids = [ok(daemon.post("/v1/stops", {"scope": {"workflow": w}, "reason": "wrong"}, token="ana"))["incident"]
           for w in ("inquiry-routing", "invoice-reminders")]
    route(daemon, "V-1", 1, headers={"Prefer": "wait=0"})
    ok(daemon.post("/v1/incidents/%s/restart" % ids[0], {"reason": "seen"}, token="ana"))
    ok(daemon.post("/v1/incidents/%s/reject" % ids[0], {"reason": "not yet"}, token="ana"))
    ok(daemon.post("/v1/incidents/%s/restart" % ids[0], {"reason": "seen again"}, token="ana"))
    ok(daemon.restart(ids[1], "seen"))
    daemon.remind("INV-ramp")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of a store that has a row in every table; the daemon was killed once, and ended well."""
    folder = tmp_path_factory.mktemp("cells")
    with HttpSink() as sink:
        installation = LABELLERS.replace("\nswitch:\n", "\nswitch:\n  ramp: []\n") + (
            'channels:\n  hook: { webhook: "%s", secret: { file: secrets/hook } }\n' % sink.url)
        for person in ("ana", "ben"):
            installation = installation.replace("%s@example.org," % person, "%s@example.org, tell: hook," % person)
        install(folder, installation, {
            "invoice-reminders.yaml": BARE_REMINDERS + FAR + "  - repeat: stopped if repeat(input.email) > 32 in 1ms\nramp: [2]\n",
            "inquiry-routing.yaml": ROUTING, "w.yaml": HEAD.format(triggers=TRIGGERS)})
        (folder / "secrets" / "hook").write_text(SECRET)
        (folder / "secrets" / "hook").chmod(0o600)
        with Daemon(folder) as daemon:
            done = work(daemon, 0)
            people(daemon)
            ok(daemon.post("/v1/admin/erase", {"action": done[0], "reason": "asked for"}))
            daemon.kill()
            daemon.start()
            work(daemon, 10)
            daemon.sandbox("mailer", lose=0, status=400, times=1)
            assert daemon.remind("INV-bad").json["state"] == "failed"
            daemon.sandbox("helpdesk", down=True)
            for n in range(6):
                route(daemon, "D-%d" % n, 1, headers={"Prefer": "wait=0"})
            wait_for("a row of the upstream", lambda: count(folder, TABLE.index("UPSTREAMS")))
            stops(daemon)
            sink.next()
            ok(daemon.post("/v1/admin/erase", {"action": done[1], "reason": "asked for"}))
    assert verify(folder).returncode == 0, verify(folder).stdout
    return folder


def database_of(folder):
    return folder / "data" / "interlock.db"


def count(folder, tab):
    with sqlite3.connect("file:%s?mode=ro" % database_of(folder), uri=True) as database:
        return database.execute("SELECT count(*) FROM small_rows WHERE tab = ?", (tab,)).fetchone()[0]


def verify(folder, *arguments):
    return subprocess.run([str(BUILD / "interlock"), "verify", "--config", str(folder / "interlock.yaml"), *arguments],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)


def not_proven():
    """{what: why} of docs/store.md."""
    lines = (ROOT / "docs" / "store.md").read_text().splitlines()
    found = (re.match(r"\| `([^`]*)`(?: ([^|]*?))? \| not proven: (.*) \|$", line) for line in lines)
    return {("%s %s" % (m[1], m[2] or "")).strip(): m[3] for m in found if m}


# ---- what is tried

class Change:
    """name: "table.column which". statements: what is done to the database."""

    def __init__(self, name, *statements):
        self.name, self.statements = name, statements


def tables(database):
    return [name for name, in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]


def columns(database, table):
    """(name, place in the primary key) of those that can be written."""
    return [(c[1], c[5]) for c in database.execute("PRAGMA table_xinfo(%s)" % table) if c[6] == 0]


def groups(database, table):
    """What differs in kind within a table: "" or {label: condition}."""
    if table == "small_rows":
        return {TABLE[tab].lower(): "tab = %d" % tab for tab, in database.execute("SELECT DISTINCT tab FROM small_rows")}
    if table == "info":
        return {name: "name = '%s'" % name for name, in database.execute("SELECT name FROM info")}
    if table == "payloads":
        return {"": "is_erased = 0", "erased": "is_erased = 1"}
    if table == "open_actions":
        return {"queue %d" % queue: "queue = %d" % queue for queue, in database.execute("SELECT DISTINCT queue FROM open_actions")}
    return {"": "1"}


def other_values(dice, value):
    """Values that are not this one, of its type and near it; and of NULL, one that is there."""
    if value is None:
        return [bytes(16)]
    if isinstance(value, int):
        return [value + 1, 0 if value else 7]
    if isinstance(value, str):
        return [value + "x"]
    if not value:
        return [b"x"]
    place = dice.randrange(len(value))
    flipped = value[:place] + bytes([value[place] ^ 1 << dice.randrange(8)]) + value[place + 1:]
    return [flipped, value[:-1]]


def where(keys, row):
    return " AND ".join("%s IS ?" % k for k in keys), [row[k] for k in keys]


def changes_of_row(dice, table, label, names, keys, row):
    condition, values = where(keys, row)
    for name in names:
        for value in other_values(dice, row[name]):
            yield Change(("%s.%s %s" % (table, name, label)).strip(),
                         ("UPDATE %s SET %s = ? WHERE %s" % (table, name, condition), [value] + values))
    yield Change(("%s row %s" % (table, label)).strip(), ("DELETE FROM %s WHERE %s" % (table, condition), values))


def swap(table, label, names, keys, one, other):
    """All but the keys of the two change places."""
    rest = [n for n in names if n not in keys and one[n] != other[n]]
    if not rest:
        return
    sets = ", ".join("%s = ?" % n for n in rest)
    yield Change(("%s swapped %s" % (table, label)).strip(), *(
        ("UPDATE %s SET %s WHERE %s" % (table, sets, where(keys, at)[0]), [of[n] for n in rest] + where(keys, at)[1])
        for at, of in ((one, other), (other, one))))


def all_changes(path, dice):
    database = sqlite3.connect(path)
    database.row_factory = sqlite3.Row
    for table in tables(database):
        named = columns(database, table)
        keys = [name for name, place in named if place] or [named[0][0]]
        names = [name for name, _ in named]
        for label, condition in groups(database, table).items():
            rows = database.execute("SELECT * FROM %s WHERE %s" % (table, condition)).fetchall()
            tried = dice.sample(rows, min(ROWS, len(rows)))
            for row in tried:
                yield from changes_of_row(dice, table, label, names, keys, row)
            if len(rows) > 1:
                yield from swap(table, label, names, keys, *dice.sample(rows, 2))
    database.close()


def try_change(made, folder, change):
    """What verify says of a copy with the change: (change, "prevented" | "found" | "missed", output)."""
    shutil.copyfile(database_of(made), database_of(folder))
    database = sqlite3.connect(database_of(folder))
    try:
        for statement, values in change.statements:
            assert database.execute(statement, values).rowcount == 1, (change.name, statement)
        database.commit()
    except sqlite3.IntegrityError:
        return change, "prevented", ""
    finally:
        database.close()
    told = verify(folder)
    is_found = told.returncode == 1 and ("BROKEN" in told.stdout or "interlock:" in told.stderr)
    assert is_found or told.returncode == 0 and told.stdout.startswith("good"), (change.name, told)
    return change, "found" if is_found else "missed", told.stdout + told.stderr


def copy_of(made, folder):
    """An installation with the files of the first; its database is put there for each change."""
    shutil.copytree(made, folder, ignore=shutil.ignore_patterns("interlock.db*"))
    return folder


def test_every_table_has_rows(made):
    database = sqlite3.connect(database_of(made))
    for table in tables(database):
        assert database.execute("SELECT count(*) FROM %s" % table).fetchone()[0] > 0, table
    there = {tab for tab, in database.execute("SELECT DISTINCT tab FROM small_rows")}
    assert there == set(range(len(TABLE))), "a new table? make a row of it in `made`: %s" % [t for n, t in enumerate(TABLE) if n not in there]
    assert database.execute("SELECT count(*) FROM payloads WHERE is_erased").fetchone()[0] > 0
    assert database.execute("SELECT count(*) FROM open_actions WHERE order_key IS NOT NULL").fetchone()[0] > 0
    assert len(database.execute("SELECT DISTINCT queue FROM open_actions").fetchall()) > 2
    database.close()


def test_every_change_is_found(made, tmp_path):
    excused = not_proven()
    changes = list(all_changes(database_of(made), random.Random(SEED)))
    folders = [copy_of(made, tmp_path / str(n)) for n in range(2)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        halves = pool.map(lambda n: [try_change(made, folders[n], c) for c in changes[n::2]], range(2))
        results = [r for half in halves for r in half]
    missed = {c.name for c, result, _ in results if result == "missed"}
    assert missed <= set(excused), "not found, and not in docs/store.md (SEED=%d): %s" % (SEED, sorted(missed - set(excused)))
    assert {e for e in excused if "swapped" not in e} <= {c.name for c in changes}, "docs/store.md excuses what there is not"
    assert sum(result == "found" for _, result, _ in results) > 200
