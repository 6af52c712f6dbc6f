// What posthog-node decides about each person by itself.

import { PostHog } from 'posthog-node'
import { key, token, url } from '../sdk/hoglet.mjs'

// It names every flag that it leaves to the server, and there are meant to be some.
console.warn = () => {}

export async function decide(people) {
    const client = new PostHog(token, { host: url, personalApiKey: key, featureFlagsPollingInterval: 600_000 })
    if (!(await client.waitForLocalEvaluationReady(30_000))) throw new Error('posthog-node did not get the definitions')
    const answers = []
    for (const { distinct_id, groups, person_properties, group_properties } of people) {
        const options = { groups, personProperties: person_properties, groupProperties: group_properties, onlyEvaluateLocally: true }
        const { featureFlags, featureFlagPayloads } = await client.getAllFlagsAndPayloads(distinct_id, options)
        answers.push({ values: featureFlags ?? {}, payloads: featureFlagPayloads ?? {} })
    }
    await client.shutdown()
    return answers
}
