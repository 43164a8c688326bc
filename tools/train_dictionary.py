#!/usr/bin/env python3
"""Makes the zstd dictionary for the bodies of envelopes from STIX 2.1 bundles.

usage: train_dictionary.py AMIC OUT   (AMIC: a built `amic`; needs the Debian package zstd)

Samples: the public data in data/, cut into bundles of one to four objects as a watch officer shares
them, and synthetic indicators, sightings, notes and reports. Every second sample is held out, and the
gain on those is printed. A published dictionary never changes: a better one gets the next number.
"""
import json, pathlib, random, subprocess, sys, tempfile, uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
SIZE = 24 << 10


def bundle(objects, rng):
    return {"type": "bundle", "id": "bundle--" + str(uuid.UUID(int=rng.getrandbits(128), version=4)), "objects": objects}


def base(kind, rng, **extra):
    time = "20%02d-%02d-%02dT%02d:%02d:%02d.%03dZ" % (
        rng.randint(24, 29), rng.randint(1, 12), rng.randint(1, 28), rng.randint(0, 23),
        rng.randint(0, 59), rng.randint(0, 59), rng.randint(0, 999))
    ident = str(uuid.UUID(int=rng.getrandbits(128), version=4))
    return {"type": kind, "spec_version": "2.1", "id": f"{kind}--{ident}", "created": time, "modified": time,
            "created_by_ref": "identity--" + str(uuid.UUID(int=rng.getrandbits(128), version=4)), **extra}


def word(rng):
    return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(4, 12)))


def synthetic(rng):
    ip = ".".join(str(rng.randint(1, 254)) for _ in range(4))
    digest = "%064x" % rng.getrandbits(256)
    pattern = rng.choice([
        f"[domain-name:value = '{word(rng)}.example']", f"[ipv4-addr:value = '{ip}']",
        f"[url:value = 'https://{word(rng)}.example/{word(rng)}']",
        f"[file:hashes.'SHA-256' = '{digest}']", f"[email-addr:value = '{word(rng)}@{word(rng)}.example']"])
    indicator = base("indicator", rng, name=word(rng), pattern=pattern, pattern_type="stix",
                     valid_from="2026-01-01T00:00:00Z", indicator_types=["malicious-activity"],
                     confidence=rng.choice([15, 50, 85]), labels=[word(rng)])
    kind = rng.randrange(6)
    if kind == 0:
        return [indicator]
    if kind == 1:
        return [indicator, base("sighting", rng, sighting_of_ref=indicator["id"], count=rng.randint(1, 9),
                                first_seen="2026-01-01T00:00:00Z", last_seen="2026-01-02T00:00:00Z")]
    if kind == 2:
        return [base("note", rng, abstract=word(rng), content=" ".join(word(rng) for _ in range(12)),
                     object_refs=[indicator["id"]], authors=[word(rng)])]
    if kind == 3:
        return [base("report", rng, name=word(rng), description=" ".join(word(rng) for _ in range(20)),
                     published="2026-01-01T00:00:00Z", report_types=["threat-report"], object_refs=[indicator["id"]]),
                indicator]
    if kind == 4:
        location = base("location", rng, name=word(rng), latitude=round(rng.uniform(-10, 20), 4),
                        longitude=round(rng.uniform(95, 140), 4), precision=1000.0)
        return [base("incident", rng, name=word(rng), description=" ".join(word(rng) for _ in range(20))), location,
                base("relationship", rng, relationship_type="located-at", source_ref="incident--" + str(uuid.uuid4()),
                     target_ref=location["id"])]
    malware = base("malware", rng, name=word(rng), is_family=False, malware_types=["trojan"])
    return [indicator, malware, base("relationship", rng, relationship_type="indicates",
                                     source_ref=indicator["id"], target_ref=malware["id"])]


def samples(amic, scratch, rng):
    for name in ("asam.csv", "imb.csv"):
        out = scratch / name
        out.mkdir()
        subprocess.run([amic, "import", "--redact-vessels", "--per-bundle", "1", "--out", out, ROOT / "data/incidents" / name],
                       check=True, stdout=subprocess.DEVNULL)
        for path in sorted(out.iterdir())[::25]:
            yield path.read_bytes().rstrip(b"\n")
    attack = json.loads((ROOT / "data/stix/attack-ics-18.1.json").read_text())["objects"]
    for i in range(0, len(attack) - 4, 3):
        yield json.dumps(bundle(attack[i:i + rng.randint(1, 3)], rng), separators=(",", ":"), ensure_ascii=False).encode()
    for _ in range(900):
        made = bundle(synthetic(rng), rng)
        yield json.dumps(made, separators=(",", ":"), sort_keys=rng.random() < 0.5).encode()


def main():
    amic, out = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)
        texts = [t for t in samples(amic, scratch, rng) if len(t) <= 32 << 10]
        rng.shuffle(texts)
        for half in ("train", "test"):
            (scratch / half).mkdir()
        for i, text in enumerate(texts):
            (scratch / ("train" if i % 2 else "test") / f"{i:05}").write_bytes(text)
        subprocess.run(["zstd", "-q", "-f", "--train", *sorted((scratch / "train").iterdir()), f"--maxdict={SIZE}",
                        "--dictID=1", "-o", out], check=True)
        plain = with_dict = without = 0
        for path in sorted((scratch / "test").iterdir())[::5]:
            plain += path.stat().st_size
            without += len(subprocess.run(["zstd", "-q", "-3", "-c", path], check=True, capture_output=True).stdout)
            with_dict += len(subprocess.run(["zstd", "-q", "-3", "-c", "-D", out, path], check=True, capture_output=True).stdout)
        print(f"{len(texts)} samples; held out: {plain} bytes, {without} without ({plain / without:.2f}x), "
              f"{with_dict} with the dictionary ({plain / with_dict:.2f}x)")


main()
