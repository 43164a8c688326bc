#!/usr/bin/env python3
"""Fails where the documents and the code have come apart.

Links: every relative link and anchor in a *.md file resolves.
FORMATS.md links every page of docs/formats/; ARCHITECTURE.md has the table of layers.py.
OPERATIONS.md names every setting and variable of the configuration, every metric and every log event.
PROTOCOL.md names every error code, its HTTP status and whether it is worth trying again; api.md every route with its method.
Tests that SECURITY.md cites, as `Suite.Test` or by path, exist.
`docs.py --routes` prints the routes in the code as a table for api.md.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SKIPPED = {"build", ".git", ".demo", "node_modules"}


def text_of(path):
    return path.read_text(encoding="utf-8") if path.is_file() else None


def markdown_files():
    return sorted(p for p in ROOT.rglob("*.md")
                  if not SKIPPED.intersection(p.relative_to(ROOT).parts))


def sources(pattern="*.cc", module="*"):
    return [p for p in sorted((ROOT / "src").glob(f"{module}/**/{pattern}"))
            if not p.stem.endswith(("_test", "_fuzz", "_bench"))]


def without_code(text):
    """Fenced blocks and code spans emptied, lines kept: brackets in code are no links."""
    out, fence = [], None
    for line in text.splitlines():
        mark = re.match(r"\s*(```+|~~~+)", line)
        if mark and (fence is None or line.strip().startswith(fence)):
            fence = mark[1] if fence is None else None
            line = ""
        elif fence:
            line = ""
        out.append(re.sub(r"`[^`]*`", "``", line))
    return out


def anchors(text):
    """The anchors that headings get, as GitHub makes them."""
    seen, out = {}, set()
    fence = None
    for line in text.splitlines():
        if mark := re.match(r"\s*(```+|~~~+)", line):
            fence = None if fence else mark[1]
        if fence or not (heading := re.match(r"#{1,6}\s+(.*?)\s*#*$", line)):
            continue
        title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).lower()
        slug = re.sub(r"[^\w\- ]", "", title).replace(" ", "-")
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        out.add(f"{slug}-{count}" if count else slug)
    return out | set(re.findall(r'<a (?:id|name)="([^"]+)"', text))


def check_links():
    bad = []
    for path in markdown_files():
        name = path.relative_to(ROOT)
        for number, line in enumerate(without_code(text_of(path)), 1):
            for target in re.findall(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)", line):
                if re.match(r"[a-z][a-z0-9+.-]*:", target):
                    continue
                file, _, anchor = target.partition("#")
                there = path if not file else (path.parent / file).resolve()
                if not there.exists():
                    bad.append(f"{name}:{number}: {target} does not exist")
                elif anchor and there.suffix == ".md" and anchor not in anchors(text_of(there)):
                    bad.append(f"{name}:{number}: {target}: no such heading")
    return bad


def check_named(document, what, names, found):
    """Every one of `names` is in the document; `found(text, name)` says how it must stand there."""
    text = text_of(DOCS / document)
    if text is None:
        return [f"docs/{document}: missing"]
    if not names:
        return [f"docs/{document}: tools/lint/docs.py finds no {what} in the code; correct the script"]
    return [f"docs/{document}: {what} {name} is not named" for name in names
            if not found(text, name)]


def in_code(text, name):
    return re.search(rf"`[^`\n]*(?<![\w.]){re.escape(name)}(?![\w])[^`\n]*`", text) is not None


def check_formats():
    pages = [p.name for p in sorted((DOCS / "formats").glob("*.md"))]
    return check_named("FORMATS.md", "page", pages, lambda text, name: f"](formats/{name}" in text)


def check_architecture():
    layers = {"__name__": "layers"}
    exec(compile((ROOT / "tools/lint/layers.py").read_text(), "layers.py", "exec"), layers)
    level = layers["LEVEL"]
    table = {name: int(number) for number, name in
             re.findall(r"^\| (\d+) \| `([a-z_]+)` \|", text_of(DOCS / "ARCHITECTURE.md") or "", re.M)}
    modules = {p.name for p in (ROOT / "src").iterdir() if p.is_dir()}
    bad = [f"docs/ARCHITECTURE.md: module {m} is not in the table" for m in sorted(modules - set(table))]
    bad += [f"docs/ARCHITECTURE.md: {m} is at level {table.get(m)}, in layers.py at {level.get(m)}"
            for m in sorted(set(table) | set(level))
            if table.get(m) != level.get(m) and (m in modules or m in table)]
    picture = text_of(DOCS / "architecture.svg") or ""
    bad += [f"docs/architecture.svg: module {m} is not in the picture" for m in sorted(modules)
            if f">{m}</text>" not in picture]
    return bad


def check_operations():
    config = text_of(ROOT / "src/node/config.cc") or ""
    rows = re.findall(r'\{"(\w*)", "(\w+)", (?:nullptr|"(\w+)"), (?:true|false)', config)
    keys = [f"{table}.{key}" if table else key for table, key, _ in rows]
    variables = sorted(set(re.findall(r'"(AMIC_\w+)"', config)))
    bad = check_named("OPERATIONS.md", "setting", keys, in_code)
    bad += check_named("OPERATIONS.md", "variable", variables, in_code)
    metrics, events = set(), set()
    for path in sources():
        text = text_of(path)
        metrics |= set(re.findall(r'"(amic_\w+_\w+)"', text))
        events |= set(re.findall(r'obs::log\([^;{]*?"([a-z]+\.[a-z_]+)"', text))
    bad += check_named("OPERATIONS.md", "metric", sorted(metrics), in_code)
    # Which of two events it is may be decided in the call: "link.down" : "link.refused".
    return bad + check_named("OPERATIONS.md", "log event", sorted(events), in_code)


def check_codes():
    header = text_of(ROOT / "src/base/error.h") or ""
    codes = re.findall(r'X\(k\w+, "(\w+)", (\d+), (true|false)\)', header)
    bad = check_named("PROTOCOL.md", "error code", [name for name, _, _ in codes], in_code)
    protocol = text_of(DOCS / "PROTOCOL.md") or ""
    rows = set(re.findall(r"\| `(\w+)` \| (\d{3}) \| (yes|no) (?=\|)", protocol))
    for name, status, again in codes:
        row = (name, status, "yes" if again == "true" else "no")
        if row not in rows:
            bad.append("docs/PROTOCOL.md: the table of error codes should say "
                       f"`{name}`, {status}, {row[2]}")
    return bad


def routes_in_code():
    """(pattern, method, access, summary) of each entry of the route table."""
    out = set()
    for path in sources(module="api"):
        for method, pattern, access, rest in re.findall(
                r'\{"([A-Z]+)", "(/[^"]*)", Access::k(\w+),([^{}]*)\}', text_of(path)):
            summary = "".join(re.findall(r'"([^"]*)"', rest))
            out.add((pattern, method, access.lower(), summary))
    return sorted(out)


def print_routes():
    print("| route | scope | |\n|---|---|---|")
    for pattern, method, access, summary in routes_in_code():
        scope = {"public": "none", "any": "any token"}.get(access, f"`{access}`")
        print(f"| `{method} {pattern}` | {scope} | {summary} |")


def check_routes():
    routes = [f"{method} {pattern}" for pattern, method, _, _ in routes_in_code()]

    def found(text, route):
        method, pattern = route.split(" ")
        return any(method in line and re.search(rf"(?<![\w/]){re.escape(pattern)}(?![\w/{{])", line)
                   for line in text.splitlines())

    return check_named("api.md", "route", routes, found)


def check_cited_tests():
    known = set()
    for path in sorted((ROOT / "src").rglob("*_test.cc")):
        known |= set(re.findall(r"^(?:TEST(?:_F|_P)?|RC_GTEST(?:_FIXTURE)?_PROP)\(\s*(\w+),\s*(\w+)",
                                text_of(path), re.M))
    bad = []
    for number, line in enumerate((text_of(DOCS / "SECURITY.md") or "").splitlines(), 1):
        for suite, test in re.findall(r"`([A-Z]\w*)\.([A-Z]\w*)`", line):
            if (suite, test) not in known and (suite, test) != ("Suite", "Test"):
                bad.append(f"docs/SECURITY.md:{number}: there is no test {suite}.{test}")
        bad += [f"docs/SECURITY.md:{number}: there is no {script}"
                for script in re.findall(r"`(tests/[^`*]+)`", line) if not (ROOT / script).exists()]
    return bad


if __name__ == "__main__":
    if sys.argv[1:] == ["--routes"]:
        print_routes()
        sys.exit()
    found = [line for check in (check_links, check_formats, check_architecture, check_operations,
                                check_codes, check_routes, check_cited_tests) for line in check()]
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))
