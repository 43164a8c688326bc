"""A node's directory is put back from an older copy. It gets back what it had sent and received since,
passes on what it still owed, uses no number twice, and says what has happened. Nobody does anything."""

import json
import shutil

import harness
from harness import check, check_equal, indicator, item, wait_until

LANES = ["FLASH", "IMMEDIATE", "PRIORITY", "ROUTINE"]


def share(node, rel_to, number):
    body = json.dumps(item(rel_to, indicator("restore", node.member, number), precedence=LANES[number % len(LANES)]))
    answer = node.http.post("/api/v1/items", body, key=f"{node.member}-{number}")
    check_equal(answer.status, 201, f"{node.member} shares item {number}")
    return answer.json["id"]


def rollbacks(node, peer, who):
    return [one for one in node.links()[peer].get("rollbacks", []) if one["who"] == who]


def main(cli, work):
    nodes = harness.Community(cli, f"{work}/community", ["MY", "SG", "TH"]).start()
    my, sg, th = nodes["MY"], nodes["SG"], nodes["TH"]
    for node in nodes:
        node.http.get("/readyz")  # tokens are made before the copy is

    ids = [share(my, ["SG", "TH"], n) for n in range(8)]
    for node in nodes:
        node.wait_items(ids)
    my.wait_drained()
    my.stop()
    backup = f"{work}/backup"
    shutil.copytree(my.dir, backup)
    my.start()
    my.wait_linked()

    ids += [share(my, ["SG", "TH"], n) for n in range(8, 20)]
    ids += [share(sg, ["MY", "TH"], n) for n in range(6)]
    for node in nodes:
        node.wait_items(ids)
    th.stop()
    ids += [share(my, ["SG", "TH"], n) for n in range(20, 30)]  # TH does not get these
    sg.wait_items(ids)
    my.kill()
    shutil.rmtree(my.dir)
    shutil.copytree(backup, my.dir)

    my.start()
    # Shared at once, perhaps before anybody has said where it stands.
    ids += [share(my, ["SG", "TH"], n) for n in range(30, 38)]
    sg.wait_items(ids)
    my.wait_items(ids)
    harness.passed("what was lost has come back from those who held it")
    th.start()
    th.wait_items(ids)
    harness.passed("and goes to the one who had not got it")
    ids += [share(my, ["SG", "TH"], n) for n in range(38, 42)]
    for node in nodes:
        node.wait_items(ids)
    my.wait_drained()
    sg.wait_drained()

    check(rollbacks(my, "SG", "self"), "the restored node says so", my.links()["SG"])
    wait_until(lambda: rollbacks(sg, "MY", "peer"), "and so does its peer")
    shown = cli.ok("link", "list", "--dir", my.dir).out
    check("this node was restored from a backup" in shown, "amic link list says what happened", shown)
    for node in nodes:
        check_equal(node.links()[{"MY": "SG"}.get(node.member, "MY")]["quarantined"], 0, f"{node.member}: no quarantine")
        check_equal(node.log_size(), len(ids) + 1, f"{node.member}: one log record for each item")
    for peer in ("SG", "TH"):
        ends = [(lane["queued"], lane["acknowledged"]) for lane in my.links()[peer]["lanes"]]
        there = [lane["received"] for lane in nodes[peer].links()["MY"]["lanes"]]
        check_equal(ends, [(n, n) for n in there], f"MY and {peer} agree on every number")
    nodes.stop()
    for node in nodes:
        check_equal(cli.json("node", "check", "--dir", node.dir)["records"], len(ids) + 1, f"{node.member}: files good")
        check_equal(cli.json("log", "verify", "--dir", node.dir)["records"], len(ids) + 1, f"{node.member}: log verifies")


if __name__ == "__main__":
    harness.run(main)
