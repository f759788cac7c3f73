"""A PostgreSQL database with a million jobs, made inside of the server in seconds."""

import psycopg
from pilothouse_common.store.records import Records
from pilothouse_common.store.records.models import Allocation, Job, table_of

JOBS = 1_000_000
USERS = 300
NODES = 500
SECONDS_APART = 30
FIRST_TIME = 1_750_000_000
"""Unix seconds of the first job; one more begins every SECONDS_APART."""

_JOBS = f"""
INSERT INTO jobs (
    cluster, job_id, ordinal, listed_time, listed_end_time, state, submit_time, start_time, end_time,
    exit_code, restart_count, name, name_key, "user", uid, account, partition, num_nodes, cpus
)
SELECT
    cluster, i, 0, began, coalesce(ended, '9999-12-31Z'), state, began - interval '60 s',
    began, ended, 0, 0, name, name, 'user' || person, person, 'account' || person % 40,
    'partition' || i % 5, 1 + i % 2, 8
FROM (
    SELECT
        i,
        CASE WHEN i % 10 = 0 THEN 'small' ELSE 'big' END AS cluster,
        to_timestamp({FIRST_TIME} + i * {SECONDS_APART}) AS began,
        CASE WHEN i <= {JOBS} - 5000
             THEN to_timestamp({FIRST_TIME} + i * {SECONDS_APART} + hashint4(i) % 40000 + 40000)
             END AS ended,
        CASE WHEN i > {JOBS} - 5000 THEN 'RUNNING' WHEN i % 20 = 3 THEN 'FAILED' ELSE 'COMPLETED'
             END AS state,
        (array['relax', 'md', 'train', 'cfd'])[1 + i % 4] || '-' || abs(hashint4(i)) % 150 AS name,
        floor(power(abs(hashint4(i * 7)) / 2147483648.0, 2) * {USERS})::int AS person
    FROM generate_series(1, {JOBS}) AS i
) AS made
"""
_ALLOCATIONS = f"""
INSERT INTO allocations (
    job_pk, cluster, hostname, restart, listed_time, start_time, end_time, gpu_ids, listed
)
SELECT
    id, cluster, 'n' || abs(hashint4(job_id::int * 2 + part)) % {NODES}, 0, listed_time, start_time,
    end_time, '[]', true
FROM jobs, generate_series(0, 1) AS part WHERE part < num_nodes
"""


def fill(url: str) -> None:
    """Make the tables of an empty database and fill them, indexes last."""
    records = Records(url)
    records.migrate()
    tables = (table_of(Job), table_of(Allocation))
    indexes = [index for table in tables for index in sorted(table.indexes, key=str)]
    with records.engine.begin() as connection:
        for index in indexes:
            index.drop(connection)
    with psycopg.connect(url) as server:
        server.execute(_JOBS.encode())
        server.execute(_ALLOCATIONS.encode())
    with records.engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '256MB'")
        for index in indexes:
            index.create(connection)
    records.close()
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("VACUUM (ANALYZE) jobs, allocations")
