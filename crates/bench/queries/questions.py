"""The twelve questions: what they are, how a user of PostHog sends them, and how an answer is brought into one form for all engines.

Brought into one form means: facts without presentation, so that equal answers are equal values. Zeros are left out, since some
engines list empty days and others do not.
"""

PAGEVIEW = {"kind": "EventsNode", "event": "$pageview", "name": "$pageview"}
NINETY = {"date_from": "2026-01-01", "date_to": "2026-03-31"}
THIRTY = {"date_from": "2026-03-02", "date_to": "2026-03-31"}

TITLES = {
    "Q1": "daily page views, 30 days",
    "Q2": "daily unique persons, 90 days",
    "Q3": "page views by browser, plan = pro",
    "Q4": "90th percentile of price by country",
    "Q5": "funnel of 3 steps, 14 days",
    "Q6": "funnel of 5 steps by os",
    "Q7": "weekly retention from signup",
    "Q8": "paths, 50 strongest edges",
    "Q9": "weekly lifecycle",
    "Q10": "a person's latest 100 events",
    "Q11": "top 20 URLs, views and persons",
    "Q12": "page views, URL contains checkout",
}

# ClickHouse samples here; everything else must be equal, up to the last digits of a mean.
RELATIVE_TOLERANCE = {"Q4": 0.05}
LAST_DIGITS = 1e-9


def nodes(person_id: str) -> dict[str, dict]:
    return {
        "Q1": {"kind": "TrendsQuery", "dateRange": THIRTY, "interval": "day", "series": [PAGEVIEW]},
        "Q2": {
            "kind": "TrendsQuery",
            "dateRange": NINETY,
            "interval": "day",
            "series": [{"kind": "EventsNode", "event": None, "name": "All events", "math": "dau"}],
        },
        "Q3": {
            "kind": "TrendsQuery",
            "dateRange": NINETY,
            "interval": "day",
            "series": [PAGEVIEW],
            "properties": [{"type": "event", "key": "plan", "operator": "exact", "value": ["pro"]}],
            "breakdownFilter": {"breakdown": "$browser", "breakdown_type": "event"},
        },
        "Q4": {
            "kind": "TrendsQuery",
            "dateRange": NINETY,
            "series": [{"kind": "EventsNode", "event": "view_item", "name": "view_item", "math": "p90", "math_property": "price"}],
            "trendsFilter": {"display": "ActionsBarValue"},
            "breakdownFilter": {"breakdown": "$geoip_country_code", "breakdown_type": "event", "breakdown_limit": 60},
        },
        "Q5": funnel(["signup", "activated", "purchase"]),
        "Q6": funnel(["$pageview", "signup", "activated", "checkout_started", "purchase"])
        | {"breakdownFilter": {"breakdown": "$os", "breakdown_type": "event"}},
        "Q7": {
            "kind": "RetentionQuery",
            "dateRange": NINETY,
            "retentionFilter": {
                "retentionType": "retention_first_time",
                "targetEntity": {"id": "signup", "name": "signup", "type": "events"},
                "returningEntity": {"id": "$pageview", "name": "$pageview", "type": "events"},
                "period": "Week",
                "totalIntervals": 14,
            },
        },
        "Q8": {"kind": "PathsQuery", "dateRange": THIRTY, "pathsFilter": {"includeEventTypes": ["$pageview"], "edgeLimit": 50, "stepLimit": 5}},
        "Q9": {"kind": "LifecycleQuery", "dateRange": NINETY, "interval": "week", "series": [PAGEVIEW]},
        "Q10": {
            "kind": "EventsQuery",
            "select": ["*"],
            "personId": person_id,
            "after": "all",
            "orderBy": ["timestamp DESC"],
            "limit": 100,
        },
        "Q11": {
            "kind": "HogQLQuery",
            "query": """select properties.$current_url as url, count() as views, count(distinct person_id) as persons from events
                where event = '$pageview' and timestamp >= '2026-03-02' and timestamp < '2026-04-01'
                group by url order by views desc, url limit 20""",
        },
        "Q12": {
            "kind": "TrendsQuery",
            "dateRange": NINETY,
            "interval": "day",
            "series": [PAGEVIEW],
            "properties": [{"type": "event", "key": "$current_url", "operator": "icontains", "value": "checkout"}],
        },
    }


def funnel(steps: list[str]) -> dict:
    return {
        "kind": "FunnelsQuery",
        "dateRange": NINETY,
        "series": [{"kind": "EventsNode", "event": step, "name": step} for step in steps],
        "funnelsFilter": {"funnelOrderType": "ordered", "funnelVizType": "steps", "funnelWindowInterval": 14, "funnelWindowIntervalUnit": "day"},
    }


def facts_of_rows(query: str, rows: list) -> dict:
    """Of an engine that answers SQL."""
    match query:
        case "Q1" | "Q2" | "Q12":
            return {str(day)[:10]: count for day, count in rows if count}
        case "Q3":
            return {f"{browser} {str(day)[:10]}": count for day, browser, count in rows if count}
        case "Q4":
            return {country: value for country, value in rows if value is not None}
        case "Q5" | "Q6":
            return {f"{value or 'all'} step {index + 1}": count for value, *counts in rows for index, count in enumerate(counts)}
        case "Q7":
            return {f"{str(cohort)[:10]} + {int(later)}": count for cohort, later, count in rows if count}
        case "Q8":
            return edges(rows)
        case "Q9":
            return {f"{str(week)[:10]} {status}": count for week, status, count in rows if count}
        case "Q10":
            return {str(index): str(row[0]) for index, row in enumerate(rows)}
        case "Q11":
            return {f"{index} {url}": f"{views} views, {persons} persons" for index, (url, views, persons) in enumerate(rows)}
    raise ValueError(query)


def facts_of_results(query: str, results: list) -> dict:
    """Of an engine that answers PostHog's query nodes."""
    match query:
        case "Q1" | "Q2" | "Q12":
            return {day[:10]: count for day, count in zip(results[0]["days"], results[0]["data"]) if count}
        case "Q3":
            days = [(item["breakdown_value"], day, count) for item in results for day, count in zip(item["days"], item["data"])]
            return {f"{text(value)} {day[:10]}": count for value, day, count in days if count}
        case "Q4":
            return {text(item["breakdown_value"]): item["aggregated_value"] for item in results if item["aggregated_value"] is not None}
        case "Q5":
            return {f"all step {index + 1}": step["count"] for index, step in enumerate(results)}
        case "Q6":
            steps = [(text(step["breakdown_value"]), index, step["count"]) for value in results for index, step in enumerate(value)]
            return {f"{value} step {index + 1}": count for value, index, count in steps}
        case "Q7":
            cells = [(row["date"][:10], later, cell["count"]) for row in results for later, cell in enumerate(row["values"])]
            return {f"{cohort} + {later}": count for cohort, later, count in cells if count}
        case "Q8":
            return edges([(edge["source"], edge["target"], edge["value"], edge["average_conversion_time"]) for edge in results])
        case "Q9":
            weeks = [(item["status"], day[:10], count) for item in results for day, count in zip(item["days"], item["data"])]
            return {f"{day} {status}": abs(count) for status, day, count in weeks if count}
        case "Q10":
            return {str(index): row[0]["uuid"] for index, row in enumerate(results)}
        case "Q11":
            return facts_of_rows(query, results)
    raise ValueError(query)


def text(value) -> str:
    """Breakdown values are text, or a list with one."""
    return value[0] if isinstance(value, list) else value


def edges(rows: list) -> dict:
    """PostHog drops edges that no path from a first step leads to among those kept; SQL does not, so it is done here for both."""
    kept, reached = [], set()
    for row in sorted(rows, key=lambda row: row[0].split("_", 1)[0]):
        if row[0].startswith("1_") or row[0] in reached:
            kept.append(row)
            reached.add(row[1])
    facts = {f"{source} -> {target}": value for source, target, value, _ in kept}
    return facts | {f"{source} -> {target}, mean ms": mean for source, target, _, mean in kept}


def differences(query: str, expected: dict, actual: dict) -> list[str]:
    """What is different, in words; nothing when the answers agree."""
    found = []
    for name in sorted(expected.keys() | actual.keys()):
        one, other = expected.get(name), actual.get(name)
        if not same(one, other, RELATIVE_TOLERANCE.get(query, LAST_DIGITS)):
            found.append(f"{name}: {one} against {other}")
    return found


def same(one, other, tolerance: float) -> bool:
    if one is None or other is None or isinstance(one, str) or isinstance(other, str):
        return one == other
    return abs(float(one) - float(other)) <= tolerance * abs(float(one))
