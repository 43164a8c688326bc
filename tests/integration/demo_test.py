"""The demonstration starts, does what it prints, stops and goes on where it was."""

import json
import os
import re
import shlex
import subprocess

import harness
from harness import Http, check, check_equal, expect, passed, wait_until

MEMBERS = ["BN", "KH", "ID", "LA"]


def pids_of(root):
    """Processes whose command line names this very directory: the demonstration and its nodes."""
    out = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if words and b"amic" in os.path.basename(words[0]) and any(w.startswith(root.encode()) for w in words):
            out.append(int(entry))
    return out


def port_base():
    """A free block: link ports from here, API ports 100 above."""
    return harness.free_port() // 200 * 200


class Demo:
    def __init__(self, cli, root, base):
        self.cli, self.root, self.base = cli, root, base

    def start(self):
        """The printed summary. Output goes to a file: a detached process must not hold a pipe."""
        output = self.root + ".summary"
        with open(output, "wb") as out:
            done = subprocess.run(
                [self.cli.amic, "demo", "--members", str(len(MEMBERS)), "--detach", "--dir", self.root,
                 "--data", os.path.join(harness.SOURCE, "data"), "--port-base", str(self.base)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, timeout=300, check=False,
            )
        with open(output, encoding="utf-8") as text:
            summary = text.read()
        expect(done.returncode == 0, f"amic demo: exit code {done.returncode}\n{summary}")
        return summary

    def stop(self):
        self.cli.ok("demo", "--dir", self.root, "--stop")


def read_summary(summary):
    rows = re.findall(r"^([A-Z]{2}) +http://127\.0\.0\.1:(\d+) +(\S+)$", summary, re.MULTILINE)
    return {member: Http(int(port), token) for member, port, token in rows}


def check_commands(cli, summary):
    """Every example is run as it is printed, from a directory where build/amic is the program."""
    examples = [line.strip() for line in summary.splitlines() if re.match(r"^ {2}(build/amic|curl) ", line)]
    check_equal(len(examples), 4, "the summary has example commands")
    for line in examples:
        words = line.replace("build/amic", shlex.quote(cli.amic), 1)
        done = subprocess.run(["bash", "-c", words], capture_output=True, timeout=60, check=False)
        expect(done.returncode == 0, f"{line}: exit code {done.returncode}\n{done.stderr.decode()}")
        expect(done.stdout, f"{line}: prints nothing")
        if line.startswith("curl"):
            objects = json.loads(done.stdout)["objects"]
            # Two: an unquoted & would have cut the limit off.
            expect([o["type"] for o in objects] == ["incident"] * 2, f"{line}: {done.stdout[:300]!r}")
        passed(f"works as printed: {line.split(' -H')[0].split(' --dir')[0]}")


def titles(http):
    return [i["title"] for i in http.all_pages("/api/v1/items", "items")]


def main(cli, work):
    root = f"{work}/demo"
    demo = Demo(cli, root, port_base())
    try:
        summary = demo.start()
        check("READY" not in summary and "Running in the background" in summary, "it returns when all is ready")
        apis = read_summary(summary)
        check_equal(sorted(apis), sorted(MEMBERS), "every member has an address and a token")
        check_equal(len(pids_of(root)), len(MEMBERS) + 1, "one process a node, and the demonstration's own")
        community = {m: http.get("/api/v1/community").json for m, http in apis.items()}
        ids = {c["id"] for c in community.values()}
        check(len(ids) == 1 and all(len(c["members"]) == len(MEMBERS) for c in community.values()), "one community")
        for member, http in apis.items():
            links = http.get("/api/v1/links").json["links"]
            expect(all(link["state"] == "linked" for link in links), f"{member}: {links}")
        passed("every link is up")
        check_commands(cli, summary)
        wait_until(lambda: apis["LA"].get("/api/v1/objects?type=attack-pattern&limit=1").json["objects"],
                   "ATT&CK for ICS arrives at the last member")
        passed("ATT&CK for ICS arrives at the last member")

        def synthetic():
            return [m for m, http in apis.items() if any(t.startswith("DEMONSTRATION: ") for t in titles(http))]

        wait_until(lambda: len(synthetic()) >= 2, "synthetic traffic arrives")
        passed("synthetic traffic goes from member to member")
        refused = cli.run("demo", "--members", "4", "--dir", root, "--detach", "--port-base", demo.base)
        check(refused.code == 1 and "running here already" in refused.out + refused.err, "a second one is refused")
        for name in os.listdir(root):
            path = os.path.join(root, name, "demo-token")
            expect(not os.path.exists(path) or os.stat(path).st_mode & 0o077 == 0, f"{path} is not private")

        before = {m: {i["id"] for i in http.all_pages("/api/v1/items", "items")} for m, http in apis.items()}
        demo.stop()
        wait_until(lambda: not pids_of(root), "all processes end")
        passed("--stop ends every process")
        cli.refused("--stop without a demonstration", "not_found", "demo", "--dir", root, "--stop")
        for http in apis.values():
            http.close()

        again = demo.start()
        check("shared before" in again, "a second start shares the public data not once more")
        resumed = read_summary(again)
        check_equal({m: (h.port, h.token) for m, h in resumed.items()},
                    {m: (h.port, h.token) for m, h in apis.items()}, "addresses and tokens are the same")
        check_equal({h.get("/api/v1/community").json["id"] for h in resumed.values()}, ids, "the community is the same")
        for member, http in resumed.items():
            now = [i["id"] for i in http.all_pages("/api/v1/items", "items")]
            expect(len(now) == len(set(now)), f"{member} shows an item twice")
            expect(before[member] <= set(now), f"{member} lost {before[member] - set(now)}")
        passed("every item from before is there")
        wrong = cli.run("demo", "--members", "3", "--dir", f"{work}/other/none", "--detach")
        check(wrong.code == 1 and "not_found" in wrong.out + wrong.err, "a directory below a missing one is refused")
        demo.stop()
        wait_until(lambda: not pids_of(root), "all processes end again")
        passed("--stop ends the resumed one")
    except BaseException:
        for member in MEMBERS:
            harness.show_logs_of(f"{root}/{member.lower()}/node")
            harness.show_logs_of(f"{root}/{member.lower()}/output")
        raise
    finally:
        # Only what was started here: the command lines name this test's own directory.
        for pid in pids_of(root):
            try:
                os.kill(pid, 9)
            except OSError:
                pass


if __name__ == "__main__":
    harness.run(main)
