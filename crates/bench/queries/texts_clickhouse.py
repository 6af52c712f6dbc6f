"""The questions in ClickHouse's SQL, over three schemas.

`json`      PostHog's table, properties read from the JSON text
`mat`       the same table, the properties in question materialised as columns
`shredded`  a native table: a typed column per property, LowCardinality text, persons and sessions as dense numbers, merges in a
            dictionary
"""

SCHEMAS = ["json", "mat", "shredded"]

MATERIALISED = {
    "mat_current_url": "$current_url",
    "mat_pathname": "$pathname",
    "mat_browser": "$browser",
    "mat_os": "$os",
    "mat_plan": "plan",
    "mat_country": "$geoip_country_code",
    "mat_session_id": "$session_id",
}

PREPARE_POSTHOG = [
    """CREATE TABLE events (
        uuid UUID, event String CODEC(ZSTD(1)), properties String CODEC(ZSTD(3)), timestamp DateTime64(6, 'UTC'), team_id Int64,
        distinct_id String CODEC(ZSTD(1)), person_id UUID, person_created_at DateTime64(3, 'UTC'), """
    + ", ".join(
        f"{column} String MATERIALIZED JSONExtractString(properties, '{name}') CODEC(ZSTD(1))" for column, name in MATERIALISED.items()
    )
    + """, mat_price Nullable(Float64) MATERIALIZED JSONExtract(properties, 'price', 'Nullable(Float64)') CODEC(ZSTD(1))
    ) ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(timestamp)
    ORDER BY (team_id, toDate(timestamp), event, cityHash64(distinct_id), cityHash64(uuid))""",
    """CREATE TABLE person_distinct_id_overrides (team_id Int64, distinct_id String, person_id UUID, is_deleted Int8, version Int64)
    ENGINE = ReplacingMergeTree(version) ORDER BY (team_id, distinct_id)""",
]

SHREDDED_COLUMNS = [
    ("uuid", "UUID"),
    ("event", "LowCardinality(String)"),
    ("timestamp", "DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))"),
    ("did", "UInt32 CODEC(ZSTD(1))"),
    ("person", "UInt32 CODEC(ZSTD(1))"),
    ("created", "DateTime64(3, 'UTC') CODEC(ZSTD(1))"),
    ("session", "UInt32 CODEC(ZSTD(1))"),
    ("url", "String CODEC(ZSTD(1))"),
    ("pathname", "LowCardinality(String) CODEC(ZSTD(1))"),
    ("host", "LowCardinality(String) CODEC(ZSTD(1))"),
    ("browser", "LowCardinality(String) CODEC(ZSTD(1))"),
    ("browser_version", "UInt16 CODEC(ZSTD(1))"),
    ("os", "LowCardinality(String) CODEC(ZSTD(1))"),
    ("os_version", "LowCardinality(String) CODEC(ZSTD(1))"),
    ("device_type", "LowCardinality(String) CODEC(ZSTD(1))"),
    ("screen_width", "UInt16 CODEC(ZSTD(1))"),
    ("screen_height", "UInt16 CODEC(ZSTD(1))"),
    ("viewport_width", "UInt16 CODEC(ZSTD(1))"),
    ("viewport_height", "UInt16 CODEC(ZSTD(1))"),
    ("referrer", "LowCardinality(String) CODEC(ZSTD(1))"),
    ("referring_domain", "LowCardinality(String) CODEC(ZSTD(1))"),
    ("lib", "LowCardinality(String) CODEC(ZSTD(1))"),
    ("lib_version", "LowCardinality(String) CODEC(ZSTD(1))"),
    ("country", "LowCardinality(String) CODEC(ZSTD(1))"),
    ("city", "LowCardinality(String) CODEC(ZSTD(1))"),
    ("ip", "String CODEC(ZSTD(1))"),
    ("utm_source", "LowCardinality(Nullable(String)) CODEC(ZSTD(1))"),
    ("utm_medium", "LowCardinality(Nullable(String)) CODEC(ZSTD(1))"),
    ("utm_campaign", "LowCardinality(Nullable(String)) CODEC(ZSTD(1))"),
    ("plan", "LowCardinality(String) CODEC(ZSTD(1))"),
    ("price", "Nullable(Float64) CODEC(ZSTD(1))"),
    ("is_trial", "Bool CODEC(ZSTD(1))"),
    ("insert_id", "String CODEC(ZSTD(1))"),
]

PREPARE_SHREDDED = [
    "CREATE TABLE shredded (team_id Int64 DEFAULT 1, "
    + ", ".join(f"{name} {kind}" for name, kind in SHREDDED_COLUMNS)
    + """) ENGINE = MergeTree PARTITION BY toYYYYMM(timestamp)
    ORDER BY (team_id, toDate(timestamp), event, cityHash64(did), cityHash64(uuid))""",
    "CREATE TABLE merges (distinct_id String, person_id UUID, did UInt64, person UInt32) ENGINE = MergeTree ORDER BY did",
    """CREATE DICTIONARY merged (did UInt64, person UInt32) PRIMARY KEY did
    SOURCE(CLICKHOUSE(QUERY 'SELECT did, person FROM default.merges')) LAYOUT(HASHED()) LIFETIME(0)""",
]

# What each table is filled from: (form of the generator, INSERT, statements afterwards).
LOADS_POSTHOG = [
    (
        "rows",
        "INSERT INTO events (uuid, event, properties, timestamp, team_id, distinct_id, person_id, person_created_at) FORMAT TSV",
        ["OPTIMIZE TABLE events FINAL"],
    ),
    (
        "overrides",
        """INSERT INTO person_distinct_id_overrides SELECT 1, distinct_id, person_id, 0, 1
        FROM input('distinct_id String, person_id UUID, did UInt64, person UInt32') FORMAT TSV""",
        ["OPTIMIZE TABLE person_distinct_id_overrides FINAL"],
    ),
]
LOADS_SHREDDED = [
    (
        "shredded",
        f"INSERT INTO shredded ({', '.join(name for name, _ in SHREDDED_COLUMNS)}) FORMAT TSV",
        ["OPTIMIZE TABLE shredded FINAL"],
    ),
    ("overrides", "INSERT INTO merges FORMAT TSV", ["SYSTEM RELOAD DICTIONARY merged"]),
]

OVERRIDES = """LEFT OUTER JOIN (
    SELECT argMax(o.person_id, o.version) AS person_id, o.distinct_id AS distinct_id FROM person_distinct_id_overrides AS o
    WHERE o.team_id = 1 GROUP BY o.distinct_id HAVING argMax(o.is_deleted, o.version) = 0
) AS overrides ON e.distinct_id = overrides.distinct_id"""


def names(schema: str) -> dict[str, str]:
    """How a schema calls what the questions are about."""
    if schema == "shredded":
        return {
            "table": "shredded AS e",
            "with_persons": "shredded AS e",
            "person": "dictGetOrDefault('merged', 'person', toUInt64(e.did), e.person)",
            "created": "e.created",
            "row": "e.uuid, e.event, e.did, e.timestamp, e.* EXCEPT (uuid, event, did, timestamp)",
            **{name: f"e.{name}" for name in ["browser", "os", "plan", "price", "country", "url"]},
        }
    by_column = {column.removeprefix("mat_"): (column, name) for column, name in MATERIALISED.items()}
    wanted = {"browser": "browser", "os": "os", "plan": "plan", "country": "country", "url": "current_url"}
    read = {
        ours: f"e.{by_column[theirs][0]}" if schema == "mat" else f"JSONExtractString(e.properties, '{by_column[theirs][1]}')"
        for ours, theirs in wanted.items()
    }
    return {
        "table": "events AS e",
        "with_persons": f"events AS e {OVERRIDES}",
        "person": "if(notEmpty(overrides.distinct_id), overrides.person_id, e.person_id)",
        "created": "e.person_created_at",
        "row": "e.uuid, e.event, e.distinct_id, e.timestamp, e.properties",
        "price": "e.mat_price" if schema == "mat" else "JSONExtract(e.properties, 'price', 'Nullable(Float64)')",
        **read,
    }


def queries(schema: str, facts: dict) -> dict[str, str]:
    n = names(schema)
    ninety = "e.team_id = 1 AND e.timestamp >= '2026-01-01' AND e.timestamp < '2026-04-01'"
    thirty = "e.team_id = 1 AND e.timestamp >= '2026-03-02' AND e.timestamp < '2026-04-01'"
    pages = f"{n['with_persons']} WHERE {thirty} AND e.event = '$pageview'"
    somebody = facts["somebody"]
    ids = ", ".join(map(str, somebody["distinct_id_numbers"])) if schema == "shredded" else str(somebody["distinct_ids"])[1:-1]
    return {
        "Q1": f"SELECT toDate(e.timestamp) AS day, count() FROM {n['table']} WHERE {thirty} AND e.event = '$pageview' GROUP BY day",
        "Q2": f"SELECT toDate(e.timestamp) AS day, count(DISTINCT {n['person']}) FROM {n['with_persons']} WHERE {ninety} GROUP BY day",
        "Q3": f"""SELECT toDate(e.timestamp) AS day, {n['browser']} AS browser, count() FROM {n['table']}
            WHERE {ninety} AND e.event = '$pageview' AND {n['plan']} = 'pro' GROUP BY day, browser""",
        "Q4": f"""SELECT {n['country']} AS country, quantile(0.9)({n['price']}) FROM {n['table']}
            WHERE {ninety} AND e.event = 'view_item' GROUP BY country""",
        "Q5": funnel(n, ninety, ["signup", "activated", "purchase"]),
        "Q6": funnel(n, ninety, ["$pageview", "signup", "activated", "checkout_started", "purchase"], n["os"]),
        "Q7": f"""SELECT cohort, intDiv(week - cohort, 7) AS later, count() FROM (
                SELECT cohort, arrayJoin(arrayDistinct(arrayPushFront(arrayFilter(w -> w > cohort, weeks), cohort))) AS week FROM (
                    SELECT {n['person']} AS person, countIf(e.event = 'signup') AS signups,
                        minIf(toStartOfWeek(e.timestamp, 0), e.event = 'signup') AS cohort,
                        groupUniqArrayIf(toStartOfWeek(e.timestamp, 0), e.event = '$pageview') AS weeks
                    FROM {n['with_persons']} WHERE {ninety} AND e.event IN ('signup', '$pageview') GROUP BY person HAVING signups > 0))
            GROUP BY cohort, later""",
        "Q8": f"""SELECT edge.1 AS source, edge.2 AS target, count() AS value, avg(edge.3) FROM (
                SELECT arrayJoin(arrayMap(
                    i -> (concat(toString(i), '_', s[i].2), concat(toString(i + 1), '_', s[i + 1].2), s[i + 1].1 - s[i].1),
                    range(1, length(s)))) AS edge
                FROM (SELECT arraySlice(arrayFilter((x, next) -> x.2 != next, session, arrayPushBack(arrayPopFront(session.2), '')), 1, 5)
                        AS s
                    FROM (SELECT arrayJoin(arraySplit((x, gap) -> gap >= 1800000, visits, arrayDifference(visits.1))) AS session
                        FROM (SELECT {n['person']} AS person, arraySort(groupArray((toUnixTimestamp64Milli(e.timestamp),
                                if(endsWith({n['url']}, '/'), substring({n['url']}, 1, length({n['url']}) - 1), {n['url']})))) AS visits
                            FROM {pages} GROUP BY person))))
            GROUP BY source, target ORDER BY value DESC, source, target LIMIT 50""",
        "Q9": f"""SELECT change.1 AS week, change.2 AS status, count() FROM (
                SELECT arrayJoin(arrayConcat(
                    arrayMap((w, i) -> (w, multiIf(i = 1, if(born = w, 'new', 'resurrecting'), weeks[i - 1] = w - 7, 'returning',
                        'resurrecting')), weeks, arrayEnumerate(weeks)),
                    arrayMap(w -> (w + 7, 'dormant'), arrayFilter((w, i) -> weeks[i + 1] != w + 7, weeks, arrayEnumerate(weeks))))) AS change
                FROM (SELECT {n['person']} AS person, toStartOfWeek(min({n['created']}), 0) AS born,
                        arraySort(groupUniqArray(toStartOfWeek(e.timestamp, 0))) AS weeks
                    FROM {n['with_persons']} WHERE {ninety} AND e.event = '$pageview' GROUP BY person))
            WHERE week < '2026-04-01' GROUP BY week, status""",
        "Q10": f"""SELECT {n['row']} FROM {n['table']} WHERE e.team_id = 1 AND {'e.did' if schema == 'shredded' else 'e.distinct_id'} IN ({ids})
            ORDER BY e.timestamp DESC LIMIT 100""",
        "Q11": f"""SELECT {n['url']} AS url, count() AS views, count(DISTINCT {n['person']}) FROM {pages}
            GROUP BY url ORDER BY views DESC, url LIMIT 20""",
        "Q12": f"""SELECT toDate(e.timestamp) AS day, count() FROM {n['table']}
            WHERE {ninety} AND e.event = '$pageview' AND {n['url']} ILIKE '%checkout%' GROUP BY day""",
    }


def funnel(n: dict[str, str], when: str, steps: list[str], breakdown: str | None = None) -> str:
    """How many persons reach each step within fourteen days of the first, by the value of their first event that has one."""
    conditions = ", ".join(f"e.event = '{step}'" for step in steps)
    level = f"windowFunnel(1209600000000)(toUInt64(toUnixTimestamp64Micro(toDateTime64(e.timestamp, 6, 'UTC'))), {conditions})"
    value = f", argMinIf({breakdown}, e.timestamp, {breakdown} != '') AS value" if breakdown else ", '' AS value"
    reached = ", ".join(f"countIf(level >= {index + 1})" for index in range(len(steps)))
    named = ", ".join(f"'{step}'" for step in steps)
    return f"""SELECT value, {reached} FROM (
            SELECT {n['person']} AS person, {level} AS level {value} FROM {n['with_persons']}
            WHERE {when} AND e.event IN ({named}) GROUP BY person)
        WHERE level > 0 GROUP BY value"""
