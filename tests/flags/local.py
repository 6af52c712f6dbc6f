"""What posthog-python decides about each person by itself: reads {"people": [...]} and writes a list of {"values", "payloads"}."""

import json
import logging
import os
import sys

import posthog


# It names every flag that it leaves to the server, and there are meant to be some.
logging.disable(logging.WARNING)


def main(people_file, answers_file):
    with open(people_file) as file:
        people = json.load(file)
    client = posthog.Posthog(
        os.environ["HOGLET_PROJECT_TOKEN"],
        host=os.environ["HOGLET_URL"],
        secret_key=os.environ["HOGLET_PERSONAL_API_KEY"],
        enable_local_evaluation=True,
    )
    client.load_feature_flags()
    answers = []
    for person in people:
        decided = client.get_all_flags_and_payloads(
            person["distinct_id"],
            groups=person["groups"],
            person_properties=person["person_properties"],
            group_properties=person["group_properties"],
            device_id=person.get("device_id"),
            only_evaluate_locally=True,
        )
        payloads = decided["featureFlagPayloads"] or {}
        answers.append({"values": decided["featureFlags"] or {}, "payloads": payloads})
    with open(answers_file, "w") as file:
        json.dump(answers, file)
    client.shutdown()


main(*sys.argv[1:])
