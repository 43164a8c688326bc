"""Two nodes over an emulated line: 9.6 kbit/s and 1.5 s there and back, then faster ones.

AMIC_SLOW_MEASURE: `flash` (20 FLASH while 100 MB of routine wait), `fast` (10,000 changes at 10 Mbit/s and
0.3 s), `idle` (what an idle link costs), or several with commas. Prints figures; asserts what must hold on any
machine.
"""

import base64
import json
import os
import random
import re
import statistics
import time

import harness
from harness import check, expect, indicator, item, passed, wait_until
from link_emulator import LinkEmulator

SLOW = 9600 / 8  # bytes a second
ONE_WAY_S = 0.75
ROUTINE_BYTES = 8000


def say(text):
    print(f"      {text}", flush=True)


def configure(node, peer, port):
    with open(os.path.join(node.dir, "config.toml"), "a", encoding="utf-8") as config:
        config.write(f'\n[link.peers.{peer.member}]\naddress = "https://127.0.0.1:{port}"\n')


class Pair:
    """Two nodes, each of which dials the other over the line."""

    def __init__(self, cli, root, line):
        self.community = harness.Community(cli, root, ["BN", "MY"])
        self.bn, self.my = self.community["BN"], self.community["MY"]
        for node in self.community:
            node.env = {"AMIC_WITNESS_INTERVAL_S": "60"}
        configure(self.my, self.bn, line.connect(self.bn.link_port))
        configure(self.bn, self.my, line.connect(self.my.link_port, reverse=True))
        self.line = line

    def start(self):
        for node in self.community:
            node.start()
        for node in self.community:
            node.wait_linked()
        return self

    def share(self, precedence, size):
        """A document that doesn't compress, from MY to BN."""
        body = {
            "marking": harness.marking(["BN"]), "precedence": precedence,
            "media_type": "application/octet-stream",
            "body_base64": base64.b64encode(os.urandom(size)).decode(),
        }
        answer = self.my.http.post("/api/v1/items", body)
        expect(answer.status == 201, f"share: {answer.status} {answer.body!r}")
        return answer.json["id"]

    def queue_routine(self, total):
        for _ in range(total // ROUTINE_BYTES):
            self.share("ROUTINE", ROUTINE_BYTES)

    def lane(self, node, peer, precedence):
        return next(lane for lane in node.links()[peer]["lanes"] if lane["precedence"] == precedence)

    def received(self, precedence):
        return self.lane(self.bn, "MY", precedence)["received"]

    def flash(self):
        """Shares 1 KiB as FLASH; seconds until BN has verified and stored it."""
        before = self.received("FLASH")
        begin = time.monotonic()
        self.share("FLASH", 1024)
        while self.received("FLASH") <= before:
            expect(time.monotonic() - begin < harness.PATIENCE_S, "the FLASH does not arrive")
            time.sleep(0.03)
        return time.monotonic() - begin


def metric(node, name):
    text = node.http.get("/metrics").body.decode()
    return sum(float(value) for value in re.findall(rf"^{name}{{[^}}]*}} (\S+)$", text, re.M))


def check_flash(pair, count, waiting_bytes, pause):
    """What is urgent passes what waits, inside a transfer; the line stays full."""
    pair.queue_routine(waiting_bytes)
    queued = pair.lane(pair.my, "BN", "ROUTINE")["queued"]
    wait_until(lambda: metric(pair.my, "amic_link_frames_sent_total") >= 6, "a batch is under way in frames")
    begin, data = time.monotonic(), metric(pair.bn, "amic_link_received_bytes_total")
    times = []
    for number in range(count):
        time.sleep(pause())
        times.append(pair.flash())
        say(f"FLASH {number + 1}: delivered and verified after {times[-1]:.2f} s")
    seconds = time.monotonic() - begin
    share = (metric(pair.bn, "amic_link_received_bytes_total") - data) / seconds / pair.line.forth.rate
    check(pair.received("ROUTINE") < queued, f"{count} FLASH arrived before the routine that was queued earlier")
    times.sort()
    p95 = times[min(len(times) - 1, int(0.95 * len(times)))]
    say(f"FLASH: median {statistics.median(times):.2f} s, p95 {p95:.2f} s, worst {times[-1]:.2f} s; "
        f"batches took {100 * share:.0f} % of the line over {seconds:.0f} s")
    return p95, share


def check_resume(pair, size):
    """A transfer that is cut goes on where it stopped."""
    pair.line.set_line(20_000, 0.1)
    before = pair.received("IMMEDIATE")
    sent, here = metric(pair.my, "amic_link_sent_bytes_total"), metric(pair.bn, "amic_link_received_bytes_total")
    pair.share("IMMEDIATE", size)
    wait_until(lambda: metric(pair.bn, "amic_link_received_bytes_total") - here > size / 2, "half of it is there")
    pair.line.cut()
    wait_until(lambda: pair.my.links()["BN"]["state"] != "linked", "MY notices the cut")
    time.sleep(1)
    pair.line.restore()
    wait_until(lambda: pair.received("IMMEDIATE") > before, "it arrives after the cut")
    again = metric(pair.my, "amic_link_sent_bytes_total") - sent - size
    check(again < size / 3, "a cut transfer goes on where it stopped", f"{again:.0f} of {size} bytes went again")
    say(f"{size} bytes cut in the middle: {max(again, 0):.0f} bytes more were sent than its own")


def check_short(cli, work):
    with LinkEmulator(SLOW, ONE_WAY_S) as line:
        pair = Pair(cli, f"{work}/slow", line)
        begin = time.monotonic()
        pair.start()
        say(f"linked both ways after {time.monotonic() - begin:.1f} s and {line.bytes} bytes on the line")
        check_flash(pair, 5, 1_000_000, lambda: 1.0)
        check_resume(pair, 200_000)
        pair.community.stop()
    passed("nodes on a slow line stop in order")


def measure_flash(cli, work):
    chance = random.Random(7)
    with LinkEmulator(SLOW, ONE_WAY_S) as line:
        pair = Pair(cli, f"{work}/flash", line).start()
        check_flash(pair, 20, 100_000_000, lambda: chance.uniform(5, 25))
        pair.community.stop()


def measure_fast(cli, work):
    for name, count, each in (("100 items of 100 objects", 100, 100), ("10,000 items of one object", 10_000, 1)):
        with LinkEmulator(10e6 / 8, 0.15, queue_bytes=256 << 10) as line:
            pair = Pair(cli, f"{work}/fast-{each}", line).start()
            line.cut()
            wait_until(lambda: pair.my.links()["BN"]["state"] != "linked", "MY notices the cut")
            for n in range(count):
                answer = pair.my.http.post("/api/v1/items", item(["BN"], *(indicator(n, i) for i in range(each))))
                expect(answer.status == 201, f"share: {answer.body!r}")
            before = line.bytes
            line.restore()
            wait_until(lambda: line.bytes - before > 10_000, "the link comes up again", 150)
            begin = time.monotonic()
            wait_until(lambda: pair.received("ROUTINE") == count, "all arrive", 300)
            say(f"10 Mbit/s, 0.3 s: {name}: {time.monotonic() - begin:.1f} s, {(line.bytes - before) / 1e6:.1f} MB")
            pair.community.stop()


def measure_idle(cli, work):
    with LinkEmulator(SLOW, ONE_WAY_S) as line:
        pair = Pair(cli, f"{work}/idle", line)
        pair.start()
        say(f"first contact of two nodes: {line.bytes} bytes on the line, both ways and both links")
        time.sleep(10)
        before, begin = line.bytes, time.monotonic()
        time.sleep(120)
        used = line.bytes - before
        say(f"idle for {time.monotonic() - begin:.0f} s: {used} bytes, {used / 120:.0f} bytes a second")
        pair.community.stop()


MEASUREMENTS = {"flash": measure_flash, "fast": measure_fast, "idle": measure_idle}


def main(cli, work):
    wanted = os.environ.get("AMIC_SLOW_MEASURE", "")
    if not wanted:
        check_short(cli, work)
        return
    for name in MEASUREMENTS if wanted == "1" else wanted.split(","):
        MEASUREMENTS[name](cli, work)


if __name__ == "__main__":
    harness.run(main)
