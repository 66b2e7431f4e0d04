"""Somebody edits the store with a database tool: one byte changed, one record cut off, one state row edited.
`verify` says so, and where: over the files, and over the API of the daemon that serves them."""
import sqlite3, subprocess

import pytest

from interlock_client import BUILD, Daemon, install


@pytest.fixture
def written(tmp_path):
    """A folder with 5 sent reminders, one in review, and a stop that is in force; and its database."""
    with Daemon(install(tmp_path)) as daemon:
        for n in range(5):
            daemon.remind("INV-%d" % n)
        daemon.remind("INV-5", balance=20000)
        assert daemon.post("/v1/stops", {"scope": {"workflow": "inquiry-routing"}}, token="ana").status == 202
        report = verify_live(daemon)
        assert report["good"], report
    found = [p for p in (tmp_path / "data").rglob("*") if p.is_file() and p.read_bytes()[:15] == b"SQLite format 3"]
    assert len(found) == 1, found
    return tmp_path, found[0], report["head"]


def verify_live(daemon, query=""):
    report = daemon.get("/v1/decisions/verify" + query).json
    while report["next"]:
        report = daemon.get("/v1/decisions/verify?cursor=" + report["next"]).json
    return report


def verify_files(folder, *arguments):
    return subprocess.run([str(BUILD / "interlock"), "verify", "--config", str(folder / "interlock.yaml"), *arguments],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def edit(path, *statements):
    database = sqlite3.connect(path)
    for statement in statements:
        assert database.execute(statement).rowcount == 1, statement
    database.commit()
    database.close()


def test_what_was_written_is_good(written):
    folder, _, head = written
    found = verify_files(folder, "--head", head)
    assert found.returncode == 0 and found.stdout.startswith("good"), found


@pytest.mark.parametrize("name, statements, words", [
    ("a byte of a record", ["UPDATE records SET body = CAST(replace(body, '\"done\"', '\"held\"') AS BLOB) WHERE seq = 4"], "4"),
    ("a record in the middle", ["DELETE FROM records WHERE seq = 5"], "5"),
    ("a payload", ["UPDATE payloads SET bytes = CAST(bytes || x'20' AS BLOB) WHERE seq = 3"], "3"),
    ("a payload that is gone", ["DELETE FROM payloads WHERE seq = 3"], "3"),
    ("a state row", ["UPDATE ended_actions SET body = CAST(substr(body, 1, 40) || x'00' || substr(body, 42) AS BLOB)"
                     " WHERE id = (SELECT min(id) FROM ended_actions)"], ""),
    ("a row that is gone", ["DELETE FROM ended_actions WHERE id = (SELECT min(id) FROM ended_actions)"], ""),
    ("a stop lifted by hand", ["DELETE FROM small_rows WHERE tab = 2"], "stop"),
    ("a key", ["DELETE FROM keys WHERE action = (SELECT min(id) FROM ended_actions)"], "key"),
])
def test_an_edit_is_found(written, name, statements, words):
    folder, database, _ = written
    edit(database, *statements)
    found = verify_files(folder)
    assert found.returncode == 1 and "BROKEN" in found.stdout and words in found.stdout, (name, found)


def test_a_restart_that_nobody_approved_is_found(tmp_path):
    with Daemon(install(tmp_path, at_once=False)) as daemon:
        ids = []
        for workflow in ("inquiry-routing", "invoice-reminders"):
            id = daemon.post("/v1/stops", {"scope": {"workflow": workflow}}, token="ana").json["incident"]
            assert daemon.post("/v1/incidents/%s/restart" % id, {"reason": "seen"}, token="ana").status == 202
            ids.append(id)
        assert daemon.post("/v1/incidents/%s/approve" % ids[0], token="ben").status == 202
        report = verify_live(daemon)
        assert report["good"], report
    assert verify_files(tmp_path).returncode == 0
    database = next(p for p in (tmp_path / "data").rglob("*") if p.is_file() and p.read_bytes()[:15] == b"SQLite format 3")
    connection = sqlite3.connect(database)
    values = [connection.execute("SELECT value FROM small_rows WHERE tab = 17 AND key = ?", (id.encode(),)).fetchone()[0] for id in ids]
    forged = values[1][:10] + values[0][10:]  # the version and the incident stay: nobody approved that one
    assert connection.execute("UPDATE small_rows SET value = ? WHERE tab = 17 AND key = ?", (forged, ids[1].encode())).rowcount == 1
    connection.commit()
    found = verify_files(tmp_path)
    assert found.returncode == 1 and "restart of %s: its row says that it was approved, but no record does" % ids[1] in found.stdout, found
    assert connection.execute("UPDATE small_rows SET value = ? WHERE tab = 17 AND key = ?", (values[0], ids[1].encode())).rowcount == 1
    connection.commit()
    connection.close()
    found = verify_files(tmp_path)
    assert found.returncode == 1 and "restart of %s: its row cannot be read" % ids[1] in found.stdout, found


def test_records_that_are_cut_off_are_found_by_the_head(written):
    """From inside a cut tail cannot be seen when all is cut to fit; from the head that was kept it can."""
    folder, _, head = written
    seq, hash = head.split(":")
    found = verify_files(folder, "--head", "%d:%s" % (int(seq) + 1, hash))
    assert found.returncode == 1 and str(int(seq) + 1) in found.stdout, found


def test_the_daemon_finds_it_too(written):
    folder, database, _ = written
    edit(database, "UPDATE payloads SET bytes = CAST(bytes || x'20' AS BLOB) WHERE seq = 3")
    with Daemon(folder) as daemon:
        report = verify_live(daemon)
        assert not report["good"] and report["finding_count"] >= 1 and "3" in report["findings"][0], report


def test_what_lies_below_the_rows(written):
    """A table, index or trigger that is not as interlock makes it; and an index that does not name a row."""
    folder, path, _ = written
    database = sqlite3.connect(path, isolation_level=None)
    for statement, undo, words in [
            ("DROP INDEX open_by_queue", None, "the file: index open_by_queue is gone"),
            ("CREATE INDEX open_by_queue ON open_actions(queue) WHERE queue > 1", "DROP INDEX open_by_queue",
             "the file: index open_by_queue is not as interlock makes it"),
            ("CREATE INDEX open_by_queue ON open_actions(queue) WHERE queue > 0", None, ""),
            ("CREATE TRIGGER quiet AFTER INSERT ON small_rows BEGIN DELETE FROM small_rows WHERE tab = 2; END", "DROP TRIGGER quiet",
             "the file: trigger quiet is none of interlock's"),
            ("CREATE TABLE more(x)", "DROP TABLE more", "the file: table more is none of interlock's")]:
        database.execute(statement)
        found = verify_files(folder)
        assert found.returncode == (1 if words else 0) and words in found.stdout, (statement, found)
        if undo:
            database.execute(undo)
    database.execute("PRAGMA writable_schema = ON")
    index = database.execute("SELECT * FROM sqlite_schema WHERE name = 'open_by_people'").fetchone()
    database.execute("DELETE FROM sqlite_schema WHERE name = 'open_by_people'")
    database.close()
    edit(path, "UPDATE open_actions SET people_due = people_due + 1")
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA writable_schema = ON")
    database.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", index)
    database.close()
    found = verify_files(folder)
    assert found.returncode == 1 and "the file, at the open actions: " in found.stdout, found


def test_what_waits_for_nobody_is_found(tmp_path):
    """I8 without the daemon: the people are those of the configuration beside the store. Then by hand: given to somebody
    who is not there; taken out of the inbox."""
    with Daemon(install(tmp_path)) as daemon:
        waits = daemon.remind("INV-1", balance=20000).json["action"]
        own = daemon.remind("INV-2", balance=20000, token="ben").json["action"]
        assert daemon.post("/v1/reviews/r_%s.1/reassign" % waits[2:], {"to": "ana", "note": "yours"}).status == 200
    path = tmp_path / "data" / "interlock.db"
    config = tmp_path / "interlock.yaml"
    text = config.read_text()
    assert verify_files(tmp_path).returncode == 0
    nobody = "  finance: [billing]\n"
    config.write_text(text.replace("  finance: [ana, ben]\n", nobody))
    broken = verify_files(tmp_path)  # a mistake: said, and the rest is proven
    assert broken.returncode == 0 and "the configuration has errors" in broken.stderr and broken.stdout.startswith("good"), broken
    config.write_text(text.replace("  finance: [ana, ben]", "  finance: [ben]"))  # ana has left it
    found = verify_files(tmp_path)
    assert found.returncode == 1 and found.stdout.startswith("BROKEN, 1 finding:"), found
    assert "action %s: it waits for finance, and nobody there or behind them may decide it: ben asked for it" % own in found.stdout, found
    assert "What to do for what waits for nobody: name somebody else" in found.stdout and "Keep a copy" not in found.stdout, found
    config.write_text(text)
    row, = sqlite3.connect(path).execute("SELECT body FROM open_actions ORDER BY id LIMIT 1").fetchone()
    assert row.count(b"\x03ana") == 1
    edit(path, "UPDATE open_actions SET body = CAST(replace(body, x'03616e61', x'03616e78') AS BLOB) WHERE id = (SELECT min(id) FROM open_actions)")
    found = verify_files(tmp_path)
    assert found.returncode == 1 and "action %s: its row is not what record" % waits in found.stdout, found
    edit(path, "UPDATE open_actions SET body = CAST(replace(body, x'03616e78', x'03616e61') AS BLOB) WHERE id = (SELECT min(id) FROM open_actions)")
    assert verify_files(tmp_path).returncode == 0
    edit(path, "UPDATE open_actions SET queue = 0, people_due = 0 WHERE id = (SELECT min(id) FROM open_actions)")
    found = verify_files(tmp_path)
    for words in ("it does not stand in the inbox where its row says", "it is in_review and should stand in the inbox, but stands in no queue"):
        assert found.returncode == 1 and "action %s: %s" % (waits, words) in found.stdout, found


def test_a_long_history_of_stops(written):
    """More lifted stops than fit into memory at a start: it starts, what is in force is, and an old receipt can be read."""
    folder, database, _ = written
    with Daemon(folder) as daemon:
        old = daemon.post("/v1/stops", {"scope": {"upstream": "mailer"}}, token="ana").json
        assert daemon.restart(old["incident"], "?").status == 202
    connection = sqlite3.connect(database)
    (key, value), = connection.execute("SELECT key, value FROM small_rows WHERE tab = 2 AND key = CAST(? AS BLOB)", [old["id"]])
    connection.executemany("INSERT INTO small_rows(tab, key, value, sum) VALUES (2, ?, ?, x'')",
                           ((b"s_0%08d" % n, value) for n in range(400000)))
    connection.commit()
    connection.close()
    with Daemon(folder) as daemon:
        (incident,) = [i for i in daemon.get("/v1/incidents", token="ana").json["items"] if i["state"] == "open"]
        assert incident["workflow"] == "inquiry-routing", incident
        assert daemon.route("T-1").json["state"] == "held", "the stop is not in force"
        receipt = daemon.get("/v1/stops/" + old["id"], token="ana")
        assert receipt.status == 200 and receipt.json["lifted_at"], receipt


def varint(id):
    """The number of an id as rows keep it."""
    value, out = 0, b""
    for digit in id.split("_")[1]:
        value = value * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(digit)
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def test_a_trigger_that_names_a_stop_of_nobody_is_found(tmp_path):
    from test_triggers import tell, world
    with Daemon(world(tmp_path, "many: stopped if volume > 1 in 1h")) as daemon:
        assert [tell(daemon, n).json["state"] for n in range(3)][-1] == "held"
        stop, = daemon.get("/v1/switches").json["items"]
        report = verify_live(daemon)
        assert report["good"], report
    path = next(p for p in (tmp_path / "data").rglob("*") if p.is_file() and p.read_bytes()[:15] == b"SQLite format 3")
    connection = sqlite3.connect(path)
    rows = [r for r in connection.execute("SELECT key, value FROM small_rows WHERE tab = 14") if varint(stop["id"]) in r[1]]
    assert len(rows) == 1
    other = varint(stop["id"][:-1] + ("1" if stop["id"][-1] == "0" else "0"))
    for forged, words in ((rows[0][1].replace(varint(stop["id"]), other), "a trigger of w: its row names a stop that no record made"),
                          (b"\xff" + rows[0][1][1:], ": its row cannot be read: it is damaged, or of another version of interlock")):
        assert connection.execute("UPDATE small_rows SET value = ? WHERE tab = 14 AND key = ?", (forged, rows[0][0])).rowcount == 1
        connection.commit()
        found = verify_files(tmp_path)
        assert found.returncode == 1 and words in found.stdout, found
    connection.close()
