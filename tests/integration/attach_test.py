"""Files of items between three nodes: kills, a bandwidth cap, a recall, and one that gets nothing.

AMIC_ATTACH_MIB sets the size of the large file (default 64). AMIC_ATTACH_MEASURE=1 runs one transfer of 2 GiB
(or AMIC_ATTACH_MIB) alone and prints times and the memory that both nodes used.
"""

import hashlib
import json
import os
import re
import threading
import time

import harness
from harness import Http, check, check_equal, expect, indicator, item, passed, wait_until

MIB = 1 << 20
SIZE = int(os.environ.get("AMIC_ATTACH_MIB", "64")) * MIB


def say(text):
    print(f"      {text}", flush=True)


def make_file(path, size, seed=1):
    """Bytes that do not repeat, made from little."""
    digest = hashlib.sha256()
    with open(path, "wb") as out:
        block = hashlib.shake_256(str(seed).encode()).digest(MIB)
        for number in range(0, (size + MIB - 1) // MIB):
            piece = (number.to_bytes(8, "big") + block[8:])[: min(MIB, size - number * MIB)]
            out.write(piece)
            digest.update(piece)
    return digest.hexdigest()


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(MIB):
            digest.update(piece)
    return digest.hexdigest()


def share(node, rel_to, *words):
    answer = node.http.post("/api/v1/items", item(rel_to, indicator(*words)))
    expect(answer.status == 201, f"share: {answer.status} {answer.body!r}")
    return answer.json["id"]


def wait_item(node, ident):
    wait_until(lambda: node.http.get(f"/api/v1/items/{ident}").status == 200, f"{node.member} has {ident}")


def status(node, ident):
    answer = node.http.get(f"/api/v1/attachments/{ident}/status")
    return answer.json if answer.status == 200 else {"state": answer.code, "chunks_held": 0}


def held(node, ident):
    return status(node, ident)["state"] == "held"


def wait_held(node, ident, timeout_s=None):
    wait_until(lambda: held(node, ident), f"{node.member} holds {ident}: {status(node, ident)}", timeout_s)


def metric(node, name):
    text = node.http.get("/metrics").body.decode()
    return sum(float(value) for value in re.findall(rf"^{name}{{[^}}]*}} (\S+)$", text, re.M))


def received(node):
    return metric(node, "amic_link_attachment_received_bytes_total")


def files(node):
    root = os.path.join(node.dir, "store", "attachments")
    return sorted(os.path.join(at, name) for at, _, names in os.walk(root) for name in names)


def resident_kib(node):
    with open(f"/proc/{node.process.pid}/status", encoding="ascii") as text:
        fields = dict(line.split(":", 1) for line in text)
    return {name: int(fields[name].split()[0]) for name in ("VmRSS", "VmHWM")}


def check_small(cli, nodes, work):
    """The command line, all sizes at a border, ranges, readers."""
    bn, my, sg = nodes["BN"], nodes["MY"], nodes["SG"]
    ident = share(bn, ["MY"], "small")
    wait_item(my, ident)
    for size in (0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB + 7):
        path = f"{work}/size-{size}.bin"
        digest = make_file(path, size, size)
        made = cli.json("attach", "add", "--dir", bn.dir, ident, path, "--type", "application/x-test")
        check_equal((made["size"], made["sha256"], made["recipients"]), (size, digest, ["MY"]), f"{size} bytes attached")
        wait_held(my, made["id"])
        for node in (bn, my):
            out = f"{work}/out-{node.member}-{size}"
            cli.ok("attach", "get", "--dir", node.dir, made["id"], "-o", out)
            expect(sha256_of(out) == digest, f"{node.member}: {size} bytes are not what was attached")
        expect(status(sg, made["id"])["state"] == "not_found", "one who may not have it sees it")
    listed = cli.json("attach", "list", "--dir", my.dir, ident)["attachments"]
    check_equal(len(listed), 6, "all are listed at the receiver")
    check_equal(sg.http.get(f"/api/v1/items/{ident}/attachments").status, 404, "and nothing at the other one")
    check(not files(sg), "whose disk holds nothing")
    # Range, resume, headers.
    last = listed[-1]["id"] if listed[-1]["size"] == 2 * MIB + 7 else listed[5]["id"]
    path = f"{work}/size-{2 * MIB + 7}.bin"
    whole = open(path, "rb").read()
    for header, first, end in (("bytes=0-0", 0, 1), ("bytes=1048570-1048590", 1048570, 1048591),
                               ("bytes=2097150-", 2097150, len(whole)), ("bytes=-9", len(whole) - 9, len(whole))):
        answer = my.http.get(f"/api/v1/attachments/{last}", headers={"range": header})
        expect(answer.status == 206 and answer.body == whole[first:end], f"{header}: {answer.status}")
        expect(answer.headers["content-range"] == f"bytes {first}-{end - 1}/{len(whole)}", "content-range")
    check_equal(my.http.get(f"/api/v1/attachments/{last}", headers={"range": "bytes=9999999-"}).status, 416,
                "a range past the end is refused")
    answer = my.http.get(f"/api/v1/attachments/{last}")
    check(answer.body == whole and answer.headers["x-content-type-options"] == "nosniff"
          and answer.headers["content-disposition"].startswith("attachment;"), "a browser saves it, and shows nothing")
    part = f"{work}/resumed.part"
    with open(part, "wb") as out:
        out.write(whole[:1_500_000])
    cli.ok("attach", "get", "--dir", my.dir, last, "-o", f"{work}/resumed")
    check(open(f"{work}/resumed", "rb").read() == whole, "a download goes on where it stopped")
    low = Http(my.api_port, my.create_token("low", "read", "UNCLASSIFIED"))
    check_equal([low.get(f"/api/v1/attachments/{last}").status, low.get(f"/api/v1/items/{ident}/attachments").status],
                [404, 404], "who may not read the item may not read its files")
    only_read = Http(bn.api_port, bn.create_token("reader", "read", "TOP SECRET"))
    check_equal(only_read.post(f"/api/v1/items/{ident}/attachments?name=x", b"x").status, 403,
                "attaching needs the scope share")


def check_refusals(cli, nodes, work):
    bn, my = nodes["BN"], nodes["MY"]
    ident = share(bn, ["MY"], "refusals")
    wait_item(my, ident)
    path = f"{work}/refused.bin"
    make_file(path, 100)
    cli.refused("an item of another member's", "forbidden", "attach", "add", "--dir", my.dir, ident, path)
    cli.refused("an unknown item", "not_found", "attach", "add", "--dir", bn.dir, harness.uuid_of("none"), path)
    cli.refused("a name with a path", "malformed", "attach", "add", "--dir", bn.dir, ident, path, "--name", "../x")
    big = f"{work}/big.bin"
    with open(big, "wb") as out:
        out.truncate((2 << 30) + 1)
    cli.refused("more than 2 GiB", "too_large", "attach", "add", "--dir", bn.dir, ident, big)
    os.unlink(big)
    # The same without a length: the node finds out by itself, and keeps nothing.
    answer = bn.http.post(f"/api/v1/items/{ident}/attachments?name=x", b"", headers={"content-length": str((2 << 30) + 1)})
    check_equal(answer.status, 413, "a length beyond 2 GiB is refused before anything comes")
    bn.http.close()
    before = files(bn)
    with harness.socket.create_connection(("127.0.0.1", bn.api_port)) as raw:
        raw.sendall((f"POST /api/v1/items/{ident}/attachments?name=cut HTTP/1.1\r\nhost: a\r\n"
                     f"authorization: Bearer {bn.token}\r\ncontent-length: 5000000\r\n\r\n").encode() + b"x" * 2_000_000)
        wait_until(lambda: len(files(bn)) > len(before), "the upload has begun")
    wait_until(lambda: files(bn) == before, "an upload that is cut leaves nothing")
    passed("an upload that is cut leaves nothing")
    first = bn.http.post(f"/api/v1/items/{ident}/attachments?name=key.txt", b"hello", key="attach-1")
    again = bn.http.post(f"/api/v1/items/{ident}/attachments?name=key.txt", b"hello", key="attach-1")
    other = bn.http.post(f"/api/v1/items/{ident}/attachments?name=key.txt", b"jello", key="attach-1")
    check_equal((first.status, again.status, again.json["id"], other.status), (201, 200, first.json["id"], 422),
                "the same key attaches once")


def check_kills(cli, nodes, work, ident, path, digest):
    """The receiver is killed in the middle, then the sender; nothing is fetched twice."""
    bn, my = nodes["BN"], nodes["MY"]
    made = cli.json("attach", "add", "--dir", bn.dir, ident, path)["id"]
    total = 0
    wait_until(lambda: status(my, made)["chunks_held"] >= SIZE // MIB // 8, "some of it is there")
    total += received(my)
    my.kill()
    say(f"receiver killed after {total / MIB:.1f} MiB")
    my.start()
    wait_until(lambda: status(my, made)["chunks_held"] >= SIZE // MIB // 3, "more of it is there")
    at_kill = received(my)
    bn.kill()
    say(f"sender killed after {(total + at_kill) / MIB:.1f} MiB")
    time.sleep(1)
    bn.start()
    wait_held(my, made, 240)
    total += received(my)
    say(f"{SIZE / MIB:.0f} MiB took {total / MIB:.1f} MiB from the link over two kills")
    # Up to two chunks that were under way, at each kill, and what a killed process could not count.
    check(total < SIZE + 8 * MIB, "after a kill a fetch goes on where it stopped", f"{total} bytes of {SIZE}")
    out = f"{work}/out-kills"
    cli.ok("attach", "get", "--dir", my.dir, made, "-o", out)
    check_equal(sha256_of(out), digest, "and what came is the file")
    os.unlink(out)
    return made


def configure(node, peer, rate):
    with open(os.path.join(node.dir, "config.toml"), "a", encoding="utf-8") as config:
        config.write(f"\n[link.peers.{peer.member}]\nsend_bytes_per_second = {rate}\n")


def check_cap(cli, nodes, work):
    """A fetch keeps to what the link may carry, and a FLASH does not wait for it."""
    bn, my = nodes["BN"], nodes["MY"]
    rate = 1_000_000
    bn.stop()
    configure(bn, my, rate)
    bn.start()
    bn.wait_linked(["MY"])
    ident = share(bn, ["MY"], "capped")
    wait_item(my, ident)
    path = f"{work}/capped.bin"
    digest = make_file(path, 6 * MIB, 3)
    made = cli.json("attach", "add", "--dir", bn.dir, ident, path)["id"]
    wait_until(lambda: received(my) > 100_000, "the fetch has begun")
    begin, at = time.monotonic(), received(my)
    flash = []
    for number in range(3):
        start = time.monotonic()
        answer = bn.http.post("/api/v1/items", item(["MY"], indicator("flash", number), precedence="FLASH"))
        expect(answer.status == 201, f"flash: {answer.status}")
        wait_item(my, answer.json["id"])
        flash.append(time.monotonic() - start)
        time.sleep(0.5)
    wait_held(my, made)
    seconds, got = time.monotonic() - begin, received(my) - at
    say(f"cap {rate} B/s: {got / seconds:.0f} B/s over {seconds:.1f} s; FLASH after {', '.join(f'{t:.2f}' for t in flash)} s")
    check(got / seconds < rate * 1.25, "the cap of the link holds for files", f"{got / seconds:.0f} B/s")
    check(max(flash) < harness.PATIENCE_S / 4, "a FLASH passes a fetch", f"{flash}")
    out = f"{work}/out-capped"
    cli.ok("attach", "get", "--dir", my.dir, made, "-o", out)
    check_equal(sha256_of(out), digest, "and what came is the file")


def check_stranger(nodes, made):
    """SG asks BN's link for a file that it may not have, with its own key: as if there were none."""
    sg, bn = nodes["SG"], nodes["BN"]
    check(not files(sg), "the one who is no recipient holds nothing")
    check_equal(metric(sg, "amic_link_attachment_received_bytes_total"), 0, "and has received nothing")
    for target in (f"/api/v1/attachments/{made}", f"/api/v1/attachments/{made}/status",
                   f"/api/v1/items/{made}/attachments"):
        known, unknown = sg.http.get(target), sg.http.get(target.replace(made, harness.uuid_of("no")))
        expect((known.status, known.body) == (unknown.status, unknown.body), f"{target} tells that there is something")
    passed("and is told the same as of a file that does not exist")


def check_recall(cli, nodes, ident, made):
    bn, my = nodes["BN"], nodes["MY"]
    before = len(files(my))
    expect(held(my, made), "held before the recall")
    cli.ok("recall", "--dir", bn.dir, ident, "--reason", "wrong file")

    def complied():
        members = bn.http.get(f"/api/v1/items/{ident}/operations").json["members"]
        return all(m.get("outcome") == "complied" for m in members)

    wait_until(complied, "MY has complied")
    check_equal(len(files(my)), before - 1, "a recall destroys the file at its receiver")
    check_equal(my.http.get(f"/api/v1/attachments/{made}").status, 404, "and nobody there can ask for it")


def main_short(cli, work):
    nodes = harness.Community(cli, f"{work}/nodes", ["BN", "MY", "SG"]).start()
    check_small(cli, nodes, work)
    check_refusals(cli, nodes, work)
    path = f"{work}/large.bin"
    digest = make_file(path, SIZE)
    ident = share(nodes["BN"], ["MY"], "large")
    wait_item(nodes["MY"], ident)
    made = check_kills(cli, nodes, work, ident, path, digest)
    check_stranger(nodes, made)
    check_recall(cli, nodes, ident, made)
    check_cap(cli, nodes, work)
    for node in nodes:
        memory = resident_kib(node)
        say(f"{node.member}: {memory['VmRSS'] / 1024:.0f} MiB resident, {memory['VmHWM'] / 1024:.0f} MiB at most")
    nodes.stop()
    for node in nodes:
        rebuilt = cli.json("node", "rebuild", "--dir", node.dir)
        expect(rebuilt["unchanged"], f"the index of {node.member} is not what its log gives")
        cli.ok("node", "check", "--dir", node.dir)
    passed("each index is what its log gives")


def measure(cli, work):
    size = int(os.environ.get("AMIC_ATTACH_MIB", "2048")) * MIB
    nodes = harness.Community(cli, f"{work}/nodes", ["BN", "MY"]).start()
    bn, my = nodes["BN"], nodes["MY"]
    path = f"{work}/large.bin"
    digest = make_file(path, size)
    ident = share(bn, ["MY"], "measure")
    wait_item(my, ident)
    for node in nodes:
        say(f"{node.member} before: {resident_kib(node)['VmRSS'] / 1024:.0f} MiB resident")
    begin = time.monotonic()
    answer = {}
    thread = threading.Thread(target=lambda: answer.update(json.loads(upload(bn, ident, path, size))))
    thread.start()
    thread.join(1800)
    expect("id" in answer, f"upload: {answer}")
    upload_s = time.monotonic() - begin
    say(f"upload of {size / MIB:.0f} MiB: {upload_s:.1f} s, {size / MIB / upload_s:.0f} MiB/s")
    check_equal(answer["sha256"], digest, "the node has hashed the same")
    os.unlink(path)
    begin = time.monotonic()
    wait_held(my, answer["id"], 1800)
    seconds = time.monotonic() - begin
    say(f"fetched and verified {seconds:.1f} s after the upload ended, {size / MIB / seconds:.0f} MiB/s")
    begin = time.monotonic()
    total = download(my, answer["id"], digest)
    seconds = time.monotonic() - begin
    say(f"download of {total / MIB:.0f} MiB: {seconds:.1f} s, {total / MIB / seconds:.0f} MiB/s")
    for node in nodes:
        memory = resident_kib(node)
        say(f"{node.member}: {memory['VmRSS'] / 1024:.0f} MiB resident, {memory['VmHWM'] / 1024:.0f} MiB at most")
        check(memory["VmHWM"] < 256 * 1024, f"{node.member} needs no more memory for a large file", f"{memory}")
    nodes.stop()


def upload(node, ident, path, size):
    connection = harness.http.client.HTTPConnection("127.0.0.1", node.api_port, timeout=600)
    with open(path, "rb") as file:
        connection.request("POST", f"/api/v1/items/{ident}/attachments?name=large.bin", file,
                           {"authorization": f"Bearer {node.token}", "content-length": str(size)})
        return connection.getresponse().read()


def download(node, ident, digest):
    connection = harness.http.client.HTTPConnection("127.0.0.1", node.api_port, timeout=600)
    connection.request("GET", f"/api/v1/attachments/{ident}", headers={"authorization": f"Bearer {node.token}"})
    response, got, total = connection.getresponse(), hashlib.sha256(), 0
    while piece := response.read(MIB):
        got.update(piece)
        total += len(piece)
    check_equal(got.hexdigest(), digest, "what comes out is the file")
    return total


def main(cli, work):
    if os.environ.get("AMIC_ATTACH_MEASURE"):
        measure(cli, work)
    else:
        main_short(cli, work)


if __name__ == "__main__":
    harness.run(main)
