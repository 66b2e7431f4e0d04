"""Real receivers of messages to people: a mail server, and an HTTP server that may refuse, hang or vanish.
Each waits on a free port of its own; what came is taken off a queue, so a test waits for it."""
import asyncio, base64, email, email.policy, hashlib, hmac, http.server, json, queue, socket, ssl, threading

from aiosmtpd.smtp import SMTP, AuthResult

WAIT_S = 30


class Inbox:
    """What came, in order."""

    def __init__(self):
        self.queue = queue.Queue()

    def next(self, seconds=WAIT_S):
        try:
            return self.queue.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError("nothing came in %s s" % seconds)

    def is_empty(self):
        return self.queue.empty()


class MailSink(Inbox):
    """answer: what RCPT is answered instead of 250, or None. tls: STARTTLS, or from the first byte (is_smtps).
    login: (user, password) without which nothing is taken; logins: what was tried."""

    def __init__(self, tls=None, login=None, is_smtps=False):
        super().__init__()
        self.answer, self.login, self.logins, self.is_smtps = None, login, [], is_smtps
        self.loop = asyncio.new_event_loop()
        starttls = None if is_smtps else tls
        self.server = self.loop.run_until_complete(self.loop.create_server(
            lambda: SMTP(self, tls_context=starttls, require_starttls=starttls is not None, loop=self.loop,
                         authenticator=self.check, auth_required=login is not None, auth_require_tls=not is_smtps),
            "127.0.0.1", 0, ssl=tls if is_smtps else None))
        self.port = self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.loop.call_soon_threadsafe(self.server.close)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(WAIT_S)

    @property
    def url(self):
        return "%s://127.0.0.1:%d" % ("smtps" if self.is_smtps else "smtp", self.port)

    def check(self, server, session, envelope, mechanism, data):
        given = (data.login.decode(), data.password.decode())
        self.logins.append(given)
        return AuthResult(success=given == self.login, handled=False)  # refused: the server says 535

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.answer:
            return self.answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        mail.raw, mail.rcpt, mail.sender = envelope.content, envelope.rcpt_tos, envelope.mail_from
        self.queue.put(mail)
        return "250 OK"


class Greeter:
    """Takes connections, says `line` and ends them; None: says nothing, and keeps them."""

    def __init__(self, line):
        self.line, self.kept = line, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.take, daemon=True)
        self.thread.start()

    def take(self):
        while True:
            try:
                connection, _ = self.listener.accept()
                if self.line is None:
                    self.kept.append(connection)
                    continue
                connection.sendall(self.line)
            except OSError:
                return
            connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(WAIT_S)
        for connection in self.kept:
            connection.close()


class HttpSink(Inbox):
    """answers: what the next requests get (a status, "hang", "vanish"); then `otherwise`."""

    def __init__(self, *answers, otherwise=202):
        super().__init__()
        self.answers, self.otherwise = list(answers), otherwise
        self.is_over = threading.Event()
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def take(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                answer = sink.answers.pop(0) if sink.answers else sink.otherwise
                sink.queue.put(Request(self.command, self.path, dict(self.headers.items()), body, answer))
                if answer == "hang":
                    sink.is_over.wait()
                if answer in ("hang", "vanish"):
                    self.close_connection = True
                    self.connection.close()
                    return
                self.send_response(answer)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            do_POST = do_GET = take

            def log_message(self, *unused):
                pass

            def finish(self):
                try:
                    super().finish()
                except (OSError, ValueError):
                    pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d/hook" % self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.is_over.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(WAIT_S)


class Request:
    def __init__(self, method, path, headers, body, answer):
        self.method, self.path, self.body, self.answer = method, path, body, answer
        self.headers = {k.lower(): v for k, v in headers.items()}

    @property
    def json(self):
        return json.loads(self.body)

    def verify(self, secret):
        """The signature of Standard Webhooks 1.0; a receiver's own few lines."""
        key = base64.b64decode(secret[len("whsec_"):])
        signed = "%s.%s." % (self.headers["webhook-id"], self.headers["webhook-timestamp"])
        mac = hmac.new(key, signed.encode() + self.body, hashlib.sha256).digest()
        given = [part.split(",", 1)[1] for part in self.headers["webhook-signature"].split(" ") if part.startswith("v1,")]
        assert any(hmac.compare_digest(base64.b64encode(mac).decode(), one) for one in given), self.headers


def server_tls(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
