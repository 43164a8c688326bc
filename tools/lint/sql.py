#!/usr/bin/env python3
"""Fails on SQL in src/store that a second engine could not run (docs/formats/store.md, "SQL").

Every string literal outside tests that begins like SQL is taken, adjacent ones joined, and must
  - contain none of the forbidden words,
  - match one of the statement forms below, statement by statement.
Forms that only SQLite has (PRAGMA, WITHOUT ROWID, its transactions) are allowed in src/store/sqlite.
"""
import pathlib
import re
import sys

FORBIDDEN = re.compile(
    r"\b(JOIN|UNION|INTERSECT|EXCEPT|TRIGGER|VIEW|AUTOINCREMENT|SERIAL|RECURSIVE|WITH|OFFSET|REPLACE|"
    r"RETURNING|ATTACH|VACUUM|REINDEX|FOREIGN|REFERENCES|HAVING|GROUP|DISTINCT|EXISTS|LIKE|GLOB|"
    r"MATCH|RANDOM|CASE|CAST|COLLATE|OVER|LISTEN|NOTIFY|LOCK|TRUNCATE|INDEX|rowid|IN)\b", re.I)
STARTS = re.compile(
    r"\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|WITH|REPLACE|PRAGMA|BEGIN|COMMIT|ROLLBACK|"
    r"ATTACH|DETACH|VACUUM|REINDEX|ANALYZE|SAVEPOINT|RELEASE|EXPLAIN|VALUES|LOCK|TRUNCATE|COPY)\b")
WORD = r"[a-z_][a-z0-9_]*"
NAMES = rf"{WORD}(?:, {WORD})*"
VALUE = r"(?:\?|\d+|'[a-z_]+')"
COMPARE = rf"{WORD} (?:=|<|>|<=|>=) {VALUE}"
WHERE = rf"(?: WHERE {COMPARE}(?: AND {COMPARE})*)?"
AGGREGATE = rf"(?:coalesce\()?(?:count\(\*\)|(?:max|sum)\({WORD}\))(?:, 0\))?"
ORDER = rf"(?: ORDER BY {WORD}(?: DESC)?(?:, {WORD}(?: DESC)?)*)?"
TERM = rf"(?:excluded\.{WORD}|(?:{WORD}\.)?{WORD} [+-] (?:excluded\.{WORD}|{VALUE})|{VALUE})"
SETS = rf"{WORD} = {TERM}(?:, {WORD} = {TERM})*"
COLUMN = rf"{WORD} (?:TEXT|BLOB|BIGINT|SMALLINT|INTEGER)(?: PRIMARY KEY)?(?: NOT NULL)?"
FORMS = [
    rf"SELECT (?:{NAMES}|{AGGREGATE}) FROM {WORD}{WHERE}{ORDER}(?: LIMIT {VALUE})?",
    rf"INSERT INTO {WORD} \({NAMES}\) VALUES \({VALUE}(?:, {VALUE})*\)"
    rf"(?: ON CONFLICT DO NOTHING| ON CONFLICT \({NAMES}\) DO UPDATE SET {SETS}"
    rf"(?: WHERE excluded\.{WORD} >= {WORD}\.{WORD})?)?",
    rf"UPDATE {WORD} SET {SETS} WHERE {COMPARE}(?: AND {COMPARE})*",
    rf"DELETE FROM {WORD} WHERE {COMPARE}(?: AND {COMPARE})*",
    rf"ALTER TABLE {WORD} ADD COLUMN {WORD} (?:TEXT|BLOB|BIGINT|SMALLINT)",
    rf"CREATE TABLE {WORD} \({COLUMN}(?:, {COLUMN})*(?:, PRIMARY KEY \({NAMES}\))?\)(?: WITHOUT ROWID)?",
]
SQLITE_FORMS = [
    r"BEGIN(?: IMMEDIATE)?", r"COMMIT", r"ROLLBACK",
    r"PRAGMA [a-z_]+(?:\([A-Za-z0-9]+\))?(?: =(?: [A-Za-z0-9-]+)?)?",
]
ALLOWED = [re.compile(form + r"\Z") for form in FORMS]
ALLOWED_SQLITE = ALLOWED + [re.compile(form + r"\Z") for form in SQLITE_FORMS]

TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^(\s]*)\((?P<raw>.*?)\)(?P=tag)"|"(?P<text>(?:[^"\\\n]|\\.)*)"|'
    r"'(?:[^'\\]|\\.)'|(?P<word>[A-Za-z_]\w*)|(?P<space>\s+|\\\n)|(?P<other>.)", re.S)


def literals(source, macros):
    """Yields (line, text); adjacent literals, and macros that are literals, are joined."""
    parts, start = [], 0
    for token in TOKEN.finditer(source):
        piece = token["raw"] if token["raw"] is not None else token["text"]
        if piece is None and token["word"] in macros:
            piece = macros[token["word"]]
        if piece is not None:
            if not parts:
                start = source.count("\n", 0, token.start()) + 1
            parts.append(piece)
        elif token["other"] is not None or token["word"] is not None or token.group()[0] == "'":
            if parts:
                yield start, "".join(parts)
            parts = []
    if parts:
        yield start, "".join(parts)


def macros_of(texts):
    found = {}
    for text in texts:
        for name, body in re.findall(r"#define (\w+)((?:[^\n]*\\\n)*[^\n]*)", text):
            pieces = re.findall(r'"([^"]*)"', body)
            if pieces and re.fullmatch(r'[\s\\]*("[^"]*"[\s\\]*)+', body):
                found[name] = "".join(pieces)
    return found


def faults(sql, sqlite):
    for statement in filter(None, (part.strip() for part in sql.split(";"))):
        statement = re.sub(r"\s+", " ", statement)
        plain = re.sub(r"\) WITHOUT ROWID\Z", ")", statement) if sqlite else statement
        if not plain.startswith("PRAGMA") and (word := FORBIDDEN.search(plain)):
            yield f"{word[0]}: not portable: {statement}"
        elif not any(form.match(statement) for form in (ALLOWED_SQLITE if sqlite else ALLOWED)):
            yield f"not an allowed form: {statement}"


def check(root):
    paths = sorted(p for p in root.rglob("*") if p.suffix in (".h", ".cc")
                   and not p.stem.endswith(("_test", "_fuzz", "_bench")) and p.name not in ("testing.h", "conformance.h"))
    texts = {path: path.read_text() for path in paths}
    macros = macros_of(texts.values())
    bad, seen = [], 0
    for path, text in texts.items():
        sqlite = "sqlite" in path.relative_to(root).parts
        for line, sql in literals(text, macros):
            if STARTS.match(sql):
                seen += 1
                bad += [f"{path}:{line}: {fault}" for fault in faults(sql, sqlite)]
    if seen == 0:
        bad.append(f"{root}: no SQL found: this check has lost its subject")
    return bad


SELF_TEST = [  # (statement, is it allowed)
    ("SELECT a, b FROM t WHERE k = ? AND n > ? ORDER BY n LIMIT ?", True),
    ("INSERT INTO t (a) VALUES (?) ON CONFLICT DO NOTHING", True),
    ("INSERT INTO t (a, n) VALUES (?, ?) ON CONFLICT (a) DO UPDATE SET n = excluded.n", True),
    ("CREATE TABLE t (k TEXT, n BIGINT NOT NULL, PRIMARY KEY (k, n)) WITHOUT ROWID;", True),
    ("SELECT a FROM t JOIN u", False),
    ("SELECT a FROM t, u WHERE a = ?", False),
    ("SELECT a FROM t LIMIT 10 OFFSET 5", False),
    ("SELECT a FROM t WHERE a IN (SELECT b FROM u)", False),
    ("INSERT OR REPLACE INTO t (a) VALUES (?)", False),
    ("INSERT INTO t (a) VALUES (?) RETURNING a", False),
    ("REPLACE INTO t (a) VALUES (?)", False),
    ("WITH RECURSIVE x AS (SELECT 1) SELECT a FROM x", False),
    ("CREATE TABLE t (k INTEGER PRIMARY KEY AUTOINCREMENT)", False),
    ("CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END", False),
    ("DELETE FROM t", False),
    ("SELECT a FROM t WHERE a = 'x'; DROP TABLE t", False),
]

if __name__ == "__main__":
    wrong = [sql for sql, good in SELF_TEST if (not list(faults(sql, True))) != good]
    if wrong:
        print(*(f"self-test: judged wrongly: {sql}" for sql in wrong), sep="\n")
        sys.exit(2)
    top = pathlib.Path(__file__).resolve().parents[2]
    found = check(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else top / "src" / "store")
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))
