"""The community decides, on real nodes and by the command line: an amendment by all, with kills in
between; a node that was away fetches the decision; another member joins, gets nothing that is older,
and what is shared from then on; the history verifies offline, and one that was altered does not."""

import os
import time

import harness
from harness import check, check_equal, indicator, item, wait_until

NAMES = ["BN", "KH", "ID", "LA", "MY", "MM", "PH", "SG", "TH", "VN", "TL"]
JOINER = "XJ"


def epoch(node):
    return node.http.get("/api/v1/motions").json["epoch"]


def motions(node):
    return node.http.get("/api/v1/motions").json["motions"]


def may_sign(node):
    return node.http.get("/api/v1/consent").json["trust"] == "clear"


def wait_motion(node, title):
    def found():
        return [one["id"] for one in motions(node) if one["title"] == title]

    return wait_until(found, f"{node.member} has the motion {title!r}")[0]


def wait_epoch(nodes, number):
    for node in nodes:
        wait_until(lambda n=node: epoch(n) == number, f"{node.member} is at epoch {number}")


def answer(cli, node, motion, position="agree"):
    shown = node.http.get(f"/api/v1/motions/{motion}").json
    return cli.ok("motion", "answer", "--dir", node.dir, motion[:8], position, "--yes", shown["next_head"][:16])


def decide(cli, nodes, motion, number):
    """All agree; seconds from the last position to the last node that shows it in force."""
    for node in nodes[:-1]:
        answer(cli, node, motion)
    for node in nodes:
        wait_until(lambda n=node: n.http.get(f"/api/v1/motions/{motion}").json["replied"] == len(nodes) - 1,
                   f"{node.member} knows that all but one have replied")
    last = nodes[-1]
    shown = last.http.get(f"/api/v1/motions/{motion}").json
    begin = time.monotonic()
    said = last.http.post(f"/api/v1/motions/{motion}/position",
                          {"position": "agree", "next_head": shown["next_head"]})
    harness.expect(said.status in (200, 201), f"the last position: {said.status} {said.body!r}")
    wait_epoch(nodes, number)
    return time.monotonic() - begin


def amend(cli, nodes, work):
    text = open(os.path.join(harness.SOURCE, "data/templates/tor.md"), encoding="utf-8").read()
    path = f"{work}/tor.md"
    with open(path, "w", encoding="utf-8") as out:
        out.write(text + "\n## Article 99. A change\n\nSynthetic, for a test.\n")
    cli.ok("motion", "propose", "amend", "--dir", nodes[0].dir, "--title", "Article 99", "--instrument", f"TOR={path}")
    motion = wait_motion(nodes[-1], "Article 99")
    for node in nodes:
        wait_motion(node, "Article 99")
    shown = cli.ok("motion", "show", "--dir", nodes[-1].dir, motion[:8]).out
    check("Article 99. A change" in shown, "motion show has the article that changes", shown)
    cli.refused("a position on another hash", "conflict", "motion", "answer", "--dir", nodes[1].dir, motion[:8],
                "agree", "--yes", "00000000")
    # A kill between what was said and what is sent loses neither.
    answer(cli, nodes[1], motion)
    nodes[1].kill()
    nodes[1].start()
    wait_until(lambda: may_sign(nodes[1]), "the killed node has asked the others and may sign again")
    own = nodes[1].http.get(f"/api/v1/motions/{motion}").json
    check_equal(own["own_position"], "agree", "its position was not forgotten")
    final = cli.run("motion", "answer", "--dir", nodes[1].dir, motion[:8], "object", "--yes", own["next_head"][:16])
    check(final.code == 1 and "R4" in final.err, "a position that was given is final, and the rule is named", final.err)
    rest = [node for node in nodes if node is not nodes[1]]
    return motion, decide_rest(cli, rest, nodes, motion)


def decide_rest(cli, rest, nodes, motion):
    for node in rest[:-1]:
        answer(cli, node, motion)
    for node in nodes:
        wait_until(lambda n=node: n.http.get(f"/api/v1/motions/{motion}").json["replied"] == len(nodes) - 1,
                   f"{node.member} knows that all but one have replied")
    check_equal(epoch(nodes[0]), 0, "silence is not consent")
    shown = rest[-1].http.get(f"/api/v1/motions/{motion}").json
    begin = time.monotonic()
    said = rest[-1].http.post(f"/api/v1/motions/{motion}/position",
                              {"position": "agree", "next_head": shown["next_head"]})
    harness.expect(said.status in (200, 201), f"the last position: {said.status} {said.body!r}")
    wait_epoch(nodes, 1)
    return time.monotonic() - begin


def join(cli, nodes, work):
    joiner = harness.Node(cli, f"{work}/joiner", JOINER)
    card, invitation, accept = f"{work}/card.txt", f"{work}/invitation.txt", f"{work}/accept.txt"
    cli.ok("card", "show", "--dir", joiner.dir, "--out", card)
    cli.ok("motion", "propose", "admit", "--dir", nodes[0].dir, "--title", "Admit XJ", "--card", card)
    motion = wait_motion(nodes[0], "Admit XJ")
    for node in nodes:
        wait_motion(node, "Admit XJ")
    cli.ok("motion", "export", "--dir", nodes[1].dir, motion[:8], "--out", invitation)
    shown = nodes[0].http.get(f"/api/v1/motions/{motion}").json
    cli.ok("motion", "accept", invitation, "--dir", joiner.dir, "--out", accept, "--yes", shown["next_head"][:16])
    for node in nodes:
        answer(cli, node, motion)
    wait_until(lambda: nodes[0].http.get(f"/api/v1/motions/{motion}").json["replied"] == len(nodes), "all have replied")
    check_equal(epoch(nodes[0]), 1, "nobody joins without its own word")
    cli.ok("motion", "join-accept", "--dir", nodes[2].dir, accept, motion[:8])
    wait_epoch(nodes, 2)
    harness.passed("the member is admitted by all and by its own word")
    history = f"{work}/history.txt"
    cli.ok("community", "history", "--dir", nodes[2].dir, "--out", history)
    cli.ok("community", "join", "--dir", joiner.dir, "--transcript", history)
    joiner.start()
    return joiner, history


def share(node, rel_to, name):
    answered = node.http.post("/api/v1/items", item(rel_to, indicator("accession", node.member, name)), key=name)
    harness.expect(answered.status == 201, f"{node.member} shares {name}: {answered.body!r}")
    return answered.json["id"]


def verify(cli, history, work):
    done = cli.ok("community", "verify", history)
    check("2" in done.out, "the history verifies offline", done.out)
    altered = f"{work}/altered.txt"
    with open(history, encoding="ascii") as given:
        lines = given.read().splitlines()
    at = len(lines) * 3 // 4
    lines[at] = lines[at][:10] + ("A" if lines[at][10] != "A" else "B") + lines[at][11:]
    with open(altered, "w", encoding="ascii") as out:
        out.write("\n".join(lines) + "\n")
    done = cli.run("community", "verify", altered)
    check(done.code == 1, "one that was altered does not", done.out + done.err)


def sign_elsewhere(cli, nodes):
    """A node that has no governance key: each statement waits for a signature by the key file."""
    first = nodes[0]
    first.env = {**first.env, "AMIC_CONSENT_SIGN_AT_NODE": "no"}
    first.restart()
    wait_until(lambda: all(may_sign(node) for node in nodes), "all may sign again")
    cli.ok("motion", "propose", "announce", "--dir", first.dir, "--title", "Signed by a person", "--text", "Synthetic.")
    for node in nodes:
        motion = wait_motion(node, "Signed by a person")
    for node in nodes:
        answer(cli, node, motion)

    def waits():
        return first.http.get("/api/v1/consent").json["unsigned"]

    wait_until(waits, "the adoption waits for a signature")
    check_equal(epoch(nodes[1]), 3, "nothing is decided without it")
    cli.ok("motion", "sign", "--dir", first.dir)
    wait_epoch(nodes, 4)
    harness.passed("a key that is not at the node signs position and adoption")


def main(cli, work):
    count = int(os.environ.get("AMIC_TEST_MEMBERS", "3"))
    community = harness.Community(cli, f"{work}/community", NAMES[:count]).start()
    nodes = list(community)
    old = share(nodes[0], [nodes[1].member, nodes[2].member], "old")
    for node in nodes:
        wait_until(lambda n=node: may_sign(n), f"{node.member} may sign")
    _, seconds = amend(cli, nodes, work)
    harness.passed(f"{count} members adopt an amendment: {seconds:.2f} s from the last position to every node")
    text = cli.ok("instrument", "show", "TOR", "--dir", nodes[2].dir).out
    check("Article 99" in text, "the text in force has changed", text[-200:])

    # Away during a decision: everything is said, then the node goes, and the others decide.
    joiner, history = join(cli, nodes, work)
    joiner.wait_linked()
    for node in nodes:
        node.wait_linked()
    harness.passed("all are linked with the new member")
    new = share(nodes[0], [JOINER], "new")
    joiner.wait_items([new])
    back = share(joiner, [nodes[1].member], "from the joiner")
    nodes[1].wait_items([old, back])
    harness.passed("it gets and sends what is shared from now on, and nothing that is older")
    verify(cli, history, work)

    # Who was away fetches the decision, and what waited for it.
    away = nodes[2]
    cli.ok("motion", "propose", "announce", "--dir", joiner.dir, "--title", "Hello", "--text", "Synthetic.")
    everybody = nodes + [joiner]
    motion = ""
    for node in everybody:
        motion = wait_motion(node, "Hello")
    wait_until(lambda: all(may_sign(node) for node in everybody), "all may sign")
    seconds = decide(cli, everybody, motion, 3)
    harness.passed(f"the new member's motion is decided by all in {seconds:.2f} s")
    away.restart()
    check_equal(epoch(away), 3, "the head is there after a restart")
    sign_elsewhere(cli, everybody)
    page = f"{work}/tor.html"
    cli.ok("instrument", "export", "TOR", "--dir", away.dir, "--out", page)
    with open(page, encoding="utf-8") as given:
        check("Article 99" in given.read(), "the text is exported with its certificate")


if __name__ == "__main__":
    harness.run(main)
