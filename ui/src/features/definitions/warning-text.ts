type Text = { title: string; fix: string }

const known: Record<string, Text> = {
    cannot_merge_already_identified: {
        title: 'Refused to merge two identified persons',
        fix: 'Both IDs had already been identified, so joining them could mix up two people. Call reset() when someone logs out, and never alias one logged-in user to another.',
    },
    cannot_merge_with_illegal_distinct_id: {
        title: 'Refused to merge with an ID that is not a person',
        fix: 'IDs such as "null", "undefined", "anonymous" or "0" would join everybody into one person. Check that the user is known before calling identify().',
    },
    skipping_event_invalid_uuid: { title: 'Dropped an event with an invalid uuid', fix: 'Send a uuid in the usual hyphenated form, or none: one is made then.' },
    skipping_event_invalid_distinct_id: { title: 'Dropped an event whose distinct ID cannot be used', fix: 'A distinct ID must be text of at most 200 characters and may not be a placeholder such as "null".' },
    invalid_group_set: { title: 'Group properties that are not an object', fix: 'Send $group_set as an object, or call group(type, key, properties) of an SDK.' },
    invalid_heatmap_data: { title: 'Heatmap data that cannot be read', fix: 'Update posthog-js; its heatmap format was not understood.' },
    rejecting_heatmap_data_with_invalid_url: { title: 'Heatmap data without a usable address', fix: 'The page address of the heatmap is empty or broken.' },
    rejecting_heatmap_data_with_invalid_items: { title: 'Heatmap data without usable points', fix: 'Update posthog-js; its heatmap points were not understood.' },
    invalid_process_person_profile: { title: '$process_person_profile is neither true nor false', fix: 'Send a boolean. Until then the event is handled as if it were true.' },
    ignored_invalid_timestamp: { title: 'Replaced a timestamp that could not be read', fix: 'The time of arrival was used instead. Send ISO 8601, for example 2026-03-12T15:20:30Z.' },
    event_timestamp_in_future: { title: 'Moved an event from the future to now', fix: "The sender's clock is ahead. Send sent_at, which SDKs do by themselves, so that it can be corrected." },
    message_size_too_large: { title: 'Dropped an event that was too large', fix: 'Leave large values (documents, base64 images) out of the properties.' },
    person_properties_size_violation: { title: 'Left out person properties that were too large', fix: 'A person can carry about 512 kB of properties. Remove large or ever-growing ones.' },
    client_ingestion_warning: { title: 'A warning sent by an SDK', fix: 'The SDK noticed a problem in how it is used; the example has its message.' },
    replay_timestamp_too_far: { title: 'A recording with a time far off', fix: "The recording browser's clock is wrong by more than a day." },
    set_property_limit_exceeded: { title: 'Too many person properties in one event', fix: 'Send only what changed with $set.' },
}

export function warningText(type: string): Text {
    const found = known[type]
    if (found) return found
    const words = type.replaceAll('_', ' ')
    return { title: words.charAt(0).toUpperCase() + words.slice(1), fix: 'The examples show what was sent and why it could not be used as meant.' }
}
