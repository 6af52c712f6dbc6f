/** What the server's reasons for not keeping an event mean, in a few words. */
const titles: Record<string, string> = {
    undecodable: 'Body could not be unpacked',
    unparsable: 'Body is not JSON',
    empty: 'Request without an event',
    no_event_name: 'Event without a name',
    event_name_too_long: 'Event name too long',
    no_distinct_id: 'Event without a distinct ID',
    distinct_id_too_long: 'Distinct ID too long',
    invalid_field: 'Field of the wrong type',
    invalid_timestamp: 'Timestamp that cannot be read',
    invalid_uuid: 'Invalid uuid',
    invalid_replay: 'Invalid recording data',
    invalid_report: 'Invalid browser report',
    invalid_headers: 'Missing or unreadable header',
    no_token: 'No project API key',
    different_tokens: 'Several project API keys in one request',
    personal_api_key: 'Personal API key instead of the project’s',
    invalid_token: 'Not a project API key',
    stalled: 'Body stopped coming',
    too_large: 'Too large',
    unavailable: 'Could not be stored',
    quota: 'Quota used up',
    drop_list: 'On the operator’s drop list',
    performance_event: 'Performance event, no longer kept',
    no_ai_event: 'Not an AI event',
    unknown_token: 'Unknown project API key',
    unreadable_record: 'Damaged record in the queue',
    malformed_event_properties: 'Properties are not an object',
    too_many_properties: 'Too many properties',
    skipping_event_invalid_distinct_id: 'Invalid distinct ID',
    group_key_too_long: 'Group key too long',
    event_restriction: 'Dropped by a restriction of this server',
    event_dropped_too_old: 'Older than the project keeps',
    bot: 'Robots',
    not_an_event: 'Recording data sent as an event',
    client_ingestion_warning: 'Problem reported by an SDK',
    heatmap_only: 'Heatmap data, kept as such',
    person_imported: 'Imported person, no event',
    invalid_event_when_process_person_profile_is_false: 'Identify without a person profile',
    cookieless_disabled: 'Cookieless event, but that is turned off',
    cookieless_unsupported_event: 'Cookieless event of a kind that cannot be',
    cookieless_missing_user_agent: 'Cookieless event without a user agent',
    cookieless_missing_ip: 'Cookieless event without an address',
    cookieless_missing_host: 'Cookieless event without a host',
    cookieless_timestamp_out_of_range: 'Cookieless event too late',
}

export function reasonTitle(reason: string): string {
    const known = titles[reason]
    if (known) return known
    const words = /\s/.test(reason) ? reason : reason.replaceAll('_', ' ')
    return words.charAt(0).toUpperCase() + words.slice(1)
}
