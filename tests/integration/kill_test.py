"""Sender and receiver are killed with SIGKILL at random points of an exchange: none lost, none doubled.

AMIC_ITEMS   items to exchange (default 1,000; the full bar is 10,000)
AMIC_KILLS   how often a node is killed (default 20; the full bar is 200)
AMIC_SEED    of the random points; printed, so that a failure can be repeated
"""

import collections
import http.client
import json
import os
import random
import threading
import time

import harness
from harness import Failed, Http, check, check_equal, expect, indicator, item, passed, wait_until

ITEMS = int(os.environ.get("AMIC_ITEMS", "1000"))
KILLS = int(os.environ.get("AMIC_KILLS", "20"))
SEED = os.environ.get("AMIC_SEED") or str(random.SystemRandom().randrange(1 << 32))
CLIENTS = 4
# No item gets through for so long: something hangs.
STALLED_S = 120
LANES = ["FLASH", "IMMEDIATE", "PRIORITY", "ROUTINE"]
# What a client may meet while the node is killed under it, and what it then simply does again.
TRY_AGAIN = {409, 429, 503}


def request_of(number):
    """The same bytes for the same number, however often it is asked for."""
    return json.dumps(item(["SG"], indicator("kill", SEED, number), precedence=LANES[number % len(LANES)]))


class Clients:
    """Post every item under its own key, again and again until the node has said yes."""

    def __init__(self, port, token):
        self.port, self.token = port, token
        self.lock = threading.Lock()
        self.todo = collections.deque(range(ITEMS))
        self.ids = {}  # number -> item id
        self.retries = 0
        self.failure = None
        self.stopping = False
        self.threads = [threading.Thread(target=self._work, daemon=True) for _ in range(CLIENTS)]

    def start(self):
        for one in self.threads:
            one.start()

    def _work(self):
        connection = Http(self.port, self.token, timeout_s=30)
        while not self.stopping:
            with self.lock:
                if not self.todo:
                    return
                number = self.todo.popleft()
            try:
                made = self._post(connection, number)
            except Exception as error:  # told to the main thread, which fails the test
                self.failure = error
                return
            with self.lock:
                self.ids[number] = made

    def _post(self, connection, number):
        body = request_of(number)
        told = None
        while not self.stopping:
            try:
                answer = connection.post("/api/v1/items", body, key=f"item-{number}")
            except (OSError, http.client.HTTPException):
                self.retries += 1
                time.sleep(0.02)
                continue
            if answer.status in (200, 201):
                expect(told in (None, answer.json["id"]), f"item {number}: two different ids")
                told = answer.json["id"]
                # Now and then asks again what it knows already: a client that lost the answer.
                if number % 50 == 0 and answer.status == 201:
                    continue
                return told
            expect(answer.status in TRY_AGAIN, f"item {number}: {answer.status} {answer.body!r}")
            self.retries += 1
            time.sleep(0.02)
        raise Failed("stopped")

    @property
    def done(self):
        with self.lock:
            return len(self.ids)

    def check(self):
        if self.failure is not None:
            raise Failed(f"client: {self.failure!r}")


def kill_at_random_points(rng, nodes, clients):
    """Goes on until all items are in; kills when as many items are in as the next point says."""
    points = collections.deque(sorted(rng.randrange(1, max(2, ITEMS * 95 // 100)) for _ in range(KILLS)))
    kills = collections.Counter()
    last, moved_at = 0, time.monotonic()
    while clients.done < ITEMS or points:
        clients.check()
        done = clients.done
        if done != last:
            last, moved_at = done, time.monotonic()
        expect(time.monotonic() - moved_at < STALLED_S, f"no item got through for {STALLED_S} s at {done}")
        for node in nodes:
            code = node.process.poll()
            expect(code is None, f"{node.member} ended by itself with {code}")
        if points and done >= points[0]:
            points.popleft()
            victim = rng.choice(list(nodes))
            time.sleep(rng.random() * 0.05)  # a point within the items' way, not just between two
            victim.kill()
            kills[victim.member] += 1
            if rng.random() < 0.5:
                time.sleep(rng.random() * 0.2)
            victim.start(wait=False)
            if points and rng.random() < 0.25:  # and at times in the middle of its recovery
                points.popleft()
                time.sleep(rng.random() * 0.4)
                victim.kill()
                kills[victim.member] += 1
                victim.start(wait=False)
            if last == ITEMS:
                moved_at = time.monotonic()
        time.sleep(0.002)
    clients.check()
    return kills


def check_nothing_lost_or_doubled(sender, receiver, clients):
    wanted = sorted(clients.ids.values())
    check_equal(len(set(wanted)), ITEMS, "every key has an item of its own")
    wait_until(lambda: len(receiver.item_ids()) >= ITEMS, "everything arrives", timeout_s=300)
    sender.wait_drained()
    for node in (sender, receiver):
        node.wait_ready()
        items = node.items()
        check_equal(sorted(one["id"] for one in items), wanted, f"{node.member}: each item once, and no other")
        check_equal(sum(one["quarantined"] + one["rejected"] for one in items), 0, f"{node.member}: none refused")
        objects = sorted(node.object_ids())
        check_equal(objects, sorted(indicator("kill", SEED, n)["id"] for n in range(ITEMS)),
                    f"{node.member}: each object once, and no other")
        # The launch and the items, nothing else.
        check_equal(node.log_size(), ITEMS + 1, f"{node.member}: one log record for each item")
    titles = {one["id"]: one["title"] for one in receiver.items()}
    expect(titles == {one["id"]: one["title"] for one in sender.items()}, "titles differ")
    link = sender.links()[receiver.member]
    check_equal(sum(lane["acknowledged"] for lane in link["lanes"]), ITEMS, "signed for: all of them")
    check_equal(receiver.links()[sender.member]["quarantined"], 0, "nothing in quarantine")


def check_files(cli, nodes):
    for node in nodes:
        records = cli.json("node", "check", "--dir", node.dir)["records"]
        report = cli.json("log", "verify", "--dir", node.dir)
        check_equal((records, report["records"]), (ITEMS + 1, ITEMS + 1),
                    f"{node.member}: files good, the log verifies")
        rebuilt = cli.json("node", "rebuild", "--dir", node.dir)
        check(rebuilt["unchanged"] is True, f"{node.member}: the index is what a rebuild makes of the log", rebuilt)


def main(cli, work):
    print(f"seed {SEED}: {ITEMS} items, {KILLS} kills (repeat with AMIC_SEED={SEED})", flush=True)
    rng = random.Random(SEED)
    nodes = harness.Community(cli, f"{work}/community", ["MY", "SG"]).start()
    sender, receiver = nodes["MY"], nodes["SG"]
    receiver.http.get("/readyz")  # both tokens are made before the first kill
    clients = Clients(sender.api_port, sender.http.token)
    begin = time.monotonic()
    clients.start()
    try:
        kills = kill_at_random_points(rng, nodes, clients)
    finally:
        clients.stopping = True
    took = time.monotonic() - begin
    for one in clients.threads:
        one.join(harness.PATIENCE_S)
    check_equal(sum(kills.values()), KILLS,
                f"{KILLS} kills {dict(kills)} while {ITEMS} items were shared in {took:.0f} s")
    passed(f"the clients had to try again {clients.retries} times")
    for node in nodes:
        node.wait_ready()
    check_nothing_lost_or_doubled(sender, receiver, clients)
    nodes.stop()
    check_files(cli, nodes)


if __name__ == "__main__":
    harness.run(main)
