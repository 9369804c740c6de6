#!/usr/bin/env python3
"""The texts of the statistics, read strictly: JSON by a parser that takes nothing twice,
OpenMetrics by a checker of its format; and the sums that must hold in both.
    stats_text.py PROGRAM        PROGRAM json and PROGRAM openmetrics print the texts
    stats_text.py --self-test    wrong texts must be found out
"""
import json
import re
import subprocess
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
DESCRIPTOR = re.compile(rf"# (TYPE|UNIT|HELP) ({NAME}) (.*)")
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')
TYPES = {"gauge": [""], "counter": ["_total", "_created"], "info": ["_info"]}


def labels_of(text):
    found, at = {}, 0
    while at < len(text):
        match = LABEL.match(text, at)
        assert match, f"labels: {text}"
        assert match[1] not in found, f"label twice: {text}"
        found[match[1]] = match[2]
        at = match.end()
    return found


def parse_openmetrics(text):
    """Returns {(sample name, labels): value}; raises AssertionError where the format is broken."""
    assert text.endswith("# EOF\n"), "no # EOF at the end"
    families, samples, family = {}, {}, None
    for line in text[:-len("# EOF\n")].splitlines():
        descriptor = DESCRIPTOR.fullmatch(line)
        if descriptor:
            what, name, value = descriptor.groups()
            if name != family:
                assert name not in families, f"family in two places: {name}"
                family, families[name] = name, {"samples": 0}
            known = families[family]
            assert known["samples"] == 0, f"described after its samples: {name}"
            assert what not in known, f"described twice: {line}"
            known[what] = value
            if what == "TYPE":
                assert value in TYPES, f"unknown type: {line}"
            if what == "UNIT":
                assert name.endswith("_" + value), f"the name does not end in its unit: {line}"
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample, f"not a line of the format: {line!r}"
        name, labels, value = sample.groups()
        assert family is not None, f"a sample of no family: {line}"
        known = families[family]
        assert "TYPE" in known, f"no type: {family}"
        suffixes = TYPES[known["TYPE"]]
        assert name in [family + suffix for suffix in suffixes], f"not of {family}: {line}"
        key = (name, tuple(sorted(labels_of(labels or "").items())))
        assert key not in samples, f"twice: {line}"
        assert known["TYPE"] != "counter" or float(value) >= 0, f"counts backwards: {line}"
        samples[key] = float(value)
        known["samples"] += 1
    return samples


def parse_json(text):
    def once(pairs):
        assert len(dict(pairs)) == len(pairs), "a key twice"
        return dict(pairs)

    def never(constant):
        raise AssertionError(f"not JSON: {constant}")

    return json.loads(text, object_pairs_hook=once, parse_constant=never)


def check_sums(s):
    kept = sum(s["kept_bytes"].values())
    assert s["mapped_bytes"] == (s["slab_bytes"] + s["large_chunk_bytes"] + s["spare_bytes"]
                                 + s["transit_bytes"] + s["dirty_bytes"] + s["clean_bytes"])
    assert s["slab_bytes"] == s["small_live_bytes"] + s["free_bytes"] + s["end_bytes"]
    assert s["live_bytes"] == s["small_live_bytes"] + s["large_live_bytes"]
    assert s["heap_resident_bytes"] == s["live_resident_bytes"] + kept
    assert kept == s["fragmentation_bytes"] + s["cached_bytes"]
    assert s["resident_bytes"] == (s["heap_resident_bytes"] + s["metadata_bytes"]
                                   + s["outside_bytes"])
    assert s["resident_bytes"] == sum(s["resident_sum"].values())
    assert s["allocations"] == s["frees"] + s["live_objects"]
    for name in ["slab_bytes", "free_bytes", "end_bytes", "ready_objects", "unmerged_objects"]:
        assert s[name] == sum(c[name] for c in s["classes"]), name
    assert s["small_live_bytes"] == sum(c["live_bytes"] for c in s["classes"])
    assert s["rounding_bytes"] <= s["rounding_max_bytes"]
    for ratio in ["internal_fragmentation", "external_fragmentation"]:
        assert all(0 <= place[ratio] <= 1 for place in [s, *s["classes"]]), ratio
    assert len(s["classes"]) > 30 and s["large_objects"] > 10 and s["live_objects"] > 13000


def check_program(program):
    texts = {kind: subprocess.run([program, kind], check=True, capture_output=True,
                                  text=True).stdout for kind in ["json", "openmetrics"]}
    s = parse_json(texts["json"])
    check_sums(s)
    jq = subprocess.run(["jq", "-e", ".live_bytes > 0"], input=texts["json"], text=True,
                        capture_output=True)
    assert jq.returncode == 0, jq.stderr
    samples = parse_openmetrics(texts["openmetrics"])
    figures = {key[0]: value for key, value in samples.items() if not key[1]}
    for name, value in s.items():
        if not isinstance(value, (dict, list, str)) and name != "version":
            assert f"cairn_{name}" in figures or f"cairn_{name}_total" in figures, name
    assert figures["cairn_live_objects"] == s["live_objects"]
    for c in s["classes"]:
        key = ("cairn_class_live_bytes", (("object_bytes", str(c["object_bytes"])),))
        assert samples[key] == c["live_bytes"], key
    print(f"{len(s)} members of JSON, {len(samples)} samples of OpenMetrics")


def self_test():
    good = ("# TYPE a_bytes gauge\n# UNIT a_bytes bytes\n# HELP a_bytes what\na_bytes 1\n"
            '# TYPE b counter\nb_total{x="1",y="\\""} 2\nb_total{x="2",y=""} 2.5\n# EOF\n')
    assert len(parse_openmetrics(good)) == 3
    changes = [("# EOF\n", ""), ("a_bytes 1", "a_bytes"), ("a_bytes 1", "a_bytes  1"),
               ("# UNIT a_bytes bytes", "# UNIT a_bytes s"), ("gauge", "number"),
               ("b_total{x=\"2\"", "b{x=\"2\""), ('x="2",y=""', 'x="1",y="\\""'),
               ('y=""}', 'y="}'), ('x="2",y=""', 'x="2",x=""'), ("2.5\n", "-1\n"),
               ("# EOF", "# TYPE a_bytes gauge\n# EOF"), ("# EOF", "a_bytes 2\n# EOF"),
               ("# TYPE b counter\n", ""), ("# HELP a_bytes what\na_bytes 1\n",
                                            "a_bytes 1\n# HELP a_bytes what\n")]
    for old, new in changes:
        wrong = good.replace(old, new, 1)
        assert wrong != good, old
        try:
            parse_openmetrics(wrong)
        except AssertionError:
            continue
        sys.exit(f"passes though it is wrong:\n{wrong}")
    for wrong in ['{"a": 1, "a": 2}', '{"a": NaN}', '{"a": 1,}', "{'a': 1}"]:
        try:
            parse_json(wrong)
        except (AssertionError, ValueError):
            continue
        sys.exit(f"passes though it is wrong: {wrong}")
    print(f"{len(changes) + 4} wrong texts are found")


if __name__ == "__main__":
    self_test() if sys.argv[1] == "--self-test" else check_program(sys.argv[1])
