"""MY and TH can't reach each other; SG relays both ways, is killed in between; then the link comes back.

AMIC_ITEMS   items each way (default 60)
AMIC_KILLS   how often the relay is killed (default 3)
"""

import os
import re

import harness
from harness import Community, check, check_equal, expect, indicator, item, passed, wait_until

ITEMS = int(os.environ.get("AMIC_ITEMS", "60"))
KILLS = int(os.environ.get("AMIC_KILLS", "3"))
LANES = ["FLASH", "IMMEDIATE", "PRIORITY", "ROUTINE"]


def share(node, to, *words, precedence="ROUTINE"):
    answer = node.http.post("/api/v1/items", item([to], indicator(*words), precedence=precedence))
    expect(answer.status == 201, f"share: {answer.status} {answer.body!r}")
    return answer.json["id"]


def set_config(node, *, cut=None, **settings):
    """Writes settings of [link], and an address of `cut` where nobody is."""
    path = os.path.join(node.dir, "config.toml")
    with open(path) as file:
        text = re.sub(r"\n\[link\.peers\.[^\]]*\]\naddress = [^\n]*\n", "\n", file.read())
    for key, value in settings.items():
        text, count = re.subn(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.M)
        expect(count == 1, f"{key} stands in config.toml once")
    if cut:
        text += f'\n[link.peers.{cut}]\naddress = "https://127.0.0.1:{harness.free_port()}"\n'
    with open(path, "w") as file:
        file.write(text)


def acknowledged(node, peer):
    return sum(lane["acknowledged"] for lane in node.links()[peer]["lanes"])


def main(cli, work):
    community = Community(cli, f"{work}/community", ["MY", "SG", "TH"])
    my, sg, th = community["MY"], community["SG"], community["TH"]
    set_config(my, cut="TH", relays='["SG"]', relay_after_s=1)
    set_config(th, cut="MY", relays='["SG"]', relay_after_s=1)
    set_config(sg, relay_for='["MY", "TH"]')
    for node in community:
        node.start(wait=False)
    for node in community:
        node.wait_ready()
    my.wait_linked(["SG"])
    th.wait_linked(["SG"])

    mine, theirs = [], []
    wait_until(lambda: my.links()["TH"].get("via") == "SG", "MY sends via SG")
    wait_until(lambda: th.links()["MY"].get("via") == "SG", "TH sends via SG")
    every = max(1, ITEMS // (KILLS + 1))
    for i in range(ITEMS):
        mine.append(share(my, "TH", "my", i, precedence=LANES[i % 4]))
        theirs.append(share(th, "MY", "th", i, precedence=LANES[i % 4]))
        if i % every == every - 1 and i // every < KILLS:
            sg.kill()  # with what it has just taken, and what is just under way
            sg.start()
    wait_until(lambda: my.links()["TH"].get("via") == "SG", "MY sends via SG again")
    check(my.links()["TH"]["state"] == "unreachable", "MY sends to TH via SG, though it can't reach it")
    listed = cli.ok("link", "list", "--dir", my.dir).out
    check("unreachable, via SG" in listed, "amic link list shows the relay", listed)
    both = mine + theirs
    th.wait_items(both)
    my.wait_items(both)
    passed("every item has arrived once, both ways, over kills of the relay")
    wait_until(lambda: acknowledged(my, "TH") == ITEMS, "receipts of TH for MY come back")
    wait_until(lambda: acknowledged(th, "MY") == ITEMS, "receipts of MY for TH come back")
    passed("receipts came back through the relay and the queues are empty")
    check_equal(len(sg.items()), 0, "the relay shows nothing of what it carried")
    wait_until(lambda: not any("carried" in link for link in sg.links().values()), "the relay lets go")
    passed("the relay has let go of everything")

    # TH is gone: what is for it lies at the relay, whose operator sees that and no more.
    th.stop()
    mine.append(share(my, "TH", "while away"))
    wait_until(lambda: my.links()["TH"].get("at_relay") == 1, "the relay has it")
    carried = wait_until(lambda: sg.links()["TH"].get("carried"), "the relay shows it")
    check_equal((carried[0]["from"], carried[0]["envelopes"]), ("MY", 1), "the relay's operator sees for whom, and how much")
    text = cli.ok("link", "list", "--dir", sg.dir).out
    check("carried here for TH from MY: 1 batches" in text, "amic link list shows what is carried", text)
    held = re.compile(r"^amic_relay_held_batches 1", re.M)
    wait_until(lambda: held.search(sg.http.get("/metrics").body.decode()), "the metrics show it")
    passed("and so do the metrics")
    sg.kill()
    sg.start()
    th.start()
    th.wait_items(mine + theirs)
    passed("it is delivered after a kill of the relay when the receiver is back")

    # The direct link comes back.
    for node, peer in ((my, "TH"), (th, "MY")):
        node.stop()
        set_config(node)
        node.start()
    my.wait_linked()
    th.wait_linked()
    mine.append(share(my, "TH", "direct again"))
    th.wait_items(mine + theirs)
    my.wait_drained()
    th.wait_drained()
    check("via" not in my.links()["TH"], "the direct link is used again")
    check_equal(len(my.item_ids()), len(mine + theirs), "nothing is lost or doubled")
    check_equal(cli.json("evidence", "list", "--dir", th.dir)["evidence"], [], "nobody contradicted itself")
    community.stop()


harness.run(main)
