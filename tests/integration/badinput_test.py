"""Everything that a node must refuse: bad requests, wrong identities, bad disks and files."""

import json
import os
import shutil
import socket
import sqlite3
import ssl
import subprocess

import harness
from harness import Community, bundle, check, check_equal, expect, indicator, item, passed, skipped, wait_until

ITEMS = "/api/v1/items"


# --- requests --------------------------------------------------------------------------------------


def text_of(value, **changed):
    """A good request with members of its top level or of its marking (marking_x) changed; None: left out."""
    value = json.loads(json.dumps(value))
    for name, new in changed.items():
        target, key = (value["marking"], name[8:]) if name.startswith("marking_") else (value, name)
        if new is None:
            target.pop(key, None)
        else:
            target[key] = new
    return json.dumps(value)


def bad_requests():
    """(name, body, HTTP status, code)"""
    good = item(["BN"], indicator("bad"))
    text = json.dumps(good)

    def changed(**what):
        return text_of(good, **what)

    invalid = dict(indicator("invalid"))
    del invalid["pattern"]
    document = {"marking": good["marking"], "media_type": "text/plain"}
    return [
        ("an empty body", "", 400, "malformed"),
        ("half a body", text[: len(text) // 2], 400, "malformed"),
        ("text after the end", text + "{}", 400, "malformed"),
        ("a comment", "/* hello */" + text, 400, "malformed"),
        ("a trailing comma", text[:-1] + ",}", 400, "malformed"),
        ("NaN", text[:-1] + ',"private":NaN}', 400, "malformed"),
        ("not an object", "[1,2,3]", 400, "wrong_type"),
        ("a key twice", text[:-1] + ',"precedence":"FLASH"}', 400, "duplicate_key"),
        ("a key twice, once escaped", text[:-1] + ',"\\u0070recedence":"FLASH"}', 400, "duplicate_key"),
        ("a key twice deep inside", text.replace('"pattern_type"', '"name":"x","pattern_type"'), 400, "duplicate_key"),
        ("nested 40 deep", text[:-1] + ',"lineage":' + "[" * 40 + "]" * 40 + "}", 400, "too_deep"),
        ("a million brackets", "[" * 1_000_000, 400, "too_deep"),
        ("invalid UTF-8", text.encode().replace(b"SYNTHETIC", b"SYN\xffHETIC"), 400, "bad_utf8"),
        ("overlong UTF-8", text.encode().replace(b"SYNTHETIC", b"SYN\xc0\xafHETI"), 400, "bad_utf8"),
        ("half a surrogate pair", text.replace("SYNTHETIC", "SYN\\ud800HETIC"), 400, "bad_utf8"),
        ("a huge number", text[:-1] + ',"private":1e400}', 400, "out_of_range"),
        ("a huge integer", text[:-1] + ',"private":123456789012345678901234567890}', 400, "out_of_range"),
        ("an unknown field", changed(colour="blue"), 400, "unknown_field"),
        ("marking of the wrong type", changed(marking="SECRET"), 400, "wrong_type"),
        ("REL TO of the wrong type", changed(marking_rel_to="BN"), 400, "wrong_type"),
        ("a member of the wrong type", changed(marking_rel_to=[7]), 400, "wrong_type"),
        ("classification of the wrong type", changed(marking_classification=3), 400, "wrong_type"),
        ("precedence of the wrong type", changed(precedence=0), 400, "wrong_type"),
        ("private of the wrong type", changed(private="yes"), 400, "wrong_type"),
        ("lineage of the wrong type", changed(lineage="x"), 400, "wrong_type"),
        ("lineage that is no digest", changed(lineage=["00"]), 400, "malformed"),
        ("no marking", changed(marking=None), 400, "missing_field"),
        ("no classification", changed(marking_classification=None), 400, "missing_field"),
        ("an unknown classification", changed(marking_classification="COSMIC"), 400, "malformed"),
        ("an unknown precedence", changed(precedence="URGENT"), 400, "malformed"),
        ("an unknown TLP label", changed(marking_tlp="TLP:WHITE"), 400, "malformed"),
        ("an unknown handling code", changed(marking_handling=["H9"]), 400, "malformed"),
        ("an unknown field of a marking", changed(marking_colour="blue"), 400, "unknown_field"),
        ("a purpose of 257 bytes", changed(marking_purpose="x" * 257), 413, "too_large"),
        ("a purpose with a line feed", changed(marking_purpose="a\nb"), 400, "malformed"),
        ("an unknown member", changed(marking_rel_to=["BN", "ZZ"]), 400, "unknown_member"),
        ("a member in lower case", changed(marking_rel_to=["bn"]), 400, "malformed"),
        ("a member named twice", changed(marking_rel_to=["BN", "BN"]), 409, "conflict"),
        ("REL TO nobody", changed(marking_rel_to=[]), 422, "no_recipients"),
        ("REL TO oneself only", changed(marking_rel_to=["MY"]), 422, "no_recipients"),
        ("expired", changed(marking_expires="2020-01-01T00:00:00Z"), 422, "expired"),
        ("an expiry that is no date", changed(marking_expires="tomorrow"), 400, "malformed"),
        ("an expiry on 30 February", changed(marking_expires="2027-02-30T00:00:00Z"), 400, "malformed"),
        ("neither bundle nor body", changed(bundle=None), 400, "missing_field"),
        ("bundle and body", changed(body_base64="AAAA", media_type="text/plain"), 400, "missing_field"),
        ("a body that is not base64", json.dumps({**document, "body_base64": "?"}), 400, "malformed"),
        ("a body without a media type", text_of({**document, "body_base64": "AAAA"}, media_type=None),
         400, "missing_field"),
        ("objects of the wrong type", changed(bundle={**good["bundle"], "objects": 7}), 400, "wrong_type"),
        ("a bundle that is a number", changed(bundle=7), 400, "malformed"),
        ("a bundle with an invalid object", text_of(good, bundle=bundle(indicator("fine"), invalid)), 422, "rejected"),
    ]


def check_requests(node):
    """Each is answered with its code, and stores nothing."""
    size = node.log_size()
    for name, body, status, code in bad_requests():
        answer = node.http.post(ITEMS, body)
        check((answer.status, answer.code) == (status, code), f"{name}: {status} {code}",
              f"{answer.status} {answer.body[:300]!r}")
        expect(answer.headers["content-type"] == "application/problem+json", f"{name}: not a problem object")
        expect(node.log_size() == size, f"{name}: something was stored")
    good = json.dumps(item(["BN"], indicator("bad")))
    for name, method, target, body, headers, status, code in (
        ("an idempotency key of 256 bytes", "POST", ITEMS, good, {"idempotency-key": "k" * 256}, 413, "too_large"),
        ("a dry run that is neither true nor false", "POST", ITEMS + "?dry_run=maybe", good, {}, 400, "malformed"),
        ("an unknown path", "GET", "/api/v1/nothing", None, {}, 404, "not_found"),
        ("a method that the path has not", "DELETE", ITEMS, None, {}, 405, "method_not_allowed"),
        ("an id that is none", "GET", ITEMS + "/7", None, {}, 400, "malformed"),
        ("an item that is not here", "GET", ITEMS + "/" + "0" * 32, None, {}, 404, "not_found"),
        ("a limit that is no number", "GET", ITEMS + "?limit=ten", None, {}, 400, "malformed"),
        ("a limit of nothing", "GET", ITEMS + "?limit=0", None, {}, 400, "malformed"),
        ("a made-up cursor", "GET", ITEMS + "?cursor=AAAA", None, {}, 400, "malformed"),
        ("no token", "GET", ITEMS, None, {"authorization": ""}, 401, "unauthorized"),
        ("a made-up token", "GET", ITEMS, None, {"authorization": "Bearer amic_0123456789"}, 401, "unauthorized"),
        ("an unknown scheme", "GET", ITEMS, None, {"authorization": "Digest x"}, 401, "unauthorized"),
    ):
        answer = node.http.request(method, target, body, {"content-type": "application/json", **headers})
        check((answer.status, answer.code) == (status, code), f"{name}: {status} {code}",
              f"{answer.status} {answer.body[:300]!r}")
    check_equal(node.log_size(), size, "nothing of all this was stored")
    answer = node.http.post(ITEMS, good)
    check_equal(answer.status, 201, "and the good request is still taken")


def raw(port, data, context=None):
    """What comes back for these bytes until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=harness.PATIENCE_S) as plain:
        connection = context.wrap_socket(plain) if context else plain
        try:
            connection.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the answer came before the end of the question
        out = b""
        while True:
            try:
                got = connection.recv(65536)
            except ConnectionResetError:
                return out
            if not got:
                return out
            out += got


def check_http(node):
    """Requests that are bad as HTTP, byte by byte."""
    auth = f"Host: x\r\nAuthorization: Bearer {node.http.token}\r\n"
    post = f"POST {ITEMS} HTTP/1.1\r\n{auth}"
    for name, data, status in (
        ("not HTTP", b"\x16\x03\x01\x00\x05hello\r\n\r\n", 400),
        ("no host", b"GET /healthz HTTP/1.1\r\n\r\n", 400),
        ("two hosts", b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("header lines of 64 KiB", f"GET /healthz HTTP/1.1\r\nHost: x\r\nX: {'y' * 65536}\r\n\r\n".encode(), 431),
        ("a body over the limit", f"{post}Content-Length: {(64 << 20) + 1}\r\n\r\n".encode(), 413),
        ("two lengths", f"{post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode(), 400),
        ("a length that is no number", f"{post}Content-Length: five\r\n\r\nhello".encode(), 400),
        ("a negative length", f"{post}Content-Length: -1\r\n\r\n".encode(), 400),
    ):
        answer = raw(node.api_port, data)
        check(answer.startswith(f"HTTP/1.1 {status} ".encode()), f"{name}: {status}", answer[:200])
    check_equal(node.http.get("/healthz").status, 200, "the API goes on answering")


def check_command_line(cli, work, node):
    def file(name, content):
        path = f"{work}/{name}"
        with open(path, "wb") as out:
            out.write(content)
        return path

    good = file("good.json", json.dumps(bundle(indicator("cli"))).encode())
    broken = file("broken.json", b'{"type": "bundle", "objects": [')
    binary = file("binary.json", bytes(range(256)))
    size = node.log_size()
    share = ["share", "--dir", node.dir, "--classification", "RESTRICTED"]
    for name, code, exit_code, words in (
        ("share without REL TO", "usage", 2, [*share, good]),
        ("share with an unknown option", "usage", 2, [*share, "--rel-to", "BN", "--colour", "blue", good]),
        ("share of a missing file", "not_found", 1, [*share, "--rel-to", "BN", f"{work}/nothing.json"]),
        ("share of a directory", "forbidden", 1, [*share, "--rel-to", "BN", work]),
        ("share of broken JSON", "malformed", 1, [*share, "--rel-to", "BN", broken]),
        ("share of binary rubbish", "malformed", 1, [*share, "--rel-to", "BN", binary]),
        ("share with an unknown member", "unknown_member", 1, [*share, "--rel-to", "BN,ZZ", good]),
        ("share of what has expired", "expired", 1,
         [*share, "--rel-to", "BN", "--expires", "2020-01-01T00:00:00Z", good]),
        ("share to oneself", "no_recipients", 1, [*share, "--rel-to", "MY", good]),
        ("the envelope of an unknown item", "not_found", 1,
         ["item", "envelope", "--dir", node.dir, "0" * 32, "--out", f"{work}/no.envelope"]),
        ("the proof of an unknown item", "not_found", 1, ["log", "prove", "--dir", node.dir, "0" * 32]),
        ("a token with an unknown scope", "malformed", 1,
         ["token", "create", "--dir", node.dir, "--name", "x", "--scopes", "all", "--clearance", "SECRET"]),
        ("a token with an unknown clearance", "malformed", 1,
         ["token", "create", "--dir", node.dir, "--name", "x", "--scopes", "read", "--clearance", "COSMIC"]),
        ("--url without a token", "usage", 2, ["item", "list", "--url", node.url]),
        ("a directory without a node", "not_found", 1, ["item", "list", "--dir", work]),
    ):
        cli.refused(name, code, *words, exit_code=exit_code)
    expect(not os.path.exists(f"{work}/no.envelope"), "a refused command wrote a file")
    check_equal(node.log_size(), size, "the command line stored nothing")


# --- identities ------------------------------------------------------------------------------------


def client_context(maximum=None, certificate=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if maximum:
        context.maximum_version = maximum
    if certificate:
        context.load_cert_chain(*certificate)
    return context


def try_link(node, context):
    """The answer to a request on the link, or the TLS error's name."""
    request = b"GET /link/v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    try:
        return raw(node.link_port, request, context).decode(errors="replace")
    except ssl.SSLError as error:
        return error.reason or str(error)


def check_tls(work, node):
    """Nobody without a member's key gets as far as HTTP."""
    answer = try_link(node, client_context())
    check("CERTIFICATE_REQUIRED" in answer, "link: a peer without a certificate is refused", answer)
    key, certificate = f"{work}/stranger.key", f"{work}/stranger.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", key, "-out", certificate,
         "-subj", "/CN=amic", "-days", "1"], check=True, capture_output=True)
    answer = try_link(node, client_context(certificate=(certificate, key)))
    check("HTTP" not in answer and "ALERT" in answer, "link: a stranger's certificate is refused", answer)
    answer = try_link(node, client_context(maximum=ssl.TLSVersion.TLSv1_2, certificate=(certificate, key)))
    check("PROTOCOL_VERSION" in answer, "link: TLS 1.2 is refused", answer)
    answer = raw(node.link_port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    check(b"HTTP" not in answer, "link: HTTP without TLS is refused", answer[:200])
    done = subprocess.run(["curl", "-sk", "--max-time", "30", f"https://127.0.0.1:{node.link_port}/link/v1/status"],
                          capture_output=True, check=False)
    check(done.returncode != 0 and not done.stdout, "link: curl without a certificate gets nothing", done)


def check_impostor(cli, work, nodes):
    """A node at SG's address, by SG's name, with other keys: nothing is delivered to it."""
    my, sg = nodes["MY"], nodes["SG"]
    sent = my.http.post(ITEMS, item(["SG"], indicator("for SG alone"))).json["id"]
    ports = {m: {"link_port": nodes[m].link_port} for m in ("MY", "SG")}
    other = Community(cli, f"{work}/impostor", ["MY", "SG"], **ports)
    impostor = other["SG"].start()

    def told():
        error = my.links()["SG"].get("last_error", "")
        return error if error.startswith("wrong_identity ") else None

    wait_until(told, "MY says that SG's address has another key")
    link = my.links()["SG"]
    check(link["state"] == "unreachable" and link["waiting"] == 1, "another key at the address: wrong_identity, "
          "and the item waits", link)
    error = wait_until(lambda: impostor.links()["MY"].get("last_error"), "the impostor is told")
    check(impostor.links()["MY"]["state"] != "linked", "the impostor gets no link", error)
    check_equal((impostor.item_ids(), impostor.log_size()), ([], 1), "the impostor received nothing")
    impostor.stop()
    sg.start()
    sg.wait_items([sent])
    my.wait_drained()
    passed("the real one receives what waited")
    return other


# --- processes and files ---------------------------------------------------------------------------


def run_refused(cli, name, node, code, says="", env=None, **options):
    """`amic node run` must refuse, and leave nothing behind that looks like a running node."""
    done = cli.refused(name, code, "node", "run", "--dir", node.dir, says=says, env=env, **options)
    expect("is running" not in done.out, f"{name}: it said that it runs")
    return done


def check_processes(cli, work, nodes, other):
    bn, my, sg = nodes["BN"], nodes["MY"], nodes["SG"]
    # MY is running. Other ports, so that the directory is all they could fight for.
    ports = {"AMIC_LINK_LISTEN": f"127.0.0.1:{harness.free_port()}",
             "AMIC_API_LISTEN": f"127.0.0.1:{harness.free_port()}"}
    run_refused(cli, "a second process on one directory", my, "locked", f"process {my.process.pid}", env=ports)
    cli.refused("checking the files of a running node", "locked", "node", "check", "--dir", my.dir,
                says=f"process {my.process.pid}")
    cli.ok("item", "list", "--dir", my.dir)
    passed("the first goes on, and the command line still finds it")

    bn.stop()
    for kind, port in (("API", bn.api_port), ("link", bn.link_port)):
        with socket.socket() as busy:
            busy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            busy.bind(("127.0.0.1", port))
            busy.listen()
            run_refused(cli, f"the {kind} port is in use", bn, "io", f"127.0.0.1:{port}")
    for setting, value in (("AMIC_API_LISTEN", "0.0.0.0:7080"), ("AMIC_API_LISTEN", "nowhere"),
                           ("AMIC_LOG_LEVEL", "loud")):
        done = cli.run("node", "run", "--dir", bn.dir, env={setting: value})
        check(done.code == 1 and done.err.count("amic: ") >= 1 and "is running" not in done.out,
              f"{setting}={value} is refused", done.err)

    sg.stop()
    wrong = f"{work}/wrong.pass"
    with open(os.open(wrong, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as out:
        out.write("not the passphrase\n")
    cli.refused("a wrong passphrase", "wrong_passphrase", "node", "run", "--dir", sg.dir,
                "--passphrase-from", f"file:{wrong}")
    cli.refused("a passphrase file that is not there", "missing_key", "node", "run", "--dir", sg.dir,
                "--passphrase-from", f"file:{work}/nothing.pass")
    for role in ("node", "sealing", "log", "tls", "cosigner"):
        key = f"{bn.dir}/keys/{role}.key"
        os.rename(key, key + ".aside")
        run_refused(cli, f"without the {role} key", bn, "missing_key", f"{role}")
        if role == "sealing":
            os.rename(key + ".aside", key)
            continue
        shutil.copy(f"{other['MY'].dir}/keys/{role}.key", key)
        run_refused(cli, f"with another node's {role} key", bn, "wrong_identity")
        os.replace(key + ".aside", key)
    with open(bn.dir + "/config.toml", encoding="utf-8") as text:
        config = text.read()
    for name, broken, code in (("an unknown setting", config + "\n[colour]\nred = 1\n", "unknown_field"),
                               ("broken TOML", config + "\n[", "malformed")):
        with open(bn.dir + "/config.toml", "w", encoding="utf-8") as out:
            out.write(broken)
        run_refused(cli, f"config.toml with {name}", bn, code, "config.toml, line")
    with open(bn.dir + "/config.toml", "w", encoding="utf-8") as out:
        out.write(config)

    launch = f"{bn.dir}/community/launch.txt"
    os.rename(launch, launch + ".aside")
    run_refused(cli, "before joining a community", bn, "unknown_community")
    shutil.copy(other.launch_file, launch)
    run_refused(cli, "with the transcript of another community", bn, "foreign_press")
    with open(launch + ".aside", encoding="utf-8") as source, open(launch, "w", encoding="utf-8") as target:
        lines = source.read().splitlines(keepends=True)
        target.writelines(lines[: len(lines) // 2])
    run_refused(cli, "with half a transcript", bn, "malformed", "launch.txt")
    os.replace(launch + ".aside", launch)
    bn.start()
    passed("with everything in its place again, it starts")


def overwrite_page(path, number, size=4096):
    with open(path, "r+b") as file:
        file.seek((number - 1) * size)
        file.write(b"\xa5" * size)


def page_of_table(path, table):
    """The root page of a table, found by SQLite itself."""
    with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as database:
        (page,) = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
        (size,) = database.execute("PRAGMA page_size").fetchone()
    return page, size


def check_databases(cli, work, nodes):
    """Damaged files: the log says so and stops; the index is made anew."""
    bn, my = nodes["BN"], nodes["MY"]
    held = len(bn.item_ids())
    for number in range(30):
        expect(my.http.post(ITEMS, item(["BN"], indicator("page", number))).status == 201, "share")
    my.wait_drained()
    wait_until(lambda: len(bn.item_ids()) == held + 30, "BN has them")
    items, objects, size = bn.items(), sorted(bn.object_ids()), bn.log_size()
    bn.stop()
    store = f"{bn.dir}/store"
    log, index = f"{store}/log.db", f"{store}/idx.db"
    backup = f"{work}/store-backup"
    shutil.copytree(store, backup)

    def restore():
        shutil.rmtree(store)
        shutil.copytree(backup, store)

    def resets_logged():
        with open(bn.log_file, encoding="utf-8") as text:
            return sum('"store.index_reset"' in line for line in text)

    def same_as_before(name):
        resets = resets_logged()
        bn.start()
        check(bn.items() == items and sorted(bn.object_ids()) == objects and bn.log_size() == size,
              f"{name}: made anew from the log, and everything is served")
        bn.stop()
        check_equal(resets_logged(), resets + 1, f"{name}: the log says so")
        expect(cli.json("node", "rebuild", "--dir", bn.dir)["unchanged"] is True, f"{name}: a rebuild differs")

    for table in ("obj", "aud", "meta"):
        overwrite_page(index, *page_of_table(index, table))
        same_as_before(f"a bad page in idx.db (table {table})")
    # Not every page is looked at when a node starts. Where reading meets the damage it says so.
    overwrite_page(index, *page_of_table(index, "item"))
    cli.refused("a bad page in idx.db (table item), node check", "corrupt", "node", "check", "--dir", bn.dir,
                says="idx.db")
    bn.start()
    answer = bn.http.get(ITEMS)
    check((answer.status, answer.code) == (500, "corrupt"), "reading a bad page of idx.db: 500 corrupt", answer.body)
    bn.stop()
    done = cli.json("node", "rebuild", "--dir", bn.dir)
    check(done["unchanged"] is False, "node rebuild repairs it", done)
    cli.ok("node", "check", "--dir", bn.dir)
    bn.start()
    check(bn.items() == items and sorted(bn.object_ids()) == objects, "and everything is served")
    bn.stop()
    with open(index, "r+b") as file:
        file.truncate(os.path.getsize(index) // 2)
    same_as_before("half an idx.db")
    with open(index, "wb") as file:
        file.write(b"not a database at all\n" * 100)
    same_as_before("rubbish as idx.db")
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(index + suffix):
            os.remove(index + suffix)
    same_as_before("no idx.db")

    for table in ("meta", "record", "cursor"):
        page = page_of_table(log, table)
        overwrite_page(log, *page)
        cli.refused(f"a bad page in log.db (table {table}), node check", "corrupt", "node", "check", "--dir", bn.dir,
                    says="log.db")
        if table == "record":  # what other members can give back does not keep a node from its work
            bn.start()
            passed("a bad page in log.db (table record): the node runs, and can be repaired")
            bn.kill()
        else:
            run_refused(cli, f"a bad page in log.db (table {table})", bn, "corrupt", "log.db")
        restore()
    with open(log, "r+b") as file:
        file.truncate(os.path.getsize(log) // 2)
    run_refused(cli, "half a log.db", bn, "corrupt", "log.db")
    restore()
    with open(log, "wb"):
        pass
    run_refused(cli, "an empty log.db", bn, "corrupt", "log.db")
    os.remove(log)
    run_refused(cli, "no log.db beside an idx.db", bn, "corrupt", "log.db")
    check(not os.path.exists(log), "no new log is begun over a lost one")
    restore()
    bn.start()
    check(bn.items() == items, "with the files put back, everything is served")


def check_tampered_record(cli, work, nodes):
    """Somebody with SQLite and an idea changes one stored envelope: verification finds it."""
    bn = nodes["BN"]
    if bn.process is not None:
        bn.stop()
    store = f"{bn.dir}/store"
    backup = f"{work}/tamper-backup"
    shutil.copytree(store, backup)
    with sqlite3.connect(f"{store}/log.db") as database:
        seq, data = database.execute("SELECT seq, bytes FROM record WHERE kind = 2 ORDER BY seq LIMIT 1").fetchone()
        changed = bytearray(data)
        changed[len(changed) // 2] ^= 1
        database.execute("UPDATE record SET bytes = ? WHERE seq = ?", (bytes(changed), seq))
    database.close()
    done = cli.run("log", "verify", "--dir", bn.dir)
    check(done.code == 1 and "amic: " in done.err and str(seq) in done.err, "an altered record is found and named",
          done.err)
    shutil.rmtree(store)
    shutil.copytree(backup, store)
    cli.ok("log", "verify", "--dir", bn.dir)
    bn.start()


# --- disks -----------------------------------------------------------------------------------------


def as_nobody():
    return {"user": 65534, "group": 65534, "extra_groups": []}


def check_read_only(cli, work, nodes):
    if os.geteuid() != 0:
        skipped("read-only directory", "needs root, to become another user")
        return
    bn = nodes["BN"]
    bn.stop()
    # Root may write anywhere, so the node runs as another user, from a copy that he may read.
    place = f"{work}/read-only"
    os.chmod(work, 0o711)
    os.mkdir(place, 0o755)
    shutil.copytree(bn.dir, f"{place}/bn")
    program = f"{place}/amic"
    shutil.copy(cli.amic, program)
    os.chmod(program, 0o755)
    for directory, _, files in os.walk(f"{place}/bn"):
        os.chown(directory, 65534, 65534)
        for name in files:
            os.chown(os.path.join(directory, name), 65534, 65534)
    store = f"{place}/bn/store"
    for name in os.listdir(store):
        os.chmod(f"{store}/{name}", 0o400)
    os.chmod(store, 0o500)
    other = harness.Cli(program)
    other.refused("a store that may not be written", "read_only", "node", "run", "--dir", f"{place}/bn", cwd=place,
                  **as_nobody())
    os.remove(program)
    os.chmod(work, 0o700)
    bn.start()


def check_full_disk(cli, work):
    """The node says disk_full, loses nothing that it has acknowledged, and goes on when there is room."""
    disk = f"{work}/disk"
    os.mkdir(disk)
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m,mode=0700", "amic-test", disk], capture_output=True, check=False
    ).returncode == 0
    if not mounted:
        skipped("full disk", "needs root and the right to mount a tmpfs")
        return
    try:
        nodes = Community(cli, f"{disk}/community", ["MY", "SG"])
        my, sg = nodes["MY"], nodes["SG"]
        for node in nodes:  # logs of the processes lie elsewhere: they are not what is tested
            node.log_file = f"{work}/disk-{node.member}.log"
        nodes.start()
        filler = f"{disk}/filler"
        ids, number = [], 0

        def share():
            nonlocal number
            number += 1
            return my.http.post(ITEMS, item(["SG"], indicator("disk", number)), key=f"disk-{number}")

        for _ in range(5):
            ids.append(share().json["id"])
        sg.wait_items(ids)
        try:
            with open(filler, "wb", buffering=0) as out:
                while out.write(b"\0" * 4096) == 4096:
                    pass
        except OSError:
            pass
        refusal = None
        for _ in range(200):  # files have some room of their own left
            answer = share()
            if answer.status != 201:
                refusal = answer
                break
            ids.append(answer.json["id"])
        check(refusal is not None and (refusal.status, refusal.code) == (507, "disk_full"), "full disk: 507 disk_full",
              refusal and refusal.body)
        check(refusal.json["retryable"] is True, "it says that trying again is worth it")
        check_equal(my.http.get("/healthz").status, 200, "the node goes on answering")
        expect(my.http.get("/readyz").status in (200, 503), "readyz answers")
        os.remove(filler)

        def taken():
            answer = my.http.post(ITEMS, item(["SG"], indicator("disk", number)), key=f"disk-{number}")
            return answer if answer.status in (200, 201) else None

        ids.append(wait_until(taken, "with room again, the same request is taken").json["id"])
        passed("with room again, the same request is taken, without a restart")
        for node in nodes:
            node.wait_ready()
        my.wait_items(ids)
        sg.wait_items(ids)
        my.wait_drained()
        passed("the full disk lost nothing and doubled nothing, here and at the peer")
        nodes.stop()
        for node in nodes:
            cli.ok("node", "check", "--dir", node.dir)
            cli.ok("log", "verify", "--dir", node.dir)
            expect(cli.json("node", "rebuild", "--dir", node.dir)["unchanged"] is True, "a rebuild differs")
        passed("files are good and logs verify afterwards")
    finally:
        for node in list(nodes) if "nodes" in locals() else []:
            if node.process is not None:
                node.kill()
        subprocess.run(["umount", disk], capture_output=True, check=False)


def main(cli, work):
    passphrase = f"{work}/sg.pass"
    with open(os.open(passphrase, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as out:
        out.write("battery staple\n")
    nodes = Community(cli, f"{work}/community", ["BN", "MY", "SG"], SG={"passphrase_file": passphrase})
    for member in ("BN", "MY"):
        nodes[member].start()
    nodes["MY"].wait_linked(["BN"])
    check_requests(nodes["MY"])
    check_http(nodes["MY"])
    check_command_line(cli, work, nodes["MY"])
    check_tls(work, nodes["MY"])
    other = check_impostor(cli, work, nodes)
    check_processes(cli, work, nodes, other)
    check_databases(cli, work, nodes)
    check_tampered_record(cli, work, nodes)
    check_read_only(cli, work, nodes)
    nodes.stop()
    check_full_disk(cli, work)


if __name__ == "__main__":
    harness.run(main)
