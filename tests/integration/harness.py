"""Real `amic` processes for the integration tests: nodes, communities, HTTP, waiting, cleaning up.

A test is a script with a function `main(amic)` that it hands to run(). Nodes listen on 127.0.0.1
with real TLS; their directories lie in one temporary directory, which goes when the test ends.
Only processes that were started here are ever signalled, each by its own pid.
"""

import contextlib
import ctypes
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
STIX = "application/stix+json;version=2.1"
ENGLISH = {"BN": "Brunei Darussalam", "MY": "Malaysia", "SG": "Singapore", "TH": "Thailand"}
# How long anything may take before the test fails. Generous: machines that run tests are busy.
PATIENCE_S = float(os.environ.get("AMIC_TEST_PATIENCE_S", "60"))
PR_SET_PDEATHSIG = 1

_checks = 0
_skipped = 0
_running = []  # Popen of every process that has not been waited for
_shown_logs = []  # paths without .log and .output, to show if a check fails
_libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """A check that did not hold."""


def passed(name):
    global _checks
    _checks += 1
    print(f"PASS: {name}", flush=True)


def skipped(name, reason):
    global _skipped
    _skipped += 1
    print(f"SKIP: {name}: {reason}", flush=True)


def check(condition, name, detail=""):
    """Must hold; says so."""
    if not condition:
        raise Failed(f"{name}: {detail}" if detail else name)
    passed(name)


def expect(condition, what):
    """Must hold; says nothing if it does."""
    if not condition:
        raise Failed(what)


def check_equal(got, wanted, name):
    check(got == wanted, name, f"got {got!r}, want {wanted!r}")


def wait_until(probe, what, timeout_s=None):
    """Calls `probe` until it gives something true, and returns that."""
    deadline = time.monotonic() + (timeout_s or PATIENCE_S)
    last = None
    while True:
        try:
            last = probe()
        except (OSError, http.client.HTTPException) as error:
            last = error
        else:
            if last:
                return last
        if time.monotonic() >= deadline:
            raise Failed(f"timeout: {what} (last: {last!r})")
        time.sleep(0.05)


def show_logs_of(base):
    """If the test fails, the ends of `base`.log and `base`.output are printed."""
    _shown_logs.append(base)


def die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


# --- ports -----------------------------------------------------------------------------------------

_given_ports = set()


def free_port():
    """A port below the range for outgoing connections, so that it is still free after a restart."""
    for _ in range(1000):
        port = random.SystemRandom().randrange(11000, 32000)
        if port in _given_ports:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given_ports.add(port)
        return port
    raise Failed("no free port")


# --- the command line ------------------------------------------------------------------------------


class Ended:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)


class Cli:
    """`amic` with one binary."""

    def __init__(self, amic):
        self.amic = amic

    def run(self, *arguments, stdin=None, env=None, **options):
        done = subprocess.run(
            [self.amic, *map(str, arguments)],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            timeout=PATIENCE_S * 2,
            env={**os.environ, **(env or {})},
            **options,
        )
        return Ended(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))

    def ok(self, *arguments, **options):
        done = self.run(*arguments, **options)
        if done.code != 0:
            raise Failed(f"amic {' '.join(map(str, arguments))}: exit code {done.code}\n{done.err}{done.out}")
        return done

    def json(self, *arguments, **options):
        return self.ok(*arguments, "--json", **options).json

    def refused(self, name, code, *arguments, exit_code=1, says="", **options):
        """Must end with `exit_code`, and stderr must carry `code` and the text `says`."""
        done = self.run(*arguments, **options)
        expect(done.code == exit_code, f"{name}: exit code {done.code}, want {exit_code}\n{done.err}{done.out}")
        expect(f"amic: {code}" in done.err, f"{name}: stderr has no code {code}:\n{done.err}")
        expect(says in done.err, f"{name}: stderr lacks {says!r}:\n{done.err}")
        passed(f"{name}: {code}, exit code {exit_code}")
        return done


# --- HTTP ------------------------------------------------------------------------------------------


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The stable error code of a problem, or ''."""
        try:
            return self.json.get("code", "")
        except ValueError:
            return ""


class Http:
    """One connection that is kept and, if it was lost, made anew by the next request.

    `inside`, if given, makes contexts in which the connection is made: those of a network namespace.
    """

    def __init__(self, port, token="", timeout_s=None, inside=contextlib.nullcontext):
        self.port, self.token, self.inside = port, token, inside
        self.timeout_s = timeout_s or PATIENCE_S
        self.connection = None

    def request(self, method, target, body=None, headers=None):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout_s)
        sent = dict(headers or {})
        if self.token and "authorization" not in sent:
            sent["authorization"] = f"Bearer {self.token}"
        try:
            if self.connection.sock is None:
                with self.inside():
                    self.connection.connect()
            self.connection.request(method, target, body, sent)
            response = self.connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        except BaseException:
            self.close()
            raise

    def get(self, target, **options):
        return self.request("GET", target, **options)

    def post(self, target, body, key="", **options):
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        headers = {"content-type": "application/json", **options.pop("headers", {})}
        if key:
            headers["idempotency-key"] = key
        return self.request("POST", target, body, headers, **options)

    def all_pages(self, path, member, query=""):
        out, cursor = [], ""
        while True:
            answer = self.get(f"{path}?limit=999{query}" + (f"&cursor={cursor}" if cursor else ""))
            expect(answer.status == 200, f"GET {path}: {answer.status} {answer.body!r}")
            page = answer.json
            out += page[member]
            cursor = page.get("next", "")
            if not cursor:
                return out

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


# --- nodes -----------------------------------------------------------------------------------------


class Node:
    """One member's node: its directory, its process, its API."""

    def __init__(self, cli, directory, member, *, link_port=None, api_port=None, passphrase_file="",
                 link_host="127.0.0.1", inside=contextlib.nullcontext):
        self.cli, self.dir, self.member, self.inside = cli, directory, member, inside
        self.link_port = link_port or free_port()
        self.api_port = api_port or free_port()
        self.log_file = directory + ".log"
        self.process = None
        self.token = ""
        self._http = None
        keys = ["--passphrase-from", f"file:{passphrase_file}"] if passphrase_file else ["--unprotected"]
        cli.ok(
            "node", "init", "--dir", directory, "--member", member, "--name", ENGLISH.get(member, member),
            "--link-listen", f"{link_host}:{self.link_port}", "--api-listen", f"127.0.0.1:{self.api_port}", *keys,
        )
        show_logs_of(directory)

    # Environment of the process: small intervals, so that nobody waits for minutes.
    env = {"AMIC_WITNESS_INTERVAL_S": "1"}

    def start(self, wait=True, **options):
        expect(self.process is None, f"{self.member} runs already")
        with open(self.dir + ".output", "ab") as output, self.inside():
            self.process = subprocess.Popen(
                [self.cli.amic, "node", "run", "--dir", self.dir, "--log-file", self.log_file],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={**os.environ, **self.env}, preexec_fn=die_with_parent, **options,
            )
        _running.append(self.process)
        if wait:
            self.wait_ready()
        return self

    def _ended(self):
        process, self.process = self.process, None
        if process in _running:
            _running.remove(process)
        if self._http:
            self._http.close()
        return process.returncode

    def stop(self):
        """SIGTERM, and a good end."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.member} does not stop") from None
        code = self._ended()
        expect(code == 0, f"{self.member} ended with {code} after SIGTERM")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self._ended()

    def restart(self):
        self.stop()
        return self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.api_port}"

    def wait_ready(self):
        http_client = Http(self.api_port, timeout_s=5, inside=self.inside)

        def ready():
            if self.process.poll() is not None:
                raise Failed(f"{self.member} ended by itself with {self.process.returncode}")
            return http_client.get("/readyz").status == 200

        wait_until(ready, f"{self.member} is ready")
        http_client.close()

    @property
    def http(self):
        """A client with a token for everything, made at the first use."""
        if not self.token:
            self.token = self.create_token("test", "read,share,admin,audit", "TOP SECRET")
        if self._http is None:
            self._http = Http(self.api_port, self.token, inside=self.inside)
        return self._http

    def create_token(self, name, scopes, clearance):
        with self.inside():
            return self.cli.json(
                "token", "create", "--dir", self.dir, "--name", name, "--scopes", scopes, "--clearance", clearance
            )["secret"]

    # What the node says.
    def links(self):
        return {link["peer"]: link for link in self.http.get("/api/v1/links").json["links"]}

    def items(self):
        return self.http.all_pages("/api/v1/items", "items", "&order=oldest")

    def item_ids(self):
        return [item["id"] for item in self.items()]

    def object_ids(self):
        return [one["id"] for one in self.http.all_pages("/api/v1/objects", "objects", "&version=all")]

    def log_size(self):
        return self.http.get("/api/v1/log").json["size"]

    def wait_linked(self, peers=None):
        def linked():
            links = self.links()
            return all(links[p]["state"] == "linked" for p in (peers or links))

        wait_until(linked, f"{self.member} is linked with {peers or 'all'}")

    def wait_items(self, ids):
        """Until exactly these items are here: never another one."""
        wanted = set(ids)

        def all_here():
            here = self.item_ids()
            expect(len(here) == len(set(here)), f"{self.member} shows an item twice")
            expect(set(here) <= wanted, f"{self.member} holds {set(here) - wanted}, which it must not")
            return set(here) == wanted

        wait_until(all_here, f"{self.member} holds {len(wanted)} items")

    def wait_drained(self):
        wait_until(lambda: all(link["waiting"] == 0 for link in self.links().values()), f"{self.member} sent all")


class Community:
    """Nodes that have gone through the launch ceremony by the real command line."""

    def __init__(self, cli, root, members, **node_options):
        self.cli, self.root = cli, root
        os.makedirs(root, exist_ok=True)
        self.nodes = {m: Node(cli, os.path.join(root, m.lower()), m, **node_options.get(m, {})) for m in members}
        self.launch_file = os.path.join(root, "launch.txt")
        self._launch()

    def _launch(self):
        cards, presses = [], []
        draft = os.path.join(self.root, "draft.txt")
        for node in self:
            cards.append(os.path.join(self.root, f"card-{node.member}.txt"))
            self.cli.ok("card", "show", "--dir", node.dir, "--out", cards[-1])
        templates = os.path.join(SOURCE, "data", "templates")
        self.cli.ok(
            "community", "found", "--name", "Integration test", "--card", *cards, "--tor", f"{templates}/tor.md",
            "--sop", f"{templates}/sop.md", "--out", draft,
        )
        shown = self.cli.json("community", "show", draft)
        for node in self:
            presses.append(os.path.join(self.root, f"press-{node.member}.txt"))
            self.cli.ok(
                "community", "press", "--dir", node.dir, "--draft", draft, "--hash", shown["hash"], "--out", presses[-1]
            )
        self.cli.ok("community", "launch", "--draft", draft, "--press", *presses, "--out", self.launch_file)
        for node in self:
            joined = self.cli.json("community", "join", "--dir", node.dir, "--transcript", self.launch_file)
            expect(joined["community"] == shown["hash"], "the community is the hash that was pressed")
        self.id = shown["hash"]

    def __getitem__(self, member):
        return self.nodes[member]

    def __iter__(self):
        return iter(self.nodes.values())

    def start(self):
        for node in self:
            node.start(wait=False)
        for node in self:
            node.wait_ready()
        for node in self:
            node.wait_linked()
        return self

    def stop(self):
        for node in self:
            if node.process is not None:
                node.stop()


# --- content ---------------------------------------------------------------------------------------


def uuid_of(*words):
    """A UUID of version 4 form that only depends on the words."""
    text = random.Random("/".join(map(str, words))).getrandbits(128)
    text = (text & ~(0xF << 76)) | (0x4 << 76)
    text = (text & ~(0x3 << 62)) | (0x2 << 62)
    h = f"{text:032x}"
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def indicator(*words):
    moment = "2026-01-02T03:04:05.000Z"
    number = random.Random("/".join(map(str, words))).randrange(1, 255)
    return {
        "type": "indicator", "spec_version": "2.1", "id": f"indicator--{uuid_of(*words)}",
        "created": moment, "modified": moment, "name": "SYNTHETIC " + " ".join(map(str, words)),
        "pattern": f"[ipv4-addr:value = '198.51.100.{number}']", "pattern_type": "stix", "valid_from": moment,
    }


def bundle(*objects):
    ids = "/".join(one["id"] for one in objects)
    return {"type": "bundle", "id": f"bundle--{uuid_of('bundle', ids)}", "objects": list(objects)}


def marking(rel_to, classification="RESTRICTED", **more):
    return {"classification": classification, "rel_to": list(rel_to), "tlp": "TLP:AMBER", **more}


def item(rel_to, *objects, precedence="ROUTINE", classification="RESTRICTED", **more):
    return {"marking": marking(rel_to, classification, **more), "precedence": precedence, "bundle": bundle(*objects)}


# --- running a test --------------------------------------------------------------------------------


def _show_logs():
    for base in _shown_logs:
        for path in (base + ".output", base + ".log"):
            with contextlib.suppress(OSError), open(path, errors="replace") as text:
                lines = text.readlines()[-25:]
                if lines:
                    print(f"--- {os.path.basename(path)}", file=sys.stderr)
                    sys.stderr.writelines(lines)


def _clean_up(work):
    for process in list(_running):
        with contextlib.suppress(OSError):
            process.kill()
        process.wait()
    for directory, _, _ in os.walk(work):
        with contextlib.suppress(OSError):
            os.chmod(directory, 0o700)
    shutil.rmtree(work, ignore_errors=True)


def run(main):
    if len(sys.argv) != 2 or not os.access(sys.argv[1], os.X_OK):
        print(f"usage: {sys.argv[0]} PATH_TO_AMIC", file=sys.stderr)
        sys.exit(2)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    begin = time.monotonic()
    work = tempfile.mkdtemp(prefix="amic-test-")
    try:
        main(Cli(os.path.abspath(sys.argv[1])), work)
    except BaseException as error:  # whatever it is, the processes and files go
        if isinstance(error, Failed):
            where = traceback.extract_tb(error.__traceback__)
            line = next((f.lineno for f in where if f.filename == os.path.abspath(sys.argv[0])), 0)
            print(f"FAIL: {error} (line {line})", file=sys.stderr, flush=True)
        elif not isinstance(error, SystemExit):
            traceback.print_exc()
        _show_logs()
        _clean_up(work)
        sys.exit(1)
    _clean_up(work)
    note = f", {_skipped} skipped" if _skipped else ""
    print(f"PASS: all {_checks} checks{note} ({time.monotonic() - begin:.0f} s)")
