-- +goose Up

-- Where a queue overflows was a number, and is a destination of any kind: {"number": "2003"}.
UPDATE entity SET body = CAST(json_set(CAST(body AS TEXT), '$.overflow.time', json_object('number', json_extract(CAST(body AS TEXT), '$.overflow.time'))) AS BLOB)
	WHERE kind = 'queue' AND json_type(CAST(body AS TEXT), '$.overflow.time') = 'text';
UPDATE entity SET body = CAST(json_set(CAST(body AS TEXT), '$.overflow.length', json_object('number', json_extract(CAST(body AS TEXT), '$.overflow.length'))) AS BLOB)
	WHERE kind = 'queue' AND json_type(CAST(body AS TEXT), '$.overflow.length') = 'text';
UPDATE entity SET body = CAST(json_set(CAST(body AS TEXT), '$.overflow.no_agents', json_object('number', json_extract(CAST(body AS TEXT), '$.overflow.no_agents'))) AS BLOB)
	WHERE kind = 'queue' AND json_type(CAST(body AS TEXT), '$.overflow.no_agents') = 'text';
UPDATE entity SET body = CAST(json_set(CAST(body AS TEXT), '$.overflow.closed', json_object('number', json_extract(CAST(body AS TEXT), '$.overflow.closed'))) AS BLOB)
	WHERE kind = 'queue' AND json_type(CAST(body AS TEXT), '$.overflow.closed') = 'text';

-- +goose Down

UPDATE entity SET body = CAST(json_set(CAST(body AS TEXT), '$.overflow.time', json_extract(CAST(body AS TEXT), '$.overflow.time.number')) AS BLOB)
	WHERE kind = 'queue' AND json_type(CAST(body AS TEXT), '$.overflow.time.number') = 'text';
UPDATE entity SET body = CAST(json_set(CAST(body AS TEXT), '$.overflow.length', json_extract(CAST(body AS TEXT), '$.overflow.length.number')) AS BLOB)
	WHERE kind = 'queue' AND json_type(CAST(body AS TEXT), '$.overflow.length.number') = 'text';
UPDATE entity SET body = CAST(json_set(CAST(body AS TEXT), '$.overflow.no_agents', json_extract(CAST(body AS TEXT), '$.overflow.no_agents.number')) AS BLOB)
	WHERE kind = 'queue' AND json_type(CAST(body AS TEXT), '$.overflow.no_agents.number') = 'text';
UPDATE entity SET body = CAST(json_set(CAST(body AS TEXT), '$.overflow.closed', json_extract(CAST(body AS TEXT), '$.overflow.closed.number')) AS BLOB)
	WHERE kind = 'queue' AND json_type(CAST(body AS TEXT), '$.overflow.closed.number') = 'text';
