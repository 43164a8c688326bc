"""Three members exchange items: who receives what, queues, proofs, events, tokens."""

import http.client
import json
import os
import shutil
import threading
import time

import harness
from harness import Failed, Http, bundle, check, check_equal, expect, indicator, item, passed, wait_until


def write(path, value):
    with open(path, "w", encoding="utf-8") as out:
        out.write(value if isinstance(value, str) else json.dumps(value))
    return path


def share(cli, node, file, rel_to, *more):
    """Shares by the command line after a dry run, which must say the same and store nothing."""
    words = ["share", "--dir", node.dir, "--rel-to", rel_to, *more, file]
    size = node.log_size()
    preview = cli.json(*words, "--dry-run")
    expect(node.log_size() == size, "a dry run stored something")
    done = cli.json(*words)
    expect(node.log_size() == size + 1, "one share is one record")
    for field in ("recipients", "refusals"):
        expect(preview[field] == done[field], f"dry run says {preview[field]}, but {done[field]} happened")
    return done


def check_release(cli, work, nodes):
    """Each item reaches exactly the members it names, whatever its precedence and classification."""
    bn, my, sg = nodes["BN"], nodes["MY"], nodes["SG"]
    releases = [
        # from, REL TO, receives, classification, precedence
        (my, "BN,SG", ["BN", "SG"], "UNCLASSIFIED", "ROUTINE"),
        (my, "SG", ["SG"], "SECRET", "FLASH"),
        (my, "MY,BN", ["BN"], "RESTRICTED", "IMMEDIATE"),
        (bn, "MY", ["MY"], "CONFIDENTIAL", "PRIORITY"),
        (sg, "BN,MY,SG", ["BN", "MY"], "TOP SECRET", "FLASH"),
    ]
    held = {node.member: {} for node in nodes}  # member -> item id -> object id
    banners = {}
    for number, (source, rel_to, receives, classification, precedence) in enumerate(releases):
        for node in nodes:
            node.wait_drained()  # so that a log grows by what happens here alone
        what = indicator("release", number)
        file = write(f"{work}/release-{number}.json", bundle(what))
        done = share(cli, source, file, rel_to, "--classification", classification, "--precedence", precedence)
        check_equal(done["recipients"], receives, f"{source.member} to {rel_to}: recipients, as in the dry run")
        for member in [source.member, *receives]:
            held[member][done["id"]] = what["id"]
        banners[done["id"]] = (precedence, classification, sorted(rel_to.split(",")))

    for node in nodes:
        node.wait_drained()
    text = write(f"{work}/note.txt", "SYNTHETIC watch log, line 1\nline 2: \u00e4\u00f6\n")
    done = share(cli, sg, text, "BN", "--classification", "RESTRICTED", "--media-type", "text/plain")
    for member in ("SG", "BN"):
        held[member][done["id"]] = None
    document = done["id"]

    private = indicator("private")
    cli.ok("import", "--dir", my.dir, write(f"{work}/private.json", bundle(private)))
    own = wait_until(  # stored when the command returns, and indexed soon after
        lambda: [one["id"] for one in my.items() if one["id"] not in held["MY"]], "the import is indexed")
    check_equal(len(own), 1, "an import is an item of its own node")
    held["MY"][own[0]] = private["id"]

    for node in nodes:
        wanted = held[node.member]
        node.wait_items(wanted)
        node.wait_drained()
    time.sleep(0.5)  # nothing more may come
    for node in nodes:
        wanted = held[node.member]
        node.wait_items(wanted)
        objects = sorted(one for one in wanted.values() if one)
        check_equal(sorted(node.object_ids()), objects, f"{node.member} holds exactly its items' objects")
        by_cli = cli.json("item", "list", "--dir", node.dir)["items"]
        check_equal(sorted(i["id"] for i in by_cli), sorted(wanted), f"{node.member}: amic item list says the same")
        by_cli = cli.json("object", "list", "--dir", node.dir)["objects"]
        check_equal(sorted(o["id"] for o in by_cli), objects, f"{node.member}: amic object list says the same")
        for one in node.items():
            if one["id"] in banners:
                mark = one["marking"]
                got = (one["precedence"], mark["classification"], mark["rel_to"])
                expect(got == banners[one["id"]], f"{node.member}: labels {got}, want {banners[one['id']]}")
        passed(f"{node.member}: every item carries the labels that its originator gave it")

    body = bn.http.get(f"/api/v1/items/{document}/content").body
    check_equal(body.decode(), "SYNTHETIC watch log, line 1\nline 2: \u00e4\u00f6\n",
                "a document arrives byte for byte")
    secret = next(i for i, (p, c, r) in banners.items() if c == "SECRET")
    cli.refused("BN asks for what only SG received", "not_found", "item", "get", "--dir", bn.dir, secret)
    return held


def check_receipts(nodes):
    """What one node says it delivered, the other says it received."""
    for node in nodes:
        for peer, link in node.links().items():
            other = nodes[peer].links()[node.member]
            for mine, theirs in zip(link["lanes"], other["lanes"]):
                expect(mine["queued"] == mine["acknowledged"], f"{node.member} to {peer}: {mine}")
                expect(mine["acknowledged"] == theirs["received"], f"{node.member} to {peer}: {mine} but {theirs}")
            expect(link["quarantined"] == 0, f"{node.member} quarantined from {peer}")
    passed("every receipt matches what the peer says it received, lane by lane")


def check_queue(cli, work, nodes, held):
    """A peer that is down: the sender says what waits, why, and when it tries next; then it drains."""
    bn, my, sg = nodes["BN"], nodes["MY"], nodes["SG"]
    sg.stop()
    for number, precedence in enumerate(["ROUTINE", "FLASH", "IMMEDIATE"]):
        what = indicator("waiting", number)
        file = write(f"{work}/waiting-{number}.json", bundle(what))
        done = share(cli, my, file, "BN,SG", "--classification", "RESTRICTED", "--precedence", precedence)
        for member in ("BN", "MY", "SG"):
            held[member][done["id"]] = what["id"]
    bn.wait_items(held["BN"])
    passed("the others receive while one peer is down")

    def waiting():
        link = my.links()["SG"]
        return link if link["waiting"] == 3 and link.get("next_try") and link.get("last_error") else None

    link = wait_until(waiting, "MY says what waits for SG, why, and when it tries again")
    check(link["waiting_bytes"] > 0 and link["oldest_waiting"] and link["failures"] > 0, "what waits, since when", link)
    check(link["last_error"].split(" ")[0] == "unavailable", "the reason has a stable code", link["last_error"])
    table = cli.ok("link", "list", "--dir", my.dir).out
    row = next(line for line in table.splitlines() if line.startswith("SG "))
    check("unreachable" in row and " 3 " in row and "unavailable" in row, "amic link list shows the row", row)
    sg.start()
    sg.wait_items(held["SG"])
    my.wait_drained()
    link = wait_until(lambda: my.links()["SG"]["state"] == "linked" and my.links()["SG"], "linked again")
    check(link["waiting"] == 0 and "last_error" not in link, "the queue drains when the peer is back", link)


def check_idempotency(cli, work, nodes, held):
    """The same key is shared once, also over a restart, by the command line and by HTTP."""
    my = nodes["MY"]
    what = indicator("once")
    file = write(f"{work}/once.json", bundle(what))
    words = ["share", "--dir", my.dir, "--rel-to", "BN", "--classification", "RESTRICTED",
             "--idempotency-key", "once-1", file]
    first = cli.json(*words)
    body = json.dumps(item(["BN"], indicator("once-http")))
    by_http = my.http.post("/api/v1/items", body, key="once-2")
    check_equal(by_http.status, 201, "a share by HTTP")
    size = my.log_size()
    for turn in ("at once", "after a restart"):
        again = cli.json(*words)
        check(again["id"] == first["id"] and again["digest"] == first["digest"], f"same key {turn}: the same item")
        replay = my.http.post("/api/v1/items", body, key="once-2")
        check(replay.status == 200 and replay.json["id"] == by_http.json["id"] and replay.json["replayed"] is True,
              f"same key by HTTP {turn}: 200, replayed", replay.body)
        check_equal(my.log_size(), size, f"same key {turn}: nothing stored")
        other = my.http.post("/api/v1/items", item(["BN"], indicator("other")), key="once-2")
        check(other.status == 422 and other.code == "idempotency_mismatch", f"same key, other request {turn}: refused")
        if turn == "at once":
            my.restart()
    for member in ("BN", "MY"):
        held[member][first["id"]] = what["id"]
        held[member][by_http.json["id"]] = indicator("once-http")["id"]
    nodes["BN"].wait_items(held["BN"])
    passed("the peer received each once")


class Events:
    """A reader of server-sent events."""

    def __init__(self, node, after=None):
        headers = {"authorization": f"Bearer {node.token}", "accept": "text/event-stream"}
        if after is not None:
            headers["last-event-id"] = after
        self.connection = http.client.HTTPConnection("127.0.0.1", node.api_port, timeout=harness.PATIENCE_S)
        self.connection.request("GET", "/api/v1/events", headers=headers)
        self.response = self.connection.getresponse()
        self.status = self.response.status

    def next(self):
        """(id, data) of the next event; comments and retry hints are passed over."""
        fields = {}
        while True:
            line = self.response.readline()
            if not line:
                raise Failed("the event stream ended")
            text = line.decode().rstrip("\n")
            if text and not text.startswith(":"):
                name, _, value = text.partition(": ")
                fields[name] = value
            elif not text:
                if "data" in fields:
                    return fields["id"], json.loads(fields["data"])
                fields = {}

    def close(self):
        self.connection.close()


def check_events(nodes, held):
    """Live events, and resuming by Last-Event-ID, also over a restart, without gap or repeat."""
    bn, my = nodes["BN"], nodes["MY"]

    def post(number):
        what = indicator("event", number)
        answer = my.http.post("/api/v1/items", item(["BN"], what, precedence="PRIORITY"))
        expect(answer.status == 201, f"share: {answer.body!r}")
        for member in ("BN", "MY"):
            held[member][answer.json["id"]] = what["id"]
        return answer.json["id"]

    bn.http.get("/api/v1/links")  # makes the token
    live = Events(bn)
    check_equal(live.status, 200, "an event stream opens")
    first = post(0)
    mark, data = live.next()
    check(data["id"] == first and data["originator"] == "MY" and data["precedence"] == "PRIORITY",
          "an item that arrives is an event", data)
    live.close()
    missed = [post(1), post(2), post(3)]
    bn.wait_items(held["BN"])
    bn.restart()
    resumed = Events(bn, mark)
    got = [resumed.next()[1]["id"] for _ in missed]
    check_equal(got, missed, "Last-Event-ID: exactly what was missed, in order, over a restart")
    my.wait_linked()
    last = post(4)
    check_equal(resumed.next()[1]["id"], last, "and then what is new")
    resumed.close()
    replay = Events(bn, "0")
    everything = [replay.next()[1]["id"] for _ in bn.items()]
    check_equal(everything, bn.item_ids(), "Last-Event-ID 0: everything, once, in order")
    replay.close()
    bad = bn.http.get("/api/v1/events", headers={"last-event-id": "7"})
    check(bad.status == 400 and bad.code == "malformed", "a made-up event id is refused")


def check_tokens(cli, nodes):
    my = nodes["MY"]
    made = cli.json("token", "create", "--dir", my.dir, "--name", "reader", "--scopes", "read",
                    "--clearance", "UNCLASSIFIED")
    reader = Http(my.api_port, made["secret"])
    seen = reader.get("/api/v1/items").json["items"]
    check(seen and all(i["marking"]["classification"] == "UNCLASSIFIED" for i in seen),
          "a token sees what its clearance covers, and nothing else")
    hidden = next(i for i in my.items() if i["marking"]["classification"] == "SECRET")
    check_equal(reader.get(f"/api/v1/items/{hidden['id']}").status, 404, "above its clearance: as if it were not there")
    check_equal(reader.post("/api/v1/items", item(["BN"], indicator("no"))).status, 403, "read does not cover sharing")
    check_equal(reader.get("/api/v1/tokens").status, 403, "read does not cover tokens")
    listed = cli.json("token", "list", "--dir", my.dir)
    check(made["id"] in [t["id"] for t in listed["tokens"]], "the token is listed")
    check(made["secret"] not in json.dumps(listed), "the list holds no secret")
    file = os.path.join(os.path.dirname(my.dir), "token.txt")
    with open(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as out:
        out.write(made["secret"] + "\n")
    cli.ok("item", "list", "--url", my.url, "--token-from", f"file:{file}")
    passed("the command line works with --url and a token from a file")
    cli.ok("token", "revoke", "--dir", my.dir, made["id"])
    check_equal(reader.get("/api/v1/items").status, 401, "a revoked token ends at once")
    check(made["id"] not in [t["id"] for t in cli.json("token", "list", "--dir", my.dir)["tokens"]], "and is gone")
    cli.refused("revoke a token twice", "not_found", "token", "revoke", "--dir", my.dir, made["id"])


def check_secrets(nodes):
    """No secret in the nodes' logs."""
    for node in nodes:
        with open(node.log_file, encoding="utf-8") as text:
            log = text.read()
        expect(log, f"{node.member} wrote no log")
        for line in log.splitlines():
            json.loads(line)
        expect(node.token not in log, f"a token is in the log of {node.member}")
    passed("logs are JSON lines and hold no token")


def check_proofs(cli, work, nodes):
    """Checkpoints cosigned by the peers; proofs that verify from files alone."""
    bn, my = nodes["BN"], nodes["MY"]
    what = indicator("evidence")
    sent = my.http.post("/api/v1/items", item(["BN", "SG"], what)).json["id"]
    wait_until(lambda: sent in bn.item_ids(), "BN has the evidence")

    def cosigned(node):
        lines = cli.ok("log", "checkpoint", "--dir", node.dir).out.splitlines()
        signed = [line.split(" ")[1] for line in lines if line.startswith("\u2014 ")]
        by = {name.split(".")[0] for name in signed if name.endswith("/witness")}
        peers = {other.member.lower() for other in nodes if other is not node}
        return int(lines[1]) == node.log_size() and by == peers

    def all_cosigned():
        wait_until(lambda: all(cosigned(node) for node in nodes), "every checkpoint covers its log and has all cosignatures")

    all_cosigned()
    passed("the checkpoint is cosigned by every peer")
    files = f"{work}/evidence"
    os.mkdir(files)
    shutil.copy(nodes.launch_file, files)

    def evidence(node, kind):
        proof, envelope = f"{files}/{kind}.proof", f"{files}/{kind}.envelope"

        def proved():
            done = cli.run("log", "prove", "--dir", node.dir, sent, "--out", proof)
            return done.code == 0

        wait_until(proved, f"{node.member} proves the item")
        cli.ok("item", "envelope", "--dir", node.dir, sent, "--out", envelope)
        return proof, envelope

    out_proof, out_envelope = evidence(my, "out")
    in_proof, in_envelope = evidence(bn, "in")
    with open(out_envelope, "rb") as one, open(in_envelope, "rb") as other:
        check_equal(one.read(), other.read(), "sender and receiver hold the same envelope, byte for byte")
    all_cosigned()  # what is stopped is checked for them below
    nodes.stop()

    launch = f"{files}/launch.txt"

    def words(proof, envelope, member, kind):
        return ["log", "verify", "--proof", proof, "--envelope", envelope, "--launch", launch,
                "--member", member, "--kind", kind]

    cli.ok(*words(out_proof, out_envelope, "MY", "out"))
    passed("MY's proof of sending verifies offline")
    cli.ok(*words(in_proof, in_envelope, "BN", "in"))
    passed("BN's proof of receiving verifies offline")
    altered = f"{files}/altered.envelope"
    with open(out_envelope, "rb") as source, open(altered, "wb") as target:
        data = bytearray(source.read())
        data[-1] ^= 1
        target.write(data)
    for name, arguments in (
        ("an altered envelope", words(out_proof, altered, "MY", "out")),
        ("the proof of another member's log", words(out_proof, out_envelope, "BN", "out")),
        ("sent instead of received", words(in_proof, in_envelope, "BN", "out")),
    ):
        done = cli.run(*arguments)
        check(done.code == 1 and done.err.startswith("amic: "), f"{name} is refused", done.err)
    return sent


def check_stopped(cli, nodes):
    """What can be checked of a stopped node."""
    for node in nodes:
        records = cli.json("node", "check", "--dir", node.dir)["records"]
        report = cli.json("log", "verify", "--dir", node.dir)
        expect(report["records"] == records, f"{node.member}: {report} but {records} records")
        expect(report["cosignatures"] == 2, f"{node.member}: {report}")
        first = cli.json("node", "rebuild", "--dir", node.dir)
        expect(first["unchanged"] is True, f"{node.member}: rebuilding changes the index")
        again = cli.json("node", "rebuild", "--dir", node.dir)
        expect(first["digest"] == again["digest"], f"{node.member}: two rebuilds differ")
        passed(f"{node.member}: files good, log verifies, a rebuilt index is the same")
    cli.refused("the command line without a node", "unavailable", "item", "list", "--dir", nodes["MY"].dir,
                says="not running")


def check_concurrent_keys(nodes, held):
    """Many clients with one key at once: one item."""
    my = nodes["MY"]
    what = indicator("race")
    body = json.dumps(item(["SG"], what))
    my.http.get("/api/v1/links")
    answers = []

    def post():
        answers.append(Http(my.api_port, my.token).post("/api/v1/items", body, key="race"))

    threads = [threading.Thread(target=post) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    statuses = sorted(a.status for a in answers)
    check(statuses.count(201) == 1 and set(statuses) <= {200, 201, 409}, "one key at once: stored once", statuses)
    made = {a.json["id"] for a in answers if a.status in (200, 201)}
    check_equal(len(made), 1, "and everybody is told the same item")
    for member in ("MY", "SG"):
        held[member].update(dict.fromkeys(made, what["id"]))
    nodes["SG"].wait_items(held["SG"])


def main(cli, work):
    nodes = harness.Community(cli, f"{work}/community", ["BN", "MY", "SG"]).start()
    passed("three nodes start and link over TLS")
    held = check_release(cli, work, nodes)
    check_receipts(nodes)
    check_queue(cli, work, nodes, held)
    check_idempotency(cli, work, nodes, held)
    check_concurrent_keys(nodes, held)
    check_events(nodes, held)
    check_tokens(cli, nodes)
    check_receipts(nodes)
    check_proofs(cli, work, nodes)
    check_secrets(nodes)
    check_stopped(cli, nodes)
    nodes.start()
    for node in nodes:
        expect(set(held[node.member]) <= set(node.item_ids()), f"{node.member} lost items")
    passed("after rebuild and restart everything is served")
    nodes.stop()


if __name__ == "__main__":
    harness.run(main)
