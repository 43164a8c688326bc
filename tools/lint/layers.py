#!/usr/bin/env python3
"""Fails on: an include that goes up or sideways, a third-party header outside its owner,
co_await outside the modules that may have it or not in a statement of its own.

The tables below are the architecture (docs/ARCHITECTURE.md): change both together.
"""
import pathlib
import re
import sys

LEVEL = {
    "base": 0,
    "obs": 1, "codec": 1, "compress": 1,
    "crypto": 2, "json": 2,
    "merkle": 3, "net": 3,
    "envelope": 4, "stix": 4, "marking": 4, "store": 4,
    "tlog": 5, "consent": 5, "holdings": 5, "importers": 5,
    "exchange": 6, "identity": 6,
    "governance": 7,
    "link": 8, "api": 8,
    "node": 9,
}
OWNER = {
    r"boost/(asio|beast)": {"net"},
    r"boost/json": {"json"},
    r"sodium\.h": {"crypto"},
    r"libgfshare\.h": {"crypto"},
    r"openssl/": {"crypto", "net"},
    r"unicode/": {"search"},
    r"sqlite3\.h|libpq": {"store"},
    r"z(std|dict)\.h": {"compress"},
    r"spdlog/": {"obs"},
    r"tl/expected": {"base"},
    r"CLI/|toml\+\+/": {"node"},
}
COROUTINES = {"net"}


def check(root):
    bad = []
    for path in sorted(p for p in root.rglob("*") if p.suffix in (".h", ".cc")):
        module = path.relative_to(root).parts[0]
        test = path.stem.endswith(("_test", "_fuzz", "_bench"))
        if module not in LEVEL:
            bad.append(f"{path}: module {module} has no level")
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            at = f"{path}:{number}"
            if found := re.match(r'\s*#\s*include\s+"([a-z_]+)/', line):
                to = found[1]
                if to not in LEVEL or (to != module and LEVEL[to] >= LEVEL[module]):
                    bad.append(f"{at}: {module} (level {LEVEL[module]}) may not include {to} "
                               f"(level {LEVEL.get(to)})")
            elif found := re.match(r'\s*#\s*include\s+[<"]([^>"]+)', line):
                bad += [f"{at}: <{found[1]}> belongs to {'/'.join(sorted(owners))}"
                        for rx, owners in OWNER.items()
                        if re.match(rx, found[1]) and module not in owners and not test]
            code = line.split("//")[0]
            if "co_await" in code:
                if module not in COROUTINES and not test:
                    bad.append(f"{at}: {module} has no coroutines")
                if (re.search(r"\b(if|while|switch|for)\s*\([^;]*\bco_await\b", code)
                        or re.search(r"\?.*co_await|[{,(]\s*co_await", code)
                        or re.search(r"co_await[^;]*\{", code)):
                    bad.append(f"{at}: co_await must stand in a statement of its own with named "
                               "arguments (g++ 12.2 miscompiles it here)")
    return bad


if __name__ == "__main__":
    top = pathlib.Path(__file__).resolve().parents[2]
    found = check(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else top / "src")
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))
