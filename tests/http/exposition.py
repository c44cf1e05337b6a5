# SPDX-License-Identifier: Apache-2.0
"""Reads Prometheus' text format 0.0.4, strictly, and knows what is bad style in it."""
import re

SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (-?[0-9.]+|\+Inf|-Inf|NaN)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
PARTS = ("_bucket", "_sum", "_count")
BASE_UNITS = ("seconds", "bytes")
OTHER_UNITS = ("milliseconds", "microseconds", "nanoseconds", "ms", "us", "ns", "minutes", "hours",
               "days", "kilobytes", "kib", "kb", "megabytes", "mib", "mb", "gigabytes", "bits",
               "percent", "sec", "secs", "byte", "second")


class Family:
    def __init__(self, name, help_text):
        self.name, self.help, self.type = name, help_text, None
        self.samples = []  # (name, labels as a sorted tuple, value)


def labels_of(text, line):
    """The pairs between the braces."""
    found, at, inner = [], 0, text[1:-1]
    while at < len(inner):
        m = LABEL.match(inner, at)
        if not m:
            raise ValueError(f"labels of {line!r}")
        value = re.sub(r"\\(.)", lambda e: "\n" if e[1] == "n" else e[1], m[2])
        found.append((m[1], value))
        at = m.end()
        if at < len(inner):
            if inner[at] != ",":
                raise ValueError(f"labels of {line!r}")
            at += 1
    if len({name for name, _ in found}) != len(found):
        raise ValueError(f"a label comes twice: {line!r}")
    return tuple(sorted(found))


def parse(text):
    """{family name: Family}. Raises ValueError for what no Prometheus would read."""
    families, last = {}, None
    if not text.endswith("\n"):
        raise ValueError("the last line is not ended")
    for line in text.split("\n")[:-1]:
        if line.startswith("# HELP "):
            _, _, name, *rest = line.split(" ", 3)
            if name in families:
                raise ValueError(f"{name} begins twice")
            last = families[name] = Family(name, rest[0] if rest else "")
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            if last is None or name != last.name or last.type or last.samples:
                raise ValueError(f"TYPE of {name} out of place")
            last.type = kind
        else:
            m = SAMPLE.fullmatch(line)
            if not m:
                raise ValueError(f"no sample: {line!r}")
            allowed = [last.name] if last and last.type != "histogram" else \
                      [last.name + p for p in PARTS] if last else []
            if m[1] not in allowed:
                raise ValueError(f"{m[1]} stands outside of its family")
            last.samples.append((m[1], labels_of(m[2], line) if m[2] else (), float(m[3])))
    for family in families.values():
        keys = [(name, labels) for name, labels, _ in family.samples]
        if len(set(keys)) != len(keys):
            raise ValueError(f"a sample of {family.name} comes twice")
    return families


def histogram_faults(family):
    series = {}
    for name, labels, value in family.samples:
        rest = tuple(p for p in labels if p[0] != "le")
        one = series.setdefault(rest, {"buckets": []})
        if name.endswith("_bucket"):
            one["buckets"].append((float(dict(labels)["le"]), value))
        else:
            one[name.rsplit("_", 1)[1]] = value
    for labels, one in series.items():
        bounds = [b for b, _ in one["buckets"]]
        counts = [c for _, c in one["buckets"]]
        if bounds != sorted(set(bounds)) or not bounds or bounds[-1] != float("inf"):
            yield f"{family.name}{labels}: bounds {bounds}"
        if counts != sorted(counts) or one.get("count") != counts[-1] or "sum" not in one:
            yield f"{family.name}{labels}: counts {one}"


def name_faults(family):
    words = family.name.split("_")
    core = words[:-1] if words[-1] == "total" else words
    if not re.fullmatch(r"(mete|process)(_[a-z0-9]+)+", family.name):
        yield f"{family.name}: not in snake case, or of another namespace"
    if (family.type == "counter") != (words[-1] == "total"):
        yield f"{family.name}: _total belongs to counters and to them alone"
    if family.name.endswith(PARTS):
        yield f"{family.name}: ends as a part of a histogram does"
    for word in words:
        if word in OTHER_UNITS:
            yield f"{family.name}: {word} is no base unit"
        if word in ("gauge", "counter", "histogram", "summary"):
            yield f"{family.name}: its type in its name"
    for unit in BASE_UNITS:
        if unit in core and core[-1] != unit:
            yield f"{family.name}: the unit stands last"


def lint(families):
    """What promtool's linter, and good manners, would object to."""
    faults = []
    for family in families.values():
        faults += name_faults(family)
        if family.type not in ("counter", "gauge", "histogram"):
            faults.append(f"{family.name}: type {family.type}")
        if len(family.help) < 8 or family.help[-1] != "." or "\\" in family.help:
            faults.append(f"{family.name}: help {family.help!r}")
        if family.type == "histogram":
            faults += histogram_faults(family)
        for name, labels, value in family.samples:
            for label, _ in labels:
                if not re.fullmatch(r"[a-z][a-z_]*", label) or \
                        (label in ("le", "quantile") and family.type != "histogram"):
                    faults.append(f"{name}: label {label}")
            if family.type == "counter" and value < 0:
                faults.append(f"{name}: a counter below zero")
    return faults


class Scrape:
    """One answer, as numbers to ask for."""

    def __init__(self, text):
        self.families = parse(text)

    def value(self, name, **labels):
        """A sample; None when it is not there."""
        wanted = tuple(sorted(labels.items()))
        for family in self.families.values():
            for n, l, v in family.samples:
                if n == name and l == wanted:
                    return v
        return None

    def series(self):
        """All samples but what depends on the moment."""
        return {(n, l): v for f in self.families.values() for n, l, v in f.samples}

    def label_values(self, label):
        return {v for f in self.families.values() for _, l, _ in f.samples
                for name, v in l if name == label}
