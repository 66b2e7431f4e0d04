#!/usr/bin/python3
"""A stand-in provider on loopback that fails in every way a real one can, and counts what happened.

    provider.py [--port 0] [--mode ok] [--share 1] [--seed 1] [--delay-ms 0] [--keys] [--table /invoices=invoices.csv]

Prints `provider ready on http://127.0.0.1:PORT`. Ends on SIGTERM, SIGINT, or when its standard input is
a pipe that closes. Any method and path but these is a call; GET and HEAD have no effect.

POST /_control {"mode": "effect-drop", "times": 5, "share": 0.1, "seed": 7, "delay_ms": 0, "keys": true,
                "key_header": "Idempotency-Key", "retry_after": 2, "for_ms": 1000}
    Names what changes; answers with all settings. The mode hits `times` calls (null: for ever), then it is
    ok again. `share` is the part of calls that it hits, drawn by seed, key (or payload) and try: the same
    ones are hit in whatever order they come. Naming `mode` begins anew: for ever, all, unless named too.

    ok           effect, 200
    status:NNN   no effect, that status (Retry-After by `retry_after`)
    drop         no effect, closed without an answer
    effect-drop  the effect happens, then closed without an answer: the dangerous one
    hang         no effect, no answer
    effect-hang  effect, no answer
    cut-body     effect, half of the body
    cut-header   effect, half of the header block
    not-http     no effect, something that is not HTTP
    slow         effect, 200 after `delay_ms` (in the other modes `delay_ms` also comes first)
    refuse       no effect, the connection is reset
    down         nobody listens for `for_ms`: connection refused. Only the connection that asked for it
                 stays, and may end it early with another mode

"keys": true makes it honour idempotency keys: a known one takes no second effect and gets its first
answer, or 422 with another payload.

GET /_effects[?by=FIELD]  requests, effects, counts by key, by payload (SHA-256 of method, path and body)
    and by a field of the JSON body (@path: by path); `twice` says how many of each happened more than once
POST /_rows {"/invoices/INV-1": {"balance": 0}}    changes fields of rows of a --table
POST /_reset              forgets effects and counts; settings stay
GET PATH                  a row of a --table, else what happened at that path: {"count": N, "items": […]};
    ?field=value keeps those whose JSON body has it, ?key=K those with that key
"""
import argparse, asyncio, csv, hashlib, json, os, signal, socket, stat, struct, sys, urllib.parse

HEAD_MAX, BODY_MAX = 64 * 1024, 4 * 1024 * 1024
CONNECTIONS_MAX, CALLS_MAX, ITEMS_MAX, MEMORY_MAX = 4096, 1_000_000, 100, 512 * 1024 * 1024
MODES = ("ok", "drop", "effect-drop", "hang", "effect-hang", "cut-body", "cut-header", "not-http", "slow", "refuse", "down")
WITHOUT_EFFECT = ("drop", "hang", "not-http", "refuse", "down")
REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 411: "Length Required", 413: "Content Too Large",
           422: "Unprocessable Content", 429: "Too Many Requests", 500: "Internal Server Error",
           503: "Service Unavailable", 507: "Insufficient Storage"}


class Request:
    __slots__ = ("method", "target", "path", "headers", "body", "keep_alive")


class World:
    """Settings, effects and counts. No socket."""

    def __init__(self, tables):
        self.settings = {"mode": "ok", "times": None, "share": 1.0, "seed": 1, "delay_ms": 0, "keys": False,
                         "key_header": "Idempotency-Key", "retry_after": None, "for_ms": 1000}
        self.key_name = "idempotency-key"
        self.tables = dict(load_table(t) for t in tables)
        self.reset()

    def reset(self):
        self.requests = self.repeats = self.conflicts = self.size = 0
        self.effects = []                # (id, key or None, method, target, body)
        self.by_key, self.by_payload, self.by_path = {}, {}, {}
        self.answers = {}                # key -> (payload, answer)
        self.tries = {}                  # key or payload -> how often it came
        self.hits = {}                   # mode -> how often it hit

    def change(self, new):
        """None, or what is wrong; then nothing has changed."""
        kinds = {"mode": str, "times": (int, type(None)), "share": (int, float), "seed": int, "delay_ms": int,
                 "keys": bool, "key_header": str, "retry_after": (int, type(None)), "for_ms": int}
        if not isinstance(new, dict):
            return "settings are a JSON object"
        for name, value in new.items():
            if name not in kinds:
                return "%s is no setting: %s" % (name, ", ".join(kinds))
            if not isinstance(value, kinds[name]) or (isinstance(value, bool) and kinds[name] is not bool):
                return "%s has the wrong type" % name
        anew = {"times": None, "share": 1.0} if "mode" in new else {}
        both = {**self.settings, **anew, **new}
        mode = both["mode"]
        if mode not in MODES and not (mode.startswith("status:") and mode[7:].isdigit() and 200 <= int(mode[7:]) <= 599):
            return "mode is one of status:NNN, %s" % ", ".join(MODES)
        if not 0 <= both["share"] <= 1 or min(both["delay_ms"], both["for_ms"], both["times"] or 0) < 0:
            return "share is 0 to 1; delay_ms, for_ms and times are not negative"
        self.settings, self.key_name = both, both["key_header"].lower()
        return None

    def is_hit(self, identity):
        """Whether the mode hits this call."""
        s = self.settings
        if len(self.tries) >= CALLS_MAX:
            self.tries.clear()
        tries = self.tries[identity] = self.tries.get(identity, 0) + 1
        if s["mode"] == "ok" or s["times"] == 0:
            return False
        if s["share"] < 1:
            seed = "%d\0%d\0" % (s["seed"], tries)
            draw = hashlib.sha256(seed.encode() + identity).digest()
            if int.from_bytes(draw[:8], "big") >= s["share"] * 2 ** 64:
                return False
        if s["times"] is not None:
            s["times"] -= 1
        self.hits[s["mode"]] = self.hits.get(s["mode"], 0) + 1
        return True

    def effect(self, request, key, payload):
        """Status and body of the answer; the effect has happened unless the key was known."""
        if self.settings["keys"] and key is not None and key in self.answers:
            first, answer = self.answers[key]
            if first != payload:
                self.conflicts += 1
                return 422, b'{"error":"this key was used with another payload"}'
            self.repeats += 1
            return 200, answer
        self.size += len(request.target) + len(request.body) + 200
        if self.size > MEMORY_MAX:
            return 507, b'{"error":"MEMORY_MAX: POST /_reset"}'
        number = len(self.effects) + 1
        answer = b'{"id":"m_%d","status":"accepted"}' % number
        self.effects.append((number, key, request.method, request.target, request.body))
        self.by_path.setdefault(request.path, []).append(number)
        self.by_payload[payload] = self.by_payload.get(payload, 0) + 1
        if key is not None:
            self.by_key[key] = self.by_key.get(key, 0) + 1
            self.answers.setdefault(key, (payload, answer))
        return 200, answer

    def call(self, request):
        """(mode, status, body, retry_after) of one call."""
        self.requests += 1
        key = request.headers.get(self.key_name)
        text = request.method.encode() + b" " + request.target.encode() + b"\n" + request.body
        payload = hashlib.sha256(text).hexdigest()
        hit = self.is_hit(key.encode() if key is not None else payload.encode())
        mode = self.settings["mode"] if hit else "ok"
        if mode.startswith("status:"):
            return "ok", int(mode[7:]), b'{"error":"as it was told to"}', self.settings["retry_after"]
        if mode in WITHOUT_EFFECT:
            return mode, 0, b"", None
        if request.method in ("GET", "HEAD"):
            return (mode, *self.look(request), None)
        return (mode, *self.effect(request, key, payload), None)

    def look(self, request):
        for prefix, rows in self.tables.items():
            if request.path.startswith(prefix + "/"):
                row = rows.get(urllib.parse.unquote(request.path[len(prefix) + 1:]))
                return (200, json.dumps(row).encode()) if row else (404, b'{"error":"no such row"}')
        wanted = urllib.parse.parse_qsl(urllib.parse.urlsplit(request.target).query, keep_blank_values=True)
        found = [self.effects[n - 1] for n in self.by_path.get(request.path, ())]
        for name, value in wanted:
            found = [e for e in found if (e[1] if name == "key" else field(e, name)) == value]
        items = [{"id": "m_%d" % e[0], "key": e[1], "method": e[2], "target": e[3],
                  "body": e[4].decode("utf-8", "replace")} for e in found[:ITEMS_MAX]]
        return 200, json.dumps({"count": len(found), "items": items}).encode()

    def change_rows(self, new):
        """None, or what is wrong; then nothing has changed."""
        found = []
        for path, fields in new.items() if isinstance(new, dict) else ():
            prefix, _, name = path.rpartition("/")
            row = self.tables.get(prefix, {}).get(urllib.parse.unquote(name))
            if row is None or not isinstance(fields, dict):
                return "no row %s, or no fields for it" % path
            found.append((row, fields))
        for row, fields in found:
            row.update(fields)
        return None if found else "rows are a JSON object: PATH/NAME to fields"

    def report(self, query):
        by = dict(urllib.parse.parse_qsl(query)).get("by")
        out = {"requests": self.requests, "effects": len(self.effects), "repeats": self.repeats,
               "conflicts": self.conflicts, "hits": self.hits, "by_key": self.by_key, "by_payload": self.by_payload}
        if by is not None:
            counts = out["by"] = {}
            for effect in self.effects:
                value = effect[3].partition("?")[0] if by == "@path" else field(effect, by)
                if value is not None:
                    counts[value] = counts.get(value, 0) + 1
        out["twice"] = {name: sum(n > 1 for n in out[name].values()) for name in ("by_key", "by_payload", "by") if name in out}
        return out


def field(effect, name):
    """A member of the JSON body as text; None where there is none."""
    try:
        value = json.loads(effect[4])[name]
    except (ValueError, KeyError, TypeError):
        return None
    return value if isinstance(value, str) else json.dumps(value)


def load_table(text):
    """PATH=FILE.csv -> path, {first column: row}; numbers become numbers."""
    def number(cell):
        try:
            return int(cell) if cell.lstrip("-").isdigit() else float(cell)
        except ValueError:
            return cell
    path, _, name = text.partition("=")
    with open(name, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return path.rstrip("/"), {next(iter(row.values())): {k: number(v) for k, v in row.items()} for row in rows}


class Connection(asyncio.Protocol):
    """One client: HTTP/1.1 with keep-alive, one request at a time."""

    def __init__(self, door):
        self.door, self.world, self.bytes, self.is_busy, self.is_open = door, door.world, b"", False, False

    def connection_made(self, transport):
        self.transport, self.is_open = transport, True
        self.door.connections.add(self)
        if len(self.door.connections) > CONNECTIONS_MAX:
            transport.abort()

    def connection_lost(self, error):
        self.is_open = False
        self.door.connections.discard(self)

    def data_received(self, data):
        self.bytes = self.bytes + data if self.bytes else data
        self.go_on()

    def go_on(self):
        while not self.is_busy and self.is_open:
            request = self.read()
            if request is None:
                return
            self.is_busy = True
            self.serve(request)

    def read(self):
        """The next request, whole; None while it is not, or after a refusal."""
        end = self.bytes.find(b"\r\n\r\n")
        if end < 0 or end > HEAD_MAX:
            if max(end, len(self.bytes)) > HEAD_MAX:
                self.refuse(400)
            return None
        try:
            lines = self.bytes[:end].decode("latin-1").split("\r\n")
            request = Request()
            request.method, request.target, version = lines[0].split(" ")
            request.headers = {}
            for line in lines[1:]:
                name, _, value = line.partition(":")
                request.headers[name.lower()] = value.strip(" \t")
            size = int(request.headers.get("content-length", "0"))
        except ValueError:
            self.refuse(400)
            return None
        if "transfer-encoding" in request.headers or size < 0 or size > BODY_MAX:
            self.refuse(413 if size > BODY_MAX else 411)
            return None
        if len(self.bytes) < end + 4 + size:
            return None
        request.body = self.bytes[end + 4:end + 4 + size]
        self.bytes = self.bytes[end + 4 + size:]
        request.path = request.target.partition("?")[0]
        request.keep_alive = version == "HTTP/1.1" and request.headers.get("connection", "").lower() != "close"
        return request

    def refuse(self, status):
        self.transport.write(self.text(status, b"{}", False))
        self.transport.close()
        self.is_open = False

    def text(self, status, body, keep_alive, retry_after=None):
        return b"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s%s\r\n%s" % (
            status, REASONS.get(status, "Other").encode(), len(body),
            b"Retry-After: %d\r\n" % retry_after if retry_after is not None else b"",
            b"" if keep_alive else b"Connection: close\r\n", body)

    def reset(self):
        s = self.transport.get_extra_info("socket")
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()
        self.is_open = False

    def serve(self, request):
        if request.path.startswith("/_"):
            status, body = self.control(request)
            self.answer(request, "ok", status, body, None)
            return
        told = self.world.call(request)
        delay_ms = self.world.settings["delay_ms"]
        if delay_ms:
            asyncio.get_running_loop().call_later(delay_ms / 1000, self.answer, request, *told)
        else:
            self.answer(request, *told)

    def control(self, request):
        world, route = self.world, (request.method, request.path)
        if route == ("POST", "/_control"):
            try:
                wrong = world.change(json.loads(request.body or b"{}"))
            except ValueError as error:
                wrong = "not JSON: %s" % error
            if wrong:
                return 400, json.dumps({"error": wrong}).encode()
            self.door.follow(self)
            return 200, json.dumps(world.settings).encode()
        if route == ("POST", "/_rows"):
            try:
                wrong = world.change_rows(json.loads(request.body or b"{}"))
            except ValueError as error:
                wrong = "not JSON: %s" % error
            return (400, json.dumps({"error": wrong}).encode()) if wrong else (200, b"{}")
        if route == ("POST", "/_reset"):
            world.reset()
            return 200, b"{}"
        if route == ("GET", "/_effects"):
            return 200, json.dumps(world.report(request.target.partition("?")[2])).encode()
        return 404, b'{"error":"POST /_control, POST /_rows, POST /_reset, GET /_effects"}'

    def answer(self, request, mode, status, body, retry_after):
        if not self.is_open:
            return  # gone before its answer
        if mode in ("hang", "effect-hang"):
            return  # busy until the client goes
        if mode in ("refuse", "down"):
            self.reset()
            return
        text = self.text(status, body, request.keep_alive, retry_after)
        head = len(text) - len(body)
        if request.method == "HEAD":
            text = text[:head]
        if mode == "not-http":
            text = b"220 mail.example.org ESMTP\r\n"
        elif mode == "cut-header":
            text = text[:head // 2]
        elif mode == "cut-body":
            text = text[:head + len(body) // 2]
        if mode not in ("drop", "effect-drop"):
            self.transport.write(text)
        if mode not in ("ok", "slow") or not request.keep_alive:
            self.transport.close()
            self.is_open = False
            return
        self.is_busy = False
        if self.bytes:
            self.go_on()


class Door:
    """The listening socket and its connections."""

    def __init__(self, world, port):
        self.world, self.port, self.listener, self.timer = world, port, None, None
        self.connections, self.starting = set(), set()
        self.open()

    def open(self):
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=1024)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        asyncio.get_running_loop().add_reader(self.listener, self.accept)

    def close(self):
        asyncio.get_running_loop().remove_reader(self.listener)
        self.listener.close()
        self.listener = None

    def accept(self):
        loop = asyncio.get_running_loop()
        for _ in range(64):
            try:
                connected, _address = self.listener.accept()
            except OSError:
                return
            task = loop.create_task(loop.connect_accepted_socket(lambda: Connection(self), connected))
            self.starting.add(task)
            task.add_done_callback(self.starting.discard)

    def follow(self, asking):
        """After new settings: closed while the mode is `down`, else open."""
        loop = asyncio.get_running_loop()
        if self.timer:
            self.timer.cancel()
            self.timer = None
        if self.world.settings["mode"] == "down":
            if self.listener:
                self.close()
            for connection in self.connections - {asking}:
                connection.reset()
            self.timer = loop.call_later(self.world.settings["for_ms"] / 1000, self.up)
        elif not self.listener:
            self.open()

    def up(self):
        self.world.change({"mode": "ok"})
        self.follow(None)


def read_args():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--mode", default="ok")
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--delay-ms", type=int, default=0)
    parser.add_argument("--keys", action="store_true")
    parser.add_argument("--table", action="append", default=[], metavar="PATH=FILE.csv")
    return parser.parse_args()


async def main():
    args = read_args()
    world = World(args.table)
    wrong = world.change({"mode": args.mode, "share": args.share, "seed": args.seed, "delay_ms": args.delay_ms,
                          "keys": args.keys})
    if wrong:
        sys.exit("provider: " + wrong)
    loop, end = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        loop.add_reader(0, lambda: os.read(0, 4096) or (loop.remove_reader(0), end.set()))
    door = Door(world, args.port)
    print("provider ready on http://127.0.0.1:%d" % door.port, flush=True)
    await end.wait()


asyncio.run(main())
