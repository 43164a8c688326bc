"""A disk has damaged the middle of a node's log: pages of the file and rows. `amic node repair` finds
what, gets it back from the peers that hold it, and names what nobody else has."""

import base64
import json
import os
import random
import sqlite3

import harness
from harness import check, check_equal, indicator, item, wait_until

ITEMS = int(os.environ.get("AMIC_TEST_ITEMS", "2400"))
PAGE = 4096


def share(node, rel_to, number, objects=1):
    body = item(rel_to, *(indicator("repair", node.member, number, i) for i in range(objects)))
    noise = random.Random(number).randbytes(9000 if number % 7 == 0 else 30)
    body["bundle"]["objects"][0]["description"] = base64.b64encode(noise).decode()
    answer = node.http.post("/api/v1/items", json.dumps(body), key=f"{node.member}-{number}")
    harness.expect(answer.status == 201, f"{node.member} shares {number}: {answer.status} {answer.body!r}")
    return answer.json["id"]


def pages_of(database, table):
    rows = database.execute("SELECT pageno, pagetype FROM dbstat WHERE name = ? AND path <> '/'", (table,))
    return [(page, kind) for page, kind in rows]


def damage(directory):
    """Zeros and noise over pages of every table that repair has to bring back, and rows taken out."""
    file = os.path.join(directory, "store", "log.db")
    chance = random.Random(4)
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        last = database.execute("SELECT max(seq) FROM record").fetchone()[0]
        for seq in range(600, 640):
            database.execute("DELETE FROM record WHERE seq = ?", (seq,))
        for seq in range(700, 710):
            database.execute("DELETE FROM record WHERE seq = ?", (seq,))
            database.execute("DELETE FROM dek WHERE seq = ?", (seq,))
        database.execute("DELETE FROM record_by_id WHERE seq = 800")
        database.execute("DELETE FROM received WHERE n > 300 AND n <= 320")
        # The end of the table is what a node needs to start at all.
        end = {t: database.execute(f"SELECT max(pageno) FROM dbstat WHERE name = ?", (t,)).fetchone()[0]
               for t in ("record", "dek")}
        targets = []
        for table, count in (("record", 12), ("dek", 2), ("record_by_id", 2), ("received", 2), ("outbox", 2)):
            pages = pages_of(database, table)
            leaves = [p for p, kind in pages if kind == "leaf" and p < end.get(table, 1 << 40) * 3 // 4]
            overflow = [p for p, kind in pages if kind == "overflow" and p < end.get(table, 1 << 40) * 3 // 4]
            harness.expect(leaves, f"{table} has leaves")
            for kind in (leaves, overflow):
                targets += chance.sample(kind, min(count, len(kind)))
    database.close()
    with open(file, "r+b") as raw:
        for i, page in enumerate(targets):
            raw.seek((page - 1) * PAGE)
            raw.write(bytes(PAGE) if i % 2 else chance.randbytes(PAGE))
        raw.flush()
        os.fsync(raw.fileno())
    return len(targets), last


def contents(node, ids):
    out = {}
    for one in ids:
        answer = node.http.get(f"/api/v1/items/{one}/content")
        out[one] = answer.body if answer.status == 200 else answer.status
    return out


def main(cli, work):
    nodes = harness.Community(cli, f"{work}/community", ["MY", "SG", "TH"]).start()
    my, sg, th = nodes["MY"], nodes["SG"], nodes["TH"]
    ids = []
    for number in range(ITEMS):
        ids.append(share([my, sg, th][number % 3], ["MY", "SG", "TH"], number))
    for node in nodes:
        node.wait_items(ids)
    for node in nodes:
        node.wait_drained()
    harness.passed(f"{len(ids)} items are with everybody")
    sample = random.Random(1).sample(ids, 300)
    before = contents(my, sample)
    size = my.log_size()
    my.stop()
    checked = cli.json("node", "check", "--dir", my.dir)

    pages, last = damage(my.dir)
    check_equal(last, size, "the log is as long as the node said")
    cli.refused("node check finds the damage", "corrupt", "node", "check", "--dir", my.dir)
    my.start(wait=False)
    wait_until(lambda: harness.Http(my.api_port, timeout_s=5).get("/healthz").status == 200, "the damaged node answers")
    done = cli.run("node", "repair", "--dir", my.dir, "--json")
    state = json.loads(done.out) if done.out else {}
    check(done.code == 0, "amic node repair ends well", f"exit {done.code}: {done.err} {done.out}")
    check(state["found"] >= 50 + 1, f"{pages} pages and 71 rows: {state['found']} damaged records were found")
    check(state["restored"] > 0 and state["remaining"] == 0, f"{state['restored']} came back, none remains", state)
    check("salvaged" in state, "the file was written anew", state)
    wire = state["bytes_asked"] + state["bytes_answered"]
    check(wire <= 3 * state["bytes_restored"], f"{wire} bytes on the wire for {state['bytes_restored']} restored")
    check(state["lane_rows"] >= 20, f"{state['lane_rows']} numbers of lanes are known again", state)
    my.wait_ready()
    check_equal(contents(my, sample), before, "everything reads as before")
    check_equal(my.log_size(), size, "the log is as long as before")
    again = cli.json("node", "repair", "--dir", my.dir)
    check_equal((again["found"], again["remaining"]), (0, 0), "a second repair finds nothing")
    check(again["bytes_asked"] + again["bytes_answered"] < 1000 * len(again["peers"]),
          "and costs a question a lane", again["bytes_asked"] + again["bytes_answered"])
    metrics = my.http.get("/metrics").body.decode()
    check("amic_log_damaged_records 0" in metrics, "the metric says that nothing is damaged")
    my.stop()
    after = cli.json("node", "check", "--dir", my.dir)
    check_equal(after, checked, "files good, and the index has the digest that it had")
    cli.json("log", "verify", "--dir", my.dir)
    harness.passed("the log verifies")
    my.start()
    my.wait_linked()
    extra = [share(node, ["MY", "SG", "TH"], ITEMS + i) for i, node in enumerate(nodes)]
    for node in nodes:
        node.wait_items(ids + extra)
    harness.passed("traffic goes on both ways")

    private = my.http.post("/api/v1/items", json.dumps({**item([], indicator("own")), "private": True}))
    check_equal(private.status, 201, "MY imports an item that nobody else has")
    my.wait_items(ids + extra + [private.json["id"]])
    private_seq = my.log_size()
    my.stop()
    with sqlite3.connect(os.path.join(my.dir, "store", "log.db")) as database:
        database.execute("DELETE FROM dek WHERE seq = ?", (private_seq,))
    database.close()
    my.start(wait=False)
    wait_until(lambda: harness.Http(my.api_port, timeout_s=5).get("/healthz").status == 200, "the node answers")
    lost = cli.run("node", "repair", "--dir", my.dir, "--json")
    named = [one["seq"] for one in json.loads(lost.out)["remaining_first"]]
    check_equal((lost.code, named), (1, [private_seq]), "what nobody else has is named, exit code 1")
    nodes.stop()


if __name__ == "__main__":
    harness.run(main)
