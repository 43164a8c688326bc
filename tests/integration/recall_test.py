"""A recall reaches ten nodes, one of which is killed in between; narrowing, refusal, digests."""

import os

import harness
from harness import check, check_equal, expect, indicator, item, passed, wait_until

MEMBERS = ["BN", "ID", "KH", "LA", "MM", "MY", "PH", "SG", "TH", "TL", "VN"]


def share(node, rel_to, *objects, precedence="ROUTINE"):
    answer = node.http.post("/api/v1/items", item(rel_to, *objects, precedence=precedence))
    expect(answer.status == 201, f"share: {answer.status} {answer.body!r}")
    return answer.json["id"]


def item_of(node, ident):
    answer = node.http.get(f"/api/v1/items/{ident}")
    return answer.json if answer.status == 200 else None


def wait_active(nodes, ident):
    for node in nodes:
        wait_until(lambda: (item_of(node, ident) or {}).get("state") == "active", f"{node.member} has {ident}")


def report(node, ident):
    return {m["member"]: m for m in node.http.get(f"/api/v1/items/{ident}/operations").json["members"]}


def outcomes(node, ident):
    return {m: entry.get("outcome") for m, entry in report(node, ident).items()}


def digest(node, others):
    return node.http.get(f"/api/v1/digest?of={','.join(others)}").json["digest"]


def check_recall(cli, nodes):
    bn = nodes["BN"]
    others = MEMBERS[1:]
    what = indicator("recall", 1)
    ident = share(bn, others, what)
    kept = share(bn, others, indicator("recall", 2))
    wait_active(nodes, ident)
    wait_active(nodes, kept)

    # One is not there when the recall goes out; another is killed while it works on it.
    nodes["VN"].kill()
    shown = cli.json("recall", "--dir", bn.dir, ident, "--reason", "wrong address", "--precedence", "FLASH")
    check_equal(shown["recipients"], others, "a recall goes to all who have the item")
    nodes["SG"].kill()
    rest = [m for m in others if m not in ("VN", "SG")]
    wait_until(lambda: all(outcomes(bn, ident)[m] == "complied" for m in rest), "all that run have complied")
    passed("each running node has destroyed it and said so")
    check(outcomes(bn, ident)["VN"] == "not delivered", "who was not there is listed as not delivered")
    for member in ("VN", "SG"):
        nodes[member].start()
    wait_until(lambda: all(o == "complied" for o in outcomes(bn, ident).values()), "the killed ones have complied")
    passed("so have those that were killed, after their start")

    for node in nodes:
        entry = item_of(node, ident)
        expect(entry["state"] == "recalled" and entry["title"] == "" and entry["objects"] == 0,
               f"{node.member} shows {entry}")
        expect(node.http.get(f"/api/v1/objects/{what['id']}").status == 404, f"{node.member} shows the object")
        expect(node.http.get(f"/api/v1/items/{ident}/content").status == 404, f"{node.member} gives the content")
        expect(what["id"] not in node.object_ids(), f"{node.member} lists the object")
        expect(item_of(node, kept)["state"] == "active", f"{node.member} lost another item")
        if node is not bn:
            expect(node.http.get(f"/api/v1/items/{ident}/envelope").status == 404, f"{node.member} keeps the envelope")
    passed("nobody is shown it any more, and nothing else is gone")

    before = nodes["SG"].log_size()
    nodes["SG"].restart()
    bn.wait_drained()
    check_equal(nodes["SG"].log_size(), before, "an answer is sent once, whatever is restarted")
    text = cli.ok("recall", "show", "--dir", bn.dir, ident).out
    check("SG  complied at" in text and "cannot prove that no copy is left" in text, "recall show", text)
    check_equal(nodes["MY"].http.post(f"/api/v1/items/{kept}/operations", {"kind": "recall"}).code, "forbidden",
                "nobody else may recall it")
    return kept


def check_narrow_and_refuse(cli, nodes, kept):
    bn, my = nodes["BN"], nodes["MY"]
    my.stop()
    os.environ["AMIC_RECALL_COMPLY"] = "ask"
    my.start()
    del os.environ["AMIC_RECALL_COMPLY"]
    cli.ok("narrow", "--dir", bn.dir, kept, "--to", "ID,SG", "--reason", "need to know")
    wait_until(lambda: outcomes(bn, kept)["MY"] == "pending", "MY has to decide")
    check_equal(item_of(my, kept)["state"], "removed", "it is hidden while an operator decides")
    incoming = cli.json("recall", "incoming", "--dir", my.dir)["recalls"]
    check_equal([one["duty"] for one in incoming if one["item"] == kept], ["to be decided"], "recall incoming")
    cli.ok("recall", "refuse", "--dir", my.dir, kept, "--reason", "under legal hold")
    wait_until(lambda: outcomes(bn, kept)["MY"] == "refused", "BN knows of the refusal")
    check_equal(report(bn, kept)["MY"]["reason"], "under legal hold", "the reason of a refusal")
    cli.ok("recall", "comply", "--dir", my.dir, kept)
    wait_until(lambda: outcomes(bn, kept)["MY"] == "complied", "BN knows that MY has complied")
    check_equal(outcomes(bn, kept)["SG"], None, "who keeps it is asked for nothing")
    wait_until(lambda: item_of(nodes["SG"], kept)["marking"]["rel_to"] == ["ID", "SG"], "SG sees the new marking")
    passed("narrowed")


def check_digests(nodes):
    bn, sg = nodes["BN"], nodes["SG"]
    wait_until(lambda: digest(bn, ["SG"]) == digest(sg, ["BN"]), "BN and SG see the same")
    wait_until(lambda: digest(bn, MEMBERS[1:]) == digest(nodes["VN"], MEMBERS[:-1]), "all see the same")
    check(digest(bn, ["SG"]) != digest(bn, ["VN"]), "the digest tells who sees more")


def main(cli, work):
    nodes = harness.Community(cli, f"{work}/nodes", MEMBERS).start()
    kept = check_recall(cli, nodes)
    check_narrow_and_refuse(cli, nodes, kept)
    check_digests(nodes)
    nodes.stop()
    for node in nodes:
        rebuilt = cli.json("node", "rebuild", "--dir", node.dir)
        expect(rebuilt["unchanged"], f"the index of {node.member} is not what its log gives")
        cli.ok("node", "check", "--dir", node.dir)
    passed("each index is what its log gives")


if __name__ == "__main__":
    harness.run(main)
