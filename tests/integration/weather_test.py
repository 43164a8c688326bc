"""Eleven nodes in network namespaces, in bad weather: everything arrives, once, and nothing where it must not be.

AMIC_WEATHER_STORM_S   how long nodes are killed at random (default 10)
AMIC_SEED              of lost packets and kills; printed, so that a failure can be repeated as far as time allows
"""

import glob
import os
import random
import subprocess
import time

import harness
from harness import Failed, check, check_equal, expect, indicator, item, passed, skipped, wait_until
from virtual_network import Line, Unavailable, VirtualNetwork

MEMBERS = ["BN", "ID", "KH", "LA", "MM", "MY", "PH", "SG", "TH", "TL", "VN"]
SLOW_PAIR = {MEMBERS.index("BN"), MEMBERS.index("MY")}
SEED = os.environ.get("AMIC_SEED") or str(random.SystemRandom().randrange(1 << 32))
STORM_S = float(os.environ.get("AMIC_WEATHER_STORM_S", "10"))
ITEMS_MAX = 150  # of all parts together
AWAY_S = 48 * 3600
# Long silences are the weather's, not a failure: lost handshakes are tried again by the second, then the minute.
PATIENCE_S = 6 * harness.PATIENCE_S


def say(text):
    print(f"      {text}", flush=True)


def make_line(a, b):
    """Between BN and MY a radio: 9.6 kbit/s, 1.5 s there and back, one packet in five lost. Else 10 Mbit/s, 0.3 s."""
    if {a, b} == SLOW_PAIR:
        return Line(9600 / 8, 0.75, loss=0.2, queue_bytes=16 << 10)
    return Line(10e6 / 8, 0.15, queue_bytes=256 << 10)


class Weather:
    """The community, its network, its clocks, and what each node must hold."""

    def __init__(self, cli, work, network):
        self.cli, self.network = cli, network
        self.chance = random.Random(SEED)
        options = {
            member: {"link_host": place.address, "inside": place.inside}
            for member, place in zip(MEMBERS, network.places)
        }
        self.nodes = harness.Community(cli, f"{work}/community", MEMBERS, **options)
        self.wanted = {member: set() for member in MEMBERS}
        self.expiring = set()  # shown to nobody after their time, their originator's readers included
        self.numbers = 0
        self._give_clocks(work)

    def _give_clocks(self, work):
        libraries = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        self.clocks = {}
        for node in self.nodes:
            node.env = {"AMIC_WITNESS_INTERVAL_S": "60"}
            if libraries:
                self.clocks[node.member] = f"{work}/clock-{node.member}"
                self.set_clock(node.member, 0)
                node.env |= {
                    "LD_PRELOAD": libraries[0], "FAKETIME_TIMESTAMP_FILE": self.clocks[node.member],
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_CACHE_DURATION": "1",
                }

    def set_clock(self, member, ahead_s):
        with open(self.clocks[member] + ".new", "w", encoding="ascii") as out:
            out.write(f"+{ahead_s}s\n")
        os.rename(self.clocks[member] + ".new", self.clocks[member])

    def share(self, member, rel_to, key=None, **more):
        """Shares an item of its own; every recipient must hold it in the end."""
        if key is None:
            self.numbers += 1
            key = f"weather-{self.numbers}"
        request = item(rel_to, indicator("weather", SEED, key), **more)
        answer = self.nodes[member].http.post("/api/v1/items", request, key=key)
        expect(answer.status in (200, 201), f"{member} shares {key}: {answer.status} {answer.body!r}")
        if "expires" in more:
            self.expiring.add(answer.json["id"])
        else:
            for holder in (member, *rel_to):
                self.wanted[holder].add(answer.json["id"])
        return answer.json["id"]

    def wait_all(self, what):
        begin = time.monotonic()
        for member, wanted in self.wanted.items():
            missing = set()

            def all_here(node=self.nodes[member], wanted=wanted, missing=missing):
                here = node.item_ids()
                expect(len(here) == len(set(here)), f"{node.member} shows an item twice")
                expect(set(here) <= wanted, f"{node.member} holds {set(here) - wanted}, which it must not")
                missing.clear()
                missing.update(wanted - set(here))
                return not missing

            try:
                wait_until(all_here, f"{what}: {member} holds all", PATIENCE_S)
            except Failed as failure:
                raise Failed(f"{failure}: lacks {sorted(missing)}") from None
        passed(f"{what}: every member holds what it must, once, and nothing else "
               f"({time.monotonic() - begin:.0f} s)")

    def others(self, member):
        return [one for one in MEMBERS if one != member]


def check_radio(weather):
    """One pair's line is slow and loses a fifth of its packets: that pair is late, nobody else is."""
    bn, my = weather.nodes["BN"], weather.nodes["MY"]
    begin = time.monotonic()
    for node in weather.nodes:
        far = {"BN": "MY", "MY": "BN"}.get(node.member)
        node.wait_linked([m for m in weather.others(node.member) if m != far])
    passed(f"all other pairs are linked after {time.monotonic() - begin:.0f} s")
    for node, peer in ((bn, "MY"), (my, "BN")):
        wait_until(lambda node=node, peer=peer: node.links()[peer]["state"] == "linked",
                   f"{node.member} is linked with {peer} over the radio", PATIENCE_S)
    passed(f"BN and MY are linked over the radio after {time.monotonic() - begin:.0f} s")
    for member in MEMBERS:
        weather.share(member, weather.others(member), precedence="PRIORITY")
    begin = time.monotonic()
    flash = weather.share("MY", ["BN"], precedence="FLASH")
    wait_until(lambda: flash in bn.item_ids(), "the FLASH arrives over the radio", PATIENCE_S)
    say(f"FLASH over 9.6 kbit/s, 1.5 s, 20 % loss, in front of what waits: {time.monotonic() - begin:.1f} s")
    weather.wait_all("radio")
    line = weather.network.line(*sorted(SLOW_PAIR))
    say(f"the radio carried {line.bytes} bytes one way and lost {line.lost} packets")
    check(line.lost > 0, "packets were lost")


def check_two_days(weather):
    """Cut into two halves for 48 hours, as the clocks say; what was for 24 hours only is for nobody afterwards."""
    if not weather.clocks:
        skipped("48 hours cut off", "libfaketime is not installed")
        return
    west, east = MEMBERS[:5], MEMBERS[5:]
    weather.network.cut(set(range(5)))
    tomorrow = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + AWAY_S / 2))
    for member in ("BN", "VN"):
        weather.share(member, weather.others(member))
    short = weather.share("BN", east, expires=tomorrow)
    for half in (west, east):
        for member in half:
            weather.share(member, weather.others(member), precedence="IMMEDIATE")
    wait_until(lambda: all(weather.nodes["BN"].links()[m]["state"] != "linked" for m in east),
               "BN notices the cut", PATIENCE_S)
    for number, member in enumerate(MEMBERS):  # and clocks are not quite the same
        weather.set_clock(member, AWAY_S + number * 10)
    time.sleep(3)  # until libfaketime has read them
    for member in MEMBERS:
        weather.share(member, weather.others(member), precedence="ROUTINE")
    weather.network.cut(set(range(5)), down=False)
    weather.wait_all("48 hours cut off")
    for node in weather.nodes:
        wait_until(lambda node=node: all(link["waiting"] == 0 for link in node.links().values()),
                   f"{node.member} has sent all", PATIENCE_S)
        expect(short not in node.item_ids(), f"{node.member} shows what has expired")
    passed("what expired meanwhile is shown to nobody, on any node")


def check_storm(weather):
    """Nodes are killed at random, several at once, while all share. The radio's line is a good one by now:
    what it does to so much is measured by its rate alone."""
    for a, b in (sorted(SLOW_PAIR), sorted(SLOW_PAIR, reverse=True)):
        good = make_line(-1, -2)
        line = weather.network.line(a, b)
        line.rate, line.delay_s, line.loss, line.queue_bytes = good.rate, good.delay_s, 0.0, good.queue_bytes
        line.free_at = 0.0
    end = time.monotonic() + STORM_S
    kills = 0
    todo = []
    while time.monotonic() < end:
        for node in weather.chance.sample(list(weather.nodes), weather.chance.randrange(1, 4)):
            if node.process is not None:
                node.kill()
                kills += 1
        time.sleep(weather.chance.random() * 0.2)
        for node in weather.nodes:
            if node.process is None and weather.chance.random() < 0.7:
                node.start(wait=False)
        for _ in range(8 if weather.numbers < ITEMS_MAX else 0):
            weather.numbers += 1
            member = weather.chance.choice(MEMBERS)
            to = weather.chance.sample(weather.others(member), weather.chance.randrange(1, 11))
            todo.append((member, to, f"weather-{weather.numbers}"))
        _try_to_share(weather, todo)
    for node in weather.nodes:
        if node.process is None:
            node.start(wait=False)
    for node in weather.nodes:
        node.wait_ready()
    wait_until(lambda: _try_to_share(weather, todo) or not todo, "clients get their answers", PATIENCE_S)
    say(f"{kills} kills of {len(MEMBERS)} nodes in {STORM_S:.0f} s, {weather.numbers} items so far")
    check(kills >= 3, "nodes were killed")
    weather.wait_all("storm")


def _try_to_share(weather, todo):
    """Clients keep their keys and ask again until they have an answer."""
    for one in list(todo):
        member, to, key = one
        node = weather.nodes[member]
        if node.process is None:
            continue
        try:
            request = item(to, indicator("weather", SEED, key))
            answer = node.http.post("/api/v1/items", request, key=key)
        except (OSError, harness.http.client.HTTPException):
            continue
        if answer.status in (200, 201):
            for holder in (member, *to):
                weather.wanted[holder].add(answer.json["id"])
            todo.remove(one)
        else:
            expect(answer.status in (409, 429, 503), f"{member} shares {key}: {answer.status} {answer.body!r}")


def check_files(weather):
    for node in weather.nodes:
        wait_until(lambda node=node: all(link["waiting"] == 0 for link in node.links().values()),
                   f"{node.member} has sent all", PATIENCE_S)
    weather.nodes.stop()
    for node in weather.nodes:
        weather.cli.ok("node", "check", "--dir", node.dir)
        weather.cli.ok("log", "verify", "--dir", node.dir)
    passed("all stop in order, all files are good, all logs verify")


def main(cli, work):
    print(f"seed {SEED}", flush=True)
    try:
        network = VirtualNetwork(len(MEMBERS), make_line, seed=SEED)
    except (Unavailable, OSError, subprocess.SubprocessError) as error:
        skipped("eleven nodes in network namespaces", f"this machine gives no namespace with a TUN device: {error}")
        return
    with network:
        weather = Weather(cli, work, network)
        for node in weather.nodes:
            node.start(wait=False)
        for node in weather.nodes:
            node.wait_ready()
            expect(node.http.get("/healthz").status == 200, f"{node.member} answers")  # its token is made
        check_radio(weather)
        check_two_days(weather)
        check_storm(weather)
        check_files(weather)


if __name__ == "__main__":
    harness.run(main)
