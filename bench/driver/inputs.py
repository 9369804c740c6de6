"""Generators of the real programs' input.

Each takes a scale (1 is quick, 10 is full) and a random generator of fixed
seed, and returns the text; the same arguments give the same text.
"""


def sqlite_script(scale, _rng):
    rows = 24000 * scale
    return f"""
PRAGMA journal_mode=OFF;
CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT, city INTEGER, note TEXT, score REAL);
CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 500)
  INSERT INTO city SELECT i, 'city ' || (i * 7919 % 10007) FROM n;
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < {rows})
  INSERT INTO person SELECT i, 'name ' || (i * 104729 % 1000003), i * 31 % 500 + 1,
    substr('the quick brown fox jumps over the lazy dog and on', 1, i % 50), i * 17 % 1009 / 7.0
  FROM n;
COMMIT;
CREATE INDEX by_name ON person(name);
CREATE INDEX by_city ON person(city, score);
SELECT c.name, count(*), round(sum(p.score), 2), max(p.name) FROM person p
  JOIN city c ON c.id = p.city GROUP BY c.id ORDER BY 3 DESC LIMIT 20;
UPDATE person SET note = note || ' ' || upper(name) WHERE id % 3 = 0;
SELECT length(group_concat(note, '')) FROM person;
DELETE FROM person WHERE name LIKE '%77%';
SELECT count(*), sum(length(name)) FROM person WHERE note LIKE '%lazy%';
SELECT a.id, b.id FROM person a JOIN person b ON a.name = b.name AND a.id < b.id
  ORDER BY 1 LIMIT 20;
WITH words(word) AS (SELECT json_extract(json_array(name, note, city), '$[1]') FROM person)
  SELECT word, count(*) FROM words GROUP BY word ORDER BY 2 DESC, 1 LIMIT 20;
SELECT sum(json_array_length(people)) FROM
  (SELECT json_group_array(json_object('n', name, 's', score)) AS people
   FROM person GROUP BY city);
VACUUM;
SELECT count(*) FROM person;
"""


def python_script(scale, _rng):
    return f"""
import json, re, collections

def lcg(state):
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield state >> 33

numbers = lcg(1)
total = 0
for turn in range({4 * scale}):
    people = [
        {{"id": i, "name": "name %d" % (next(numbers) % 5000), "tags": ["t%d" % (next(numbers) % 50)
          for _ in range(i % 7)], "score": next(numbers) / 3.0, "more": {{"k": str(i) * (i % 5)}}}}
        for i in range(2500)
    ]
    text = json.dumps(people, sort_keys=True)
    again = json.loads(text)
    by_name = collections.defaultdict(list)
    for person in again:
        by_name[person["name"]].append(person)
    order = sorted(by_name, key=lambda name: (len(by_name[name]), name))
    words = collections.Counter(re.findall(r"[a-z]+ ?[0-9]+", text))
    lines = ["%s: %s" % (name, ",".join(tag for p in by_name[name] for tag in p["tags"]))
             for name in order]
    joined = "\\n".join(lines)
    table = {{line: line.split(":") for line in joined.split("\\n")}}
    big = 1
    for i in range(1, 300):
        big *= i
    total += len(joined) + len(table) + words.most_common(1)[0][1] + len(str(big))
print(total)
"""


def redis_commands(scale, rng):
    """Commands in Redis' own protocol, to be sent as they are."""
    out = []

    def command(*words):
        out.append(b"*%d\r\n" % len(words))
        for word in words:
            data = word if isinstance(word, bytes) else str(word).encode()
            out.append(b"$%d\r\n%s\r\n" % (len(data), data))

    keys = 6000 * scale
    payload = bytes(97 + i % 26 for i in range(4096))
    for _ in range(60000 * scale):
        key = rng.randrange(keys)
        choice = rng.randrange(100)
        if choice < 45:
            length = 1 << rng.randrange(3, 11)
            command("SET", f"string:{key}", payload[: length + rng.randrange(length)])
        elif choice < 55:
            command("APPEND", f"string:{key}", payload[: rng.randrange(1, 200)])
        elif choice < 65:
            command("DEL", f"string:{key}", f"list:{key % 500}")
        elif choice < 75:
            command("RPUSH", f"list:{key % 1000}", payload[: rng.randrange(10, 100)])
        elif choice < 85:
            value = payload[: rng.randrange(5, 80)]
            command("HSET", f"hash:{key % 2000}", f"f{rng.randrange(50)}", value)
        elif choice < 92:
            command("ZADD", f"set:{key % 100}", rng.randrange(100000), f"m{rng.randrange(1000)}")
        else:
            command("GET", f"string:{key}")
    return b"".join(out)


def c_source(scale, rng):
    """Functions with loops, switches and structs for the optimiser to work on."""
    parts = ["#include <stddef.h>\nstruct s { int a, b; double d; struct s *next; };\n"]
    for f in range(10 * scale):
        cases = "".join(
            f"        case {c}: x = x * {rng.randrange(3, 99)} + a[{rng.randrange(16)}]; break;\n"
            for c in range(rng.randrange(4, 12))
        )
        callee = f"f{rng.randrange(f)}(a, x & 15)" if f > 0 else "x"
        parts.append(
            f"""int f{f}(int *a, int n) {{
    int x = {rng.randrange(1000)};
    struct s list[8] = {{{{0, 1, 2.0, 0}}}};
    for (int i = 0; i < n; i++) {{
        switch (a[i] & 15) {{
{cases}        default: x ^= a[i & {rng.randrange(1, 16)}];
        }}
        list[i & 7].a += x; list[(i + 1) & 7].d *= {rng.random():.6f};
        list[i & 7].next = &list[x & 7];
    }}
    for (struct s *p = list; p && x > 0; p = p->next, x -= {rng.randrange(1, 9)})
        a[p->a & 15] += (int)p->d + p->b;
    return x + {callee};
}}
"""
        )
    return "".join(parts)


def lua_script(scale, _rng):
    return f"""
local state = 1
local function random(n)
    state = (state * 1103515245 + 12345) % 2147483648
    return state // 65536 % n
end
local checksum = 0
for turn = 1, {5 * scale} do
    local objects, index = {{}}, {{}}
    for i = 1, 8000 do
        local name = "object " .. random(5000) .. "/" .. turn
        local object = {{ id = i, name = name, at = {{ x = random(100), y = random(100) }} }}
        objects[#objects + 1] = object
        index[name] = index[name] or {{}}
        table.insert(index[name], object)
    end
    table.sort(objects, function(a, b)
        return a.name < b.name or a.name == b.name and a.id < b.id
    end)
    local parts = {{}}
    for name, list in pairs(index) do
        parts[#parts + 1] = name:upper() .. #list
    end
    table.sort(parts)
    local text = table.concat(parts, ";")
    text = text:gsub("OBJECT", function(word) return word:lower():rep(2) end)
    checksum = (checksum * 31 + #text + objects[random(8000) + 1].id) % 1000000007
    local functions = {{}}
    for i = 1, 2000 do
        functions[i] = function(x) return x + i end
    end
    checksum = checksum + functions[random(2000) + 1](turn)
end
print(checksum)
"""


def z3_problem(scale, rng):
    """Linear arithmetic with functions over the integers: many terms, many small objects."""
    variables = 12 + 2 * scale
    lines = ["(set-logic QF_UFLIA)", "(declare-fun f (Int) Int)"]
    lines += [f"(declare-const x{i} Int)" for i in range(variables)]
    lines += [f"(assert (and (<= 0 x{i}) (< x{i} {variables})))" for i in range(variables)]
    for i in range(variables):
        for j in range(i + 1, variables):
            lines.append(f"(assert (not (= x{i} x{j})))")
    for _ in range(variables):
        a, b, c = rng.sample(range(variables), 3)
        lines.append(f"(assert (or (< (+ x{a} x{b}) (* 2 x{c})) (= (f x{a}) (f (+ x{b} 1)))))")
        lines.append(f"(assert (=> (> x{a} x{b}) (not (= (f x{c}) (f x{b})))))")
    return "\n".join(lines + ["(check-sat)", ""])


def postscript_pages(scale, rng):
    parts = ["%!PS-Adobe-3.0\n/Times-Roman findfont 9 scalefont setfont\n"]
    for page in range(20 * scale):
        for _ in range(300):
            x, y = rng.randrange(600), rng.randrange(800)
            curve = " ".join(str(rng.randrange(600)) for _ in range(6))
            parts.append(f"newpath {x} {y} moveto {curve} curveto {rng.random():.3f} setgray ")
            parts.append(rng.choice(("stroke\n", "closepath fill\n", "closepath eofill\n")))
        for line in range(60):
            words = " ".join(f"word{rng.randrange(10000)}" for _ in range(12))
            parts.append(f"0 setgray 20 {20 + line * 12} moveto ({words}) show\n")
        parts.append("1 1 2000 { dup 20 string cvs pop [ exch dup ] pop } for\n")
        parts.append(f"% page {page}\nshowpage\n")
    return "".join(parts)


def git_history(scale, rng):
    """A stream for git fast-import: files that change line by line over many commits."""
    files = {f"dir{i % 12}/file{i}.txt": [f"line {rng.randrange(10**6)}" for _ in range(120)]
             for i in range(60)}
    out = []
    for commit in range(200 * scale):
        changed = rng.sample(sorted(files), 8) if commit else sorted(files)
        out.append("commit refs/heads/main\n"
                   f"committer A Writer <writer@example.org> {1000000000 + commit * 3600} +0000\n")
        message = f"change number {commit}\n"
        out.append(f"data {len(message)}\n{message}")
        for name in changed:
            lines = files[name]
            for _ in range(6):
                lines[rng.randrange(len(lines))] = f"line {rng.randrange(10**6)} of {commit}"
            lines.insert(rng.randrange(len(lines)), f"new in {commit}")
            text = "\n".join(lines) + "\n"
            out.append(f"M 100644 inline {name}\ndata {len(text)}\n{text}")
        out.append("\n")
    return "".join(out).encode()


def perl_script(scale, _rng):
    return f"""
use strict; use warnings;
my $state = 1;
sub rnd {{
    $state = ($state * 1103515245 + 12345) % 2147483648;
    return int($state / 65536) % $_[0];
}}
my $sum = 0;
for my $turn (1 .. {3 * scale}) {{
    my (%count, @records);
    for my $i (1 .. 6000) {{
        my $word = "word" . rnd(4000);
        $count{{$word}}++;
        push @records, {{ id => $i, word => $word, list => [map {{ rnd(100) }} 1 .. rnd(6)] }};
    }}
    my @sorted = sort {{ $a->{{word}} cmp $b->{{word}} || $a->{{id}} <=> $b->{{id}} }} @records;
    my $text = join ' ', map {{ $_->{{word}} . ':' . join(',', @{{$_->{{list}}}}) }} @sorted;
    $text =~ s/word(\\d+)/"W" . ($1 * 2)/ge;
    my %seen;
    $seen{{$_}} .= "x$_" for split /[ :,]/, $text;
    $sum = ($sum * 31 + length($text) + keys(%seen) + keys(%count)) % 1000000007;
}}
print "$sum\\n";
"""
