"""The official Python client against the real server. Every test asks the server what arrived."""

import contextlib
import datetime
import unittest
import uuid

import posthog

import hoglet
from hoglet import arrived, events_of, eventually, group_of, one_person, person_of, unique


@contextlib.contextmanager
def client(**options):
    """A client of its own; what it captured has been sent when the block ends. A failed upload fails the test."""
    failures = []
    made = posthog.Posthog(
        hoglet.TOKEN,
        host=hoglet.URL,
        flush_interval=0.05,
        on_error=lambda error, batch: failures.append(error),
        **options,
    )
    yield made
    made.shutdown()
    if failures:
        raise AssertionError(f"the client could not deliver: {failures}")


class PosthogPython(unittest.TestCase):
    def only(self, events, name):
        found = [event for event in events if event["event"] == name]
        self.assertEqual(len(found), 1, [event["event"] for event in events])
        return found[0]

    def test_event_arrives_with_its_properties_id_and_time(self):
        user, event_id = unique("user"), str(uuid.uuid4())
        at = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
        with client() as ph:
            ph.capture("invoice paid", distinct_id=user, uuid=event_id, timestamp=at, properties={"total": 99.5, "paid": True, "lines": [{"sku": "ä"}]})
        event = self.only(arrived(user, "invoice paid"), "invoice paid")
        self.assertEqual(event["uuid"], event_id)
        self.assertEqual(event["properties"]["total"], 99.5)
        self.assertIs(event["properties"]["paid"], True)
        self.assertEqual(event["properties"]["lines"], [{"sku": "ä"}])
        self.assertEqual(event["properties"]["$lib"], "posthog-python")
        self.assertTrue(event["timestamp"].startswith("2026-01-02T03:04:05"), event["timestamp"])

    def test_every_event_of_many_batches_arrives_once(self):
        user = unique("user")
        with client() as ph:
            for number in range(500):
                ph.capture("tick", distinct_id=user, properties={"number": number})
        events = eventually("500 events", lambda: events_of(user), lambda events: len(events) >= 500)
        self.assertEqual(sorted(event["properties"]["number"] for event in events), list(range(500)))

    def test_set_and_set_once_and_alias_make_one_person(self):
        user, alias = unique("user"), unique("alias")
        with client() as ph:
            ph.set(distinct_id=user, properties={"email": "a@example.com", "plan": "free"})
            ph.set(distinct_id=user, properties={"plan": "pro"})
            ph.set_once(distinct_id=user, properties={"source": "ad"})
            ph.set_once(distinct_id=user, properties={"source": "other"})
            ph.alias(previous_id=user, distinct_id=alias)
            ph.capture("as alias", distinct_id=alias)
        event = self.only(arrived(alias, "as alias"), "as alias")
        person = one_person(user, alias)
        self.assertEqual(event["person_id"], person["uuid"])
        self.assertEqual(
            {name: person["properties"].get(name) for name in ("email", "plan", "source")},
            {"email": "a@example.com", "plan": "pro", "source": "ad"},
        )

    def test_groups_are_made_and_events_belong_to_them(self):
        user, company = unique("user"), unique("company")
        with client() as ph:
            ph.group_identify("company", company, {"name": "Acme", "seats": 5})
            ph.capture("grouped", distinct_id=user, groups={"company": company})
        event = self.only(arrived(user, "grouped"), "grouped")
        group = group_of(company)
        self.assertEqual(group["properties"], {"name": "Acme", "seats": 5})
        self.assertEqual(event["properties"][f"$group_{group['index']}"], company)

    def test_event_without_a_person_leaves_no_profile(self):
        with client() as ph:
            event_id = ph.capture("seen", properties={"$process_person_profile": False})
        rows = eventually("the event", lambda: hoglet.query(f"SELECT distinct_id FROM events WHERE uuid = '{event_id}'"), bool)
        self.assertIsNone(person_of(rows[0]["distinct_id"]))

    def test_exception_arrives_as_an_event(self):
        user = unique("user")
        with client() as ph:
            try:
                raise ValueError("no such thing")
            except ValueError as error:
                ph.capture_exception(error, distinct_id=user)
        event = self.only(arrived(user, "$exception"), "$exception")
        self.assertEqual(event["properties"]["$exception_list"][0]["value"], "no such thing")

    def test_compressed_and_historical_batches_are_accepted(self):
        user = unique("user")
        at = datetime.datetime(2020, 5, 6, tzinfo=datetime.timezone.utc)
        with client(gzip=True, historical_migration=True) as ph:
            ph.capture("long ago", distinct_id=user, timestamp=at, properties={"text": "word " * 1000})
        event = self.only(arrived(user, "long ago"), "long ago")
        self.assertEqual(len(event["properties"]["text"]), 5000)
        self.assertTrue(event["timestamp"].startswith("2020-05-06"), event["timestamp"])

    def test_newer_wire_protocol_delivers_in_every_encoding(self):
        for compression in ("none", "gzip", "deflate"):
            with self.subTest(compression=compression):
                user, visitor, event_id = unique("user"), unique("visitor"), str(uuid.uuid4())
                at = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
                with client(capture_mode="v1", capture_compression=compression) as ph:
                    ph.capture("invoice paid", distinct_id=user, uuid=event_id, timestamp=at, properties={"total": 99.5})
                    ph.set(distinct_id=user, properties={"plan": "pro"})
                    ph.alias(previous_id=user, distinct_id=visitor)
                    for number in range(100):
                        ph.capture("tick", distinct_id=user, properties={"number": number})
                event = self.only(arrived(user, "invoice paid"), "invoice paid")
                self.assertEqual((event["uuid"], event["properties"]["total"]), (event_id, 99.5))
                self.assertTrue(event["timestamp"].startswith("2026-01-02T03:04:05"), event["timestamp"])
                self.assertEqual(one_person(user, visitor)["properties"]["plan"], "pro")
                ticks = eventually("100 events", lambda: [e for e in events_of(user) if e["event"] == "tick"], lambda found: len(found) >= 100)
                self.assertEqual(sorted(tick["properties"]["number"] for tick in ticks), list(range(100)))

    def test_ai_event_arrives_from_its_own_endpoint(self):
        user = unique("user")
        with client() as ph:
            ph.capture_ai("$ai_generation", distinct_id=user, properties={"$ai_model": "m", "$ai_input_tokens": 12, "$ai_trace_id": "t1"})
        event = self.only(arrived(user, "$ai_generation"), "$ai_generation")
        self.assertEqual(event["properties"]["$ai_input_tokens"], 12)

    def test_synchronous_client_delivers_before_it_returns(self):
        user = unique("user")
        with client(sync_mode=True) as ph:
            ph.capture("at once", distinct_id=user)
            self.only(arrived(user, "at once"), "at once")


if __name__ == "__main__":
    unittest.main()
