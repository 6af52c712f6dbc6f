"""The running server as tests see it: what arrived, asked through its own query API."""

import json
import os
import time
import urllib.request
import uuid

URL = os.environ["HOGLET_URL"]
TOKEN = os.environ["HOGLET_PROJECT_TOKEN"]
KEY = os.environ["HOGLET_PERSONAL_API_KEY"]

PATIENCE_SECONDS = 30


def unique(name):
    """A name that no other test of this run uses."""
    return f"{name}-{uuid.uuid4().hex[:8]}"


def api(path, body=None, method=None):
    request = urllib.request.Request(
        URL + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def make(what, body):
    """Makes something below the project; answers it as the API shows it."""
    return api(f"/api/projects/@current/{what}/", body)


def change(what, item, body):
    return api(f"/api/projects/@current/{what}/{item}/", body, method="PATCH")


EVERYONE = {"groups": [{"properties": [], "rollout_percentage": 100}]}

# Gives everyone the variant "test", with a payload.
ALL_TEST = {
    **EVERYONE,
    "multivariate": {"variants": [{"key": "control", "rollout_percentage": 0}, {"key": "test", "rollout_percentage": 100}]},
    "payloads": {"test": json.dumps({"colour": "green", "steps": [1, 2]})},
}


def whose(key, value):
    """Conditions that hold for persons with one value of one property."""
    return {"groups": [{"properties": [{"key": key, "value": [value], "operator": "exact", "type": "person"}], "rollout_percentage": 100}]}


def served(distinct_id):
    """What the server answers about somebody's flags now."""
    return api("/flags/?v=2", {"token": TOKEN, "distinct_id": distinct_id})["flags"]


def make_flag(filters=EVERYONE, **more):
    """Makes a flag under a key of its own and waits until it is served; answers the key."""
    flag = make("feature_flags", {"key": unique("flag"), "filters": filters, "active": True, **more})
    eventually(f"the flag {flag['key']}", lambda: served(unique("nobody")), lambda flags: flag["key"] in flags)
    return flag["key"]


def query(hogql):
    """Rows of a HogQL query as dictionaries by column name."""
    reply = api("/api/projects/@current/query", {"query": {"kind": "HogQLQuery", "query": hogql}})
    return [dict(zip(reply["columns"], row)) for row in reply["results"]]


def eventually(what, ask, enough):
    """Asks again until the answer is enough: clients send in the background."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = ask()
        if enough(answer):
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not arrive; last seen: {answer}")
        time.sleep(0.15)


def parsed(value):
    return json.loads(value) if isinstance(value, str) else value


def events_of(distinct_id):
    """Events of one distinct id, oldest first, with their properties."""
    rows = query(
        "SELECT uuid, event, toString(person_id) AS person_id, properties, timestamp FROM events "
        f"WHERE distinct_id = '{distinct_id}' ORDER BY timestamp, uuid LIMIT 1000"
    )
    return [{**row, "properties": parsed(row["properties"])} for row in rows]


def arrived(distinct_id, *names):
    """Waits for events with these names and returns all events of the distinct id."""

    def complete(events):
        return set(names) <= {event["event"] for event in events}

    return eventually(f"{names} of {distinct_id}", lambda: events_of(distinct_id), complete)


def person_of(distinct_id):
    """The person that a distinct id belongs to, with all its ids; None while there is none."""
    owner = query(f"SELECT toString(person_id) AS uuid FROM person_distinct_ids WHERE distinct_id = '{distinct_id}'")
    if not owner:
        return None
    uuid = owner[0]["uuid"]
    person = query(f"SELECT properties FROM persons WHERE id = '{uuid}'")
    if not person:
        return None
    ids = query(f"SELECT distinct_id FROM person_distinct_ids WHERE person_id = '{uuid}'")
    return {"uuid": uuid, "properties": parsed(person[0]["properties"]), "distinct_ids": [row["distinct_id"] for row in ids]}


def one_person(*distinct_ids):
    """Waits until the distinct ids are one person, and returns it."""

    def same(person):
        return person is not None and set(distinct_ids) <= set(person["distinct_ids"])

    return eventually(f"one person with {distinct_ids}", lambda: person_of(distinct_ids[0]), same)


def group_of(group_key):
    """A group by its key; waits for it."""

    def ask():
        return query(f"SELECT index, key, properties FROM groups WHERE key = '{group_key}'")

    (group,) = eventually(f"group {group_key}", ask, lambda rows: len(rows) == 1)
    return {**group, "properties": parsed(group["properties"])}
