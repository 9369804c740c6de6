-- Queries whose answers depend on nothing but themselves; they leave nothing behind.
BEGIN;
CREATE TEMP TABLE item AS
    SELECT i, (i * 7919) % 10007 AS a, md5(i::text) AS digest, repeat(chr(97 + i % 26), i % 200) AS text
    FROM generate_series(1, 60000) AS i;
CREATE INDEX ON item (a, digest);
CREATE INDEX ON item USING hash (digest);
ANALYZE item;
SELECT count(*), sum(length(text)), md5(string_agg(digest, '' ORDER BY a, i)) FROM item;
SELECT a % 100 AS bucket, count(DISTINCT digest), max(text), array_agg(i ORDER BY i DESC) FILTER (WHERE i < 900)
    FROM item GROUP BY bucket ORDER BY bucket;
SELECT md5(string_agg(x.digest || y.digest, '' ORDER BY x.i, y.i))
    FROM item AS x JOIN item AS y ON x.a = y.a AND x.i < y.i AND y.i % 7 = 0;
SELECT bucket, rank, i FROM (
    SELECT a % 50 AS bucket, i, rank() OVER (PARTITION BY a % 50 ORDER BY digest) AS rank FROM item) AS r
    WHERE rank <= 3 ORDER BY bucket, rank;
SELECT a % 5, a % 3, count(*) FROM item GROUP BY CUBE (a % 5, a % 3) ORDER BY 1, 2;
SELECT md5(jsonb_agg(jsonb_build_object('i', i, 'list', jsonb_build_array(a, text), 'd', digest) ORDER BY i)::text)
    FROM item WHERE i % 3 = 0;
SELECT count(*) FROM item, jsonb_path_query(jsonb_build_object('v', text), '$.v ? (@ starts with "aaaa")');
SELECT md5(string_agg(regexp_replace(digest, '([a-f]+)([0-9])', '\2<\1>', 'g'), ',' ORDER BY i)) FROM item;
SELECT md5(string_agg(word, ' ' ORDER BY word)) FROM (
    SELECT DISTINCT unnest(string_to_array(regexp_replace(digest, '[0-9]', ' ', 'g'), ' ')) AS word FROM item) AS w;
SELECT count(*) FROM item WHERE to_tsvector('english', text || ' runs ' || digest) @@ to_tsquery('english', 'run & !walk');
WITH RECURSIVE tree (node, path) AS (
    SELECT 1, ARRAY[1]
    UNION ALL
    SELECT child, path || child FROM tree, LATERAL (VALUES (node * 2), (node * 2 + 1)) AS c (child) WHERE child < 8000)
    SELECT md5(string_agg(path::text, ';' ORDER BY path)) FROM tree;
DO $$
DECLARE
    total numeric := 0;
    words text[] := '{}';
BEGIN
    FOR k IN 1..4000 LOOP
        words := words || (k || ' of these')::text;
        total := total + (k::numeric ^ 20) / (k + 1);
        BEGIN
            IF k % 40 = 0 THEN RAISE EXCEPTION 'number %', k; END IF;
        EXCEPTION WHEN raise_exception THEN total := total - 1;
        END;
    END LOOP;
    CREATE TEMP TABLE result AS SELECT total AS total, md5(words::text) AS words;
END $$;
SELECT * FROM result;
SELECT 2::numeric ^ 3000 % 1000000007, sqrt(2::numeric(500, 400)), factorial(300) % 1000000009;
ROLLBACK;
