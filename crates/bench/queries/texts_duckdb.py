"""The questions in DuckDB's SQL, over a native table with a typed column per property and dense numbers for ids."""

from texts_clickhouse import SHREDDED_COLUMNS

TYPES = {
    "uuid": "UUID",
    "timestamp": "TIMESTAMP",
    "created": "TIMESTAMP",
    "did": "UINTEGER",
    "person": "UINTEGER",
    "session": "UINTEGER",
    "browser_version": "USMALLINT",
    "screen_width": "USMALLINT",
    "screen_height": "USMALLINT",
    "viewport_width": "USMALLINT",
    "viewport_height": "USMALLINT",
    "price": "DOUBLE",
    "is_trial": "BOOLEAN",
}

PREPARE = [
    "CREATE TABLE events (" + ", ".join(f"{name} {TYPES.get(name, 'VARCHAR')}" for name, _ in SHREDDED_COLUMNS) + ")",
    "CREATE TABLE merges (distinct_id VARCHAR, person_id UUID, did UINTEGER, person UINTEGER)",
]

COPY = "COPY {table} FROM '{file}' (FORMAT csv, DELIMITER '\t', HEADER false, QUOTE '', ESCAPE '', NULL '\\N', AUTO_DETECT false)"

PERSON = "coalesce(m.person, e.person)"
WITH_PERSONS = "events e LEFT JOIN merges m ON e.did = m.did"
# Weeks begin on Sunday; DuckDB's own begin on Monday.
WEEK = "(date_trunc('week', e.timestamp + INTERVAL 1 DAY)::DATE - 1)"
NINETY = "e.timestamp >= TIMESTAMP '2026-01-01' AND e.timestamp < TIMESTAMP '2026-04-01'"
THIRTY = "e.timestamp >= TIMESTAMP '2026-03-02' AND e.timestamp < TIMESTAMP '2026-04-01'"
URL = "CASE WHEN ends_with(e.url, '/') THEN left(e.url, -1) ELSE e.url END"


def queries(facts: dict) -> dict[str, str]:
    ids = ", ".join(map(str, facts["somebody"]["distinct_id_numbers"]))
    return {
        "Q1": f"SELECT e.timestamp::DATE AS day, count(*) FROM events e WHERE {THIRTY} AND e.event = '$pageview' GROUP BY day",
        "Q2": f"SELECT e.timestamp::DATE AS day, count(DISTINCT {PERSON}) FROM {WITH_PERSONS} WHERE {NINETY} GROUP BY day",
        "Q3": f"""SELECT e.timestamp::DATE AS day, e.browser, count(*) FROM events e
            WHERE {NINETY} AND e.event = '$pageview' AND e.plan = 'pro' GROUP BY day, e.browser""",
        "Q4": f"""SELECT e.country, quantile_cont(e.price, 0.9) FROM events e WHERE {NINETY} AND e.event = 'view_item'
            GROUP BY e.country""",
        "Q5": funnel(["signup", "activated", "purchase"]),
        "Q6": funnel(["$pageview", "signup", "activated", "checkout_started", "purchase"], "e.os"),
        "Q7": f"""WITH did AS (
                SELECT {PERSON} AS person, e.event, {WEEK} AS week FROM {WITH_PERSONS}
                WHERE {NINETY} AND e.event IN ('signup', '$pageview')),
            cohorts AS (SELECT person, min(week) AS cohort FROM did WHERE event = 'signup' GROUP BY person),
            came AS (SELECT DISTINCT person, week FROM did WHERE event = '$pageview')
            SELECT cohort, 0 AS later, count(*) FROM cohorts GROUP BY cohort
            UNION ALL
            SELECT cohort, (week - cohort) // 7 AS later, count(*) FROM cohorts JOIN came USING (person) WHERE week > cohort
            GROUP BY cohort, later""",
        "Q8": f"""WITH visits AS (
                SELECT {PERSON} AS person, epoch_ms(e.timestamp) AS moment, {URL} AS item FROM {WITH_PERSONS}
                WHERE {THIRTY} AND e.event = '$pageview'),
            sessions AS (
                SELECT person, moment, item, sum(gap) OVER (PARTITION BY person ORDER BY moment) AS session FROM (
                    SELECT *, CASE WHEN moment - lag(moment) OVER (PARTITION BY person ORDER BY moment) >= 1800000 THEN 1 ELSE 0 END AS gap
                    FROM visits)),
            collapsed AS (
                SELECT * FROM sessions
                QUALIFY item IS DISTINCT FROM lead(item) OVER (PARTITION BY person, session ORDER BY moment)),
            steps AS (
                SELECT person, session, moment, item, row_number() OVER of_session AS step, lead(item) OVER of_session AS next_item,
                    lead(moment) OVER of_session AS next_moment
                FROM collapsed WINDOW of_session AS (PARTITION BY person, session ORDER BY moment))
            SELECT step || '_' || item AS source, (step + 1) || '_' || next_item AS target, count(*) AS value, avg(next_moment - moment)
            FROM steps WHERE step < 5 AND next_item IS NOT NULL
            GROUP BY source, target ORDER BY value DESC, source, target LIMIT 50""",
        "Q9": f"""WITH came AS (
                SELECT {PERSON} AS person, {WEEK} AS week, min(e.created) AS created FROM {WITH_PERSONS}
                WHERE {NINETY} AND e.event = '$pageview' GROUP BY ALL),
            weeks AS (
                SELECT week, lag(week) OVER of_person AS before, lead(week) OVER of_person AS after,
                    (date_trunc('week', min(created) OVER (PARTITION BY person) + INTERVAL 1 DAY)::DATE - 1) AS born
                FROM came WINDOW of_person AS (PARTITION BY person ORDER BY week))
            SELECT week, status, count(*) FROM (
                SELECT week, CASE WHEN before IS NULL THEN CASE WHEN born = week THEN 'new' ELSE 'resurrecting' END
                    WHEN before = week - 7 THEN 'returning' ELSE 'resurrecting' END AS status FROM weeks
                UNION ALL
                SELECT week + 7, 'dormant' FROM weeks WHERE after IS DISTINCT FROM week + 7)
            WHERE week < DATE '2026-04-01' GROUP BY week, status""",
        "Q10": f"""SELECT e.uuid, e.event, e.did, e.timestamp, e.* EXCLUDE (uuid, event, did, timestamp) FROM events e
            WHERE e.did IN ({ids}) ORDER BY e.timestamp DESC LIMIT 100""",
        "Q11": f"""SELECT e.url, count(*) AS views, count(DISTINCT {PERSON}) FROM {WITH_PERSONS}
            WHERE {THIRTY} AND e.event = '$pageview' GROUP BY e.url ORDER BY views DESC, e.url LIMIT 20""",
        "Q12": f"""SELECT e.timestamp::DATE AS day, count(*) FROM events e
            WHERE {NINETY} AND e.event = '$pageview' AND e.url ILIKE '%checkout%' GROUP BY day""",
    }


def funnel(steps: list[str], breakdown: str | None = None) -> str:
    """For each event the start of the latest chain that reaches it, step after step; DuckDB has no function for this."""
    window_us = 14 * 86_400_000_000
    over = "OVER (PARTITION BY person ORDER BY moment ROWS UNBOUNDED PRECEDING)"
    numbers = " ".join(f"WHEN '{step}' THEN {index + 1}" for index, step in enumerate(steps))
    named = ", ".join(f"'{step}'" for step in steps)
    chain = f"""SELECT {PERSON} AS person, epoch_us(e.timestamp) AS moment, CASE e.event {numbers} END AS step, {breakdown or "''"} AS value
        FROM {WITH_PERSONS} WHERE {NINETY} AND e.event IN ({named})"""
    chain = f"SELECT *, max(CASE WHEN step = 1 THEN moment END) {over} AS start_1 FROM ({chain})"
    for index in range(2, len(steps)):
        reaches = f"step = {index} AND moment - start_{index - 1} <= {window_us}"
        chain = f"SELECT *, max(CASE WHEN {reaches} THEN start_{index - 1} END) {over} AS start_{index} FROM ({chain})"
    levels = " ".join(f"WHEN step = {index} AND moment - start_{index - 1} <= {window_us} THEN {index}" for index in range(len(steps), 1, -1))
    reached = ", ".join(f"count(*) FILTER (level >= {index + 1})" for index in range(len(steps)))
    return f"""SELECT value, {reached} FROM (
            SELECT person, max(CASE {levels} WHEN step = 1 THEN 1 ELSE 0 END) AS level, arg_min(value, moment) AS value
            FROM ({chain}) GROUP BY person)
        WHERE level > 0 GROUP BY value"""
