-- A scripted workload for the sqlite3 shell. Nothing in it depends on time or chance.
PRAGMA journal_mode = memory;
PRAGMA synchronous = off;
PRAGMA foreign_keys = on;

CREATE TABLE customer (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    region TEXT NOT NULL,
    notes TEXT
);
CREATE TABLE purchase (
    id INTEGER PRIMARY KEY,
    customer INTEGER NOT NULL REFERENCES customer (id),
    day INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    payload BLOB
);
CREATE TABLE audit (purchase INTEGER, before INTEGER, after INTEGER);
CREATE TRIGGER purchase_changed AFTER UPDATE OF amount ON purchase BEGIN
    INSERT INTO audit VALUES (old.id, old.amount, new.amount);
END;

BEGIN;
INSERT INTO customer
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
    SELECT i, printf('customer %05d', i * 7919 % 20011), 'region ' || (i * 31 % 17),
        CASE WHEN i % 3 = 0 THEN replace(printf('%.*c', i % 400, 'n'), 'n', 'note ') END
    FROM n;
INSERT INTO purchase
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
    SELECT i, 1 + i * 7919 % 20000, i * 13 % 365, i * 104729 % 9973,
        CASE i % 50 WHEN 0 THEN zeroblob(i % 3000) WHEN 1 THEN CAST(hex(i * 65537) AS BLOB) END
    FROM n;
COMMIT;

CREATE INDEX purchase_customer ON purchase (customer, day);
CREATE INDEX purchase_day ON purchase (day, amount DESC);
CREATE INDEX customer_name ON customer (name COLLATE nocase);
CREATE INDEX purchase_bucket ON purchase (amount / 100) WHERE amount > 5000;
ANALYZE;

SELECT region, count(*), sum(amount), max(amount), min(day)
    FROM customer JOIN purchase ON purchase.customer = customer.id
    GROUP BY region ORDER BY region;
SELECT customer.name, count(*) AS n, sum(amount) AS total, group_concat(day, ' ')
    FROM customer JOIN purchase ON purchase.customer = customer.id
    GROUP BY customer.id ORDER BY total DESC, customer.name LIMIT 50;
SELECT day, amount, rank() OVER (PARTITION BY day ORDER BY amount DESC, id) AS place,
        sum(amount) OVER (PARTITION BY day ORDER BY id ROWS 10 PRECEDING) AS moving
    FROM purchase WHERE day IN (7, 77, 177) ORDER BY day, place LIMIT 300;
SELECT count(DISTINCT payload), sum(length(payload)), count(DISTINCT customer) FROM purchase;
WITH RECURSIVE
    x (v) AS (VALUES (-2.0) UNION ALL SELECT v + 0.05 FROM x WHERE v < 1.2),
    y (v) AS (VALUES (-1.0) UNION ALL SELECT v + 0.1 FROM y WHERE v < 1.0),
    m (steps, cx, cy, a, b) AS (
        SELECT 0, x.v, y.v, 0.0, 0.0 FROM x, y
        UNION ALL
        SELECT steps + 1, cx, cy, a * a - b * b + cx, 2.0 * a * b + cy FROM m
            WHERE a * a + b * b < 4.0 AND steps < 28),
    rows (cy, line) AS (
        SELECT cy, group_concat(substr(' .+*#', 1 + min(steps / 7, 4), 1), '')
            FROM (SELECT cx, cy, max(steps) AS steps FROM m GROUP BY cx, cy ORDER BY cy, cx)
            GROUP BY cy)
    SELECT group_concat(rtrim(line), x'0a') FROM rows;

-- Changes of everything, kept and rolled back.
BEGIN;
UPDATE purchase SET amount = amount + 17 WHERE id % 11 = 0;
UPDATE customer SET notes = upper(notes) || hex(notes) WHERE id % 9 = 0;
DELETE FROM purchase WHERE day % 10 = 3;
SAVEPOINT inner_change;
UPDATE purchase SET payload = zeroblob(2000) WHERE id % 100 = 1;
DELETE FROM audit;
ROLLBACK TO inner_change;
COMMIT;
SELECT count(*), sum(after - before), sum(purchase) FROM audit;
SELECT count(*), sum(length(notes)), count(DISTINCT notes) FROM customer;

-- Full text, JSON and R-tree.
CREATE VIRTUAL TABLE words USING fts5 (body, tokenize = 'porter');
INSERT INTO words
    SELECT 'the ' || name || ' of ' || region || ' bought ' || (id * 37 % 1009) || ' things ' ||
        coalesce(substr(notes, 1, 60), 'without a word') FROM customer;
SELECT count(*) FROM words WHERE words MATCH 'thing AND note*';
SELECT snippet(words, 0, '[', ']', '...', 6) FROM words WHERE words MATCH '"bought 500"'
    ORDER BY rowid LIMIT 10;
INSERT INTO words (words) VALUES ('optimize');
SELECT count(*), sum(json_extract(doc, '$.list[1]')), max(json_extract(doc, '$.in.name')) FROM (
    SELECT json_object('id', id, 'list', json_array(day, amount, id), 'in',
        json_object('name', 'n' || customer)) AS doc FROM purchase WHERE id % 4 = 0);
SELECT json_group_array(json_object('region', region, 'customers', n)) FROM (
    SELECT region, count(*) AS n FROM customer GROUP BY region ORDER BY region);
CREATE VIRTUAL TABLE boxes USING rtree (id, x0, x1, y0, y1);
INSERT INTO boxes SELECT id, day, day + 3, amount, amount + 9 FROM purchase WHERE id % 8 = 0;
SELECT count(*), sum(id) FROM boxes WHERE x0 > 100 AND x1 < 200 AND y0 > 3000 AND y1 < 6000;

-- Many statements of their own, so that the parser and the planner work too.
.output generated.sql
SELECT printf('SELECT %d, count(*), total(amount) FROM purchase WHERE customer = %d AND day > %d '
        || 'AND id NOT IN (SELECT purchase FROM audit WHERE after BETWEEN %d AND %d);',
        i, i * 97 % 20000, i % 200, i, i + 50)
    FROM (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
          SELECT i FROM n);
.output
.read generated.sql

DROP INDEX purchase_bucket;
ALTER TABLE customer ADD COLUMN grade TEXT DEFAULT 'new';
UPDATE customer SET grade = (
    SELECT CASE WHEN sum(amount) > 50000 THEN 'gold' ELSE 'plain' END
        FROM purchase WHERE purchase.customer = customer.id);
SELECT grade, count(*) FROM customer GROUP BY grade;
REINDEX;
VACUUM;
PRAGMA integrity_check;
PRAGMA foreign_key_check;
