"""Carrier files between two real nodes whose link is cut: split, lost, replayed, killed in between.

AMIC_ITEMS     items from one side (default 300)
AMIC_BIG_MIB   additionally, so many MiB of queue exported and imported with memory measured (default 48)
"""

import os
import random
import re
import shutil
import subprocess
import time

import harness
from harness import Community, check, check_equal, expect, indicator, item, passed, wait_until

ITEMS = int(os.environ.get("AMIC_ITEMS", "300"))
BIG_MIB = int(os.environ.get("AMIC_BIG_MIB", "48"))
LANES = ["FLASH", "IMMEDIATE", "PRIORITY", "ROUTINE"]
MEMORY_MAX_MIB = 100


def share(node, to, *words, precedence="ROUTINE", **more):
    answer = node.http.post("/api/v1/items", item([to], indicator(*words), precedence=precedence, **more))
    expect(answer.status == 201, f"share: {answer.status} {answer.body!r}")
    return answer.json["id"]


def share_noise(node, to, size):
    """A document that doesn't compress."""
    import base64
    import json

    body = {
        "marking": harness.marking([to]), "media_type": "application/octet-stream",
        "body_base64": base64.b64encode(os.urandom(size)).decode(),
    }
    answer = node.http.post("/api/v1/items", json.dumps(body))
    expect(answer.status == 201, f"share: {answer.status} {answer.body!r}")
    return answer.json["id"]


def set_peer_address(node, peer, address):
    """Writes [link.peers.<peer>] address, or takes it out again."""
    path = os.path.join(node.dir, "config.toml")
    with open(path) as file:
        text = re.sub(r"\n\[link\.peers\.[^\]]*\]\naddress = [^\n]*\n", "\n", file.read())
    if address:
        text += f'\n[link.peers.{peer}]\naddress = "{address}"\n'
    with open(path, "w") as file:
        file.write(text)


def export(node, to, path, *more):
    return node.cli.json("bundle", "export", "--dir", node.dir, "--to", to, "--out", path, *more)


def take(node, *files, code=0):
    done = node.cli.run("bundle", "import", "--dir", node.dir, *files, "--json")
    expect(done.code == code, f"import: exit code {done.code}, want {code}\n{done.err}{done.out}")
    return done.json


def accepted(report):
    return sum(lane["accepted"] for lane in report["lanes"])


def held(report):
    return sum(lane["held"] for lane in report["lanes"])


def peak_mib(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmHWM:\s+(\d+)", status.read())[1]) / 1024


def peak_of(arguments):
    """Runs a command; its peak resident memory in MiB."""
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    expect(status == 0, f"{arguments}: {process.stderr.read().decode()}")
    return usage.ru_maxrss / 1024


def both_ways(work, my, sg):
    mine = [share(my, "SG", "my", i, precedence=LANES[i % 4]) for i in range(ITEMS)]
    theirs = [share(sg, "MY", "sg", i) for i in range(20)]
    expect(my.links()["SG"]["state"] == "unreachable", "the link is cut")

    file = f"{work}/one.amicb"
    report = export(my, "SG", file)
    check_equal((report["envelopes"], report["receipts"]), (ITEMS, 0), "the running node exports all that waits")
    check_equal(my.links()["SG"]["waiting"], ITEMS, "an export takes nothing out of the queue")
    done = my.cli.run("bundle", "export", "--dir", my.dir, "--to", "SG", "--out", file)
    check(done.code == 1 and "conflict" in done.err, "an export never writes over a file", done.err)

    report = take(sg, file)
    check_equal((accepted(report), held(report)), (ITEMS, 0), "the other node takes all of it")
    sg.wait_items(mine + theirs)
    passed("and shows every item once")
    report = take(sg, file)
    check_equal((accepted(report), held(report)), (0, ITEMS), "a replay changes nothing and says so")

    back = f"{work}/back.amicb"
    report = export(sg, "MY", back)
    check_equal((report["envelopes"], report["receipts"]), (20, 4), "the way back brings items and receipts")
    report = take(my, back)
    check_equal(accepted(report), 20, "both ways")
    check_equal(sum(lane["acknowledged"] for lane in report["lanes"]), ITEMS, "receipts by file drain the queue")
    check_equal(my.links()["SG"]["waiting"], 0, "nothing waits any more")
    return mine, theirs


def split_and_lost(work, my, sg, mine):
    for i in range(60):
        mine.append(share_noise(my, "SG", 8_000))
    report = export(my, "SG", f"{work}/parts.amicb", "--max-bytes", 100_000)
    files = report["files"]
    check(len(files) >= 5, "the export is split", f"{files}")
    check(all(os.path.getsize(f) <= 100_000 for f in files), "no part is larger than asked for")
    without = files[:1] + files[2:]
    result = take(sg, *without, code=1)
    lane = report["parts"][1]["lanes"][0]
    wanted = f"part 2 of {len(files)} is missing: ROUTINE {lane['first']}-{lane['last']}"
    check_equal([m["text"] for m in result["missing"]], [wanted], "a lost part is named with its numbers")
    result = take(sg, *reversed(files))
    check_equal(result["complete"], True, "with it, in any order, all is complete")
    sg.wait_items(mine + sg_own(sg))
    passed("every item of the parts is there once")


def sg_own(sg):
    return [one["id"] for one in sg.items() if one["originator"] == "SG"]


def damaged(work, my, sg):
    file = f"{work}/whole.amicb"
    share(my, "SG", "damaged", 1)
    export(my, "SG", file)
    good = open(file, "rb").read()
    size = sg.log_size()
    for name, bytes_, says in [
        ("truncated", good[:-100], "cut off"),
        ("altered", good[: len(good) // 2] + bytes([good[len(good) // 2] ^ 1]) + good[len(good) // 2 + 1 :], "altered"),
        ("no carrier file", b"{}" * 100, "not a carrier file"),
    ]:
        bad = f"{work}/bad.amicb"
        with open(bad, "wb") as out:
            out.write(bytes_)
        done = sg.cli.run("bundle", "import", "--dir", sg.dir, file, bad)
        check(done.code == 1 and "bad.amicb" in done.err, f"{name}: refused, and the file is named", done.err)
    check_equal(sg.log_size(), size, "nothing of a good file beside a bad one was taken")
    done = my.cli.run("bundle", "import", "--dir", my.dir, file)
    check(done.code == 1 and "not_recipient" in done.err, "a file for another member is refused", done.err)
    take(sg, file)


def diode(work, my, sg):
    share(my, "SG", "diode", 1)
    first = export(my, "SG", f"{work}/d1.amicb", "--since-last")
    share(my, "SG", "diode", 2)
    second = export(my, "SG", f"{work}/d2.amicb", "--since-last")
    check_equal(second["envelopes"], 1, "since the last export: only what is new")
    third = export(my, "SG", f"{work}/d3.amicb", "--since-last")
    check_equal(third["files"], [], "nothing new: no file")
    result = take(sg, *second["files"], code=1)
    check("earlier file" in result["missing"][0]["text"], "a lost earlier file is named", f"{result}")
    check_equal(take(sg, *second["files"], *first["files"])["complete"], True, "both together are complete")


def stopped_and_killed(work, my, sg):
    """Offline on a directory, and SIGKILL in the middle of an import."""
    for i in range(30):
        share_noise(my, "SG", 200_000)
    my.stop()
    sg.stop()
    file = f"{work}/offline.amicb"
    report = export(my, "SG", file)
    check_equal(report["envelopes"] >= 30, True, "a stopped node exports")
    dice = random.Random(7)
    for _ in range(6):
        process = subprocess.Popen(
            [sg.cli.amic, "bundle", "import", "--dir", sg.dir, file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            process.wait(dice.uniform(0.02, 0.4))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    result = take(sg, file)
    check_equal(result["complete"], True, "after kills the same import completes")
    again = take(sg, file)
    check_equal(accepted(again), 0, "and took everything once")
    my.start()
    sg.start()


def big(work, my, sg):
    count = BIG_MIB * 2
    for _ in range(count):
        share_noise(my, "SG", 500_000)
    file = f"{work}/big.amicb"
    begin = time.monotonic()
    peak = peak_of([my.cli.amic, "bundle", "export", "--dir", my.dir, "--to", "SG", "--out", file])
    took = time.monotonic() - begin
    size = os.path.getsize(file) / (1 << 20)
    print(f"exported {size:.0f} MiB in {took:.1f} s, peak of the command {peak:.0f} MiB, of the node {peak_mib(my.process.pid):.0f} MiB")
    check(peak < MEMORY_MAX_MIB, "exporting needs little memory", f"{peak} MiB")
    begin = time.monotonic()
    peak = peak_of([sg.cli.amic, "bundle", "import", "--dir", sg.dir, file])
    print(f"imported it in {time.monotonic() - begin:.1f} s, peak of the command {peak:.0f} MiB, of the node {peak_mib(sg.process.pid):.0f} MiB")
    check(peak < MEMORY_MAX_MIB, "importing needs little memory", f"{peak} MiB")
    os.unlink(file)
    check_equal(export(my, "SG", file)["envelopes"] >= count, True, "all of it still waits for a receipt")


def main(cli, work):
    community = Community(cli, f"{work}/community", ["MY", "SG"])
    my, sg = community["MY"], community["SG"]
    nowhere = f"https://127.0.0.1:{harness.free_port()}"
    set_peer_address(my, "SG", nowhere)
    set_peer_address(sg, "MY", nowhere)
    for node in (my, sg):
        node.start()
    mine, _ = both_ways(work, my, sg)
    split_and_lost(work, my, sg, mine)
    damaged(work, my, sg)
    diode(work, my, sg)
    stopped_and_killed(work, my, sg)
    if BIG_MIB:
        big(work, my, sg)

    # The link comes back. The last receipts never went back by file.
    for node in (my, sg):
        node.stop()
        set_peer_address(node, {"MY": "SG", "SG": "MY"}[node.member], "")
        node.start()
    my.wait_drained()
    sg.wait_drained()
    ids = sg.item_ids()
    check_equal(len(ids), len(set(ids)), "the link comes back and nothing doubles")
    check_equal(set(ids), set(my.item_ids()), "both hold the same items")
    community.stop()


harness.run(main)
