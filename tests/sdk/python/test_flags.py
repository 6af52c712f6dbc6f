"""Feature flags of the official Python client, asked of the real server and decided in the client."""

import contextlib
import json
import unittest

import posthog

import hoglet
from hoglet import ALL_TEST, arrived, eventually, make_flag, unique, whose

PAYLOAD = {"colour": "green", "steps": [1, 2]}


@contextlib.contextmanager
def client(**options):
    made = posthog.Posthog(hoglet.TOKEN, host=hoglet.URL, flush_interval=0.05, **options)
    yield made
    made.shutdown()


@contextlib.contextmanager
def local_client():
    with client(personal_api_key=hoglet.KEY) as ph:
        ph.load_feature_flags()
        yield ph


class Flags(unittest.TestCase):
    def test_server_answers_variants_and_payloads_and_asking_is_captured(self):
        user, flag = unique("user"), make_flag(ALL_TEST)
        with client() as ph:
            self.assertEqual(ph.get_feature_flag(flag, user), "test")
            self.assertIs(ph.feature_enabled(flag, user), True)
            self.assertEqual(ph.get_feature_flag_payload(flag, user), PAYLOAD)
            answered = ph.get_all_flags_and_payloads(user)
            self.assertEqual(answered["featureFlags"][flag], "test")
            self.assertEqual(json.loads(answered["featureFlagPayloads"][flag]), PAYLOAD)
            self.assertFalse(ph.feature_enabled(unique("nothing"), user))
        called = [event["properties"] for event in arrived(user, "$feature_flag_called")]
        (asked,) = [properties for properties in called if properties["$feature_flag"] == flag]
        self.assertEqual(asked["$feature_flag_response"], "test")

    def test_one_evaluation_has_values_of_their_types_with_reasons(self):
        user, on, variant = unique("user"), make_flag(), make_flag(ALL_TEST)
        off = make_flag(whose("plan", unique("plan")))
        with client() as ph:
            flags = ph.evaluate_flags(user)
            self.assertIs(flags.get_flag(on), True)
            self.assertIs(flags.get_flag(off), False)
            self.assertEqual(flags.get_flag(variant), "test")
            self.assertEqual(flags.get_flag_payload(variant), PAYLOAD)
            self.assertTrue({on, off, variant} <= set(flags.keys))
            self.assertEqual({key for key in flags.unresolved_flags if key in (on, off, variant)}, set())

    def test_given_properties_decide_and_stored_ones_without_them(self):
        user, plan = unique("user"), unique("plan")
        flag = make_flag(whose("plan", plan))
        with client() as ph:
            self.assertIs(ph.feature_enabled(flag, user), False)
            self.assertIs(ph.feature_enabled(flag, user, person_properties={"plan": plan}), True)
            ph.set(distinct_id=user, properties={"plan": plan})
            ph.flush()
            arrived(user, "$set")
            self.assertIs(ph.feature_enabled(flag, user), True)

    def test_client_with_definitions_decides_by_itself(self):
        plan = unique("plan")
        plain, variant = make_flag(whose("plan", plan)), make_flag(ALL_TEST)
        with local_client() as ph:
            local = {"only_evaluate_locally": True}
            self.assertIs(ph.feature_enabled(plain, unique("user"), person_properties={"plan": plan}, **local), True)
            self.assertIs(ph.feature_enabled(plain, unique("user"), person_properties={"plan": "other"}, **local), False)
            self.assertEqual(ph.get_feature_flag(variant, unique("user"), **local), "test")
            self.assertEqual(ph.get_feature_flag_payload(variant, unique("user"), match_value="test", **local), PAYLOAD)
            self.assertEqual(ph.get_all_flags(unique("user"), **local)[variant], "test")

    def test_person_is_in_the_same_part_of_a_rollout_for_server_and_client(self):
        flag = make_flag({"groups": [{"properties": [], "rollout_percentage": 40}]})
        users = [unique("user") for _ in range(50)]
        with local_client() as ph:
            local = [ph.get_feature_flag(flag, user, only_evaluate_locally=True, send_feature_flag_events=False) for user in users]
        with client() as ph:
            remote = [ph.get_feature_flag(flag, user, send_feature_flag_events=False) for user in users]
        self.assertEqual(local, remote)
        self.assertEqual(len(set(remote)), 2)

    def test_change_reaches_a_client_when_it_loads_again(self):
        flag = hoglet.make("feature_flags", {"key": unique("flag"), "filters": ALL_TEST, "active": True})
        with local_client() as ph:
            self.assertEqual(ph.get_feature_flag(flag["key"], "u", only_evaluate_locally=True), "test")
            hoglet.change("feature_flags", flag["id"], {"active": False})
            ph.load_feature_flags()
            self.assertFalse(ph.get_feature_flag(flag["key"], "u", only_evaluate_locally=True))

    def test_remote_configuration_is_read_by_its_key(self):
        filters = {"groups": [{"properties": [], "rollout_percentage": 100}], "payloads": {"true": json.dumps({"limit": 7})}}
        plain = make_flag(filters, is_remote_configuration=True)
        secret = make_flag(filters, is_remote_configuration=True, has_encrypted_payloads=True)
        with client(personal_api_key=hoglet.KEY) as ph:
            for key in (plain, secret):
                payload = ph.get_remote_config_payload(key)
                self.assertEqual(json.loads(payload) if isinstance(payload, str) else payload, {"limit": 7})


if __name__ == "__main__":
    unittest.main()
