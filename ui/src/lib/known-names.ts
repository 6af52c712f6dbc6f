/** What the SDKs' own names mean, in plain words. Names that are not here are shown as they are. */
const events: Record<string, string> = {
    $pageview: 'Pageview',
    $pageleave: 'Page leave',
    $autocapture: 'Autocapture',
    $rageclick: 'Rage click',
    $dead_click: 'Dead click',
    $identify: 'Identify',
    $create_alias: 'Alias',
    $merge_dangerously: 'Forced merge',
    $groupidentify: 'Group identify',
    $set: 'Set person properties',
    $opt_in: 'Opt in',
    $screen: 'Screen',
    $feature_flag_called: 'Feature flag called',
    $web_vitals: 'Web vitals',
    $exception: 'Exception',
    $copy_autocapture: 'Clipboard autocapture',
    '$$heatmap': 'Heatmap',
    'Application Installed': 'Application installed',
    'Application Opened': 'Application opened',
    'Application Backgrounded': 'Application backgrounded',
}

const properties: Record<string, string> = {
    $browser: 'Browser',
    $browser_version: 'Browser version',
    $browser_language: 'Browser language',
    $current_url: 'Current URL',
    $pathname: 'Path',
    $host: 'Host',
    $referrer: 'Referrer',
    $referring_domain: 'Referring domain',
    $os: 'OS',
    $os_version: 'OS version',
    $device: 'Device',
    $device_type: 'Device type',
    $device_id: 'Device ID',
    $screen_height: 'Screen height',
    $screen_width: 'Screen width',
    $screen_name: 'Screen name',
    $viewport_height: 'Viewport height',
    $viewport_width: 'Viewport width',
    $lib: 'Library',
    $lib_version: 'Library version',
    $ip: 'IP address',
    $session_id: 'Session ID',
    $window_id: 'Window ID',
    $pageview_id: 'Pageview ID',
    $insert_id: 'Insert ID',
    $timezone: 'Time zone',
    $title: 'Page title',
    $user_id: 'User ID',
    $is_identified: 'Identified',
    $raw_user_agent: 'User agent',
    $event_type: 'Autocapture action',
    $el_text: 'Element text',
    $geoip_city_name: 'City',
    $geoip_country_name: 'Country',
    $geoip_country_code: 'Country code',
    $geoip_continent_name: 'Continent',
    $geoip_continent_code: 'Continent code',
    $geoip_subdivision_1_name: 'Region',
    $geoip_subdivision_1_code: 'Region code',
    $geoip_postal_code: 'Postal code',
    $geoip_latitude: 'Latitude',
    $geoip_longitude: 'Longitude',
    $geoip_time_zone: 'Time zone of the IP',
    $app_version: 'App version',
    $app_build: 'App build',
    $app_name: 'App name',
    $feature_flag: 'Feature flag',
    $feature_flag_response: 'Feature flag response',
    $session_duration: 'Session duration',
    $entry_current_url: 'Entry URL',
    $entry_pathname: 'Entry path',
    $end_current_url: 'Exit URL',
    $channel_type: 'Channel',
    $is_bounce: 'Bounced',
    utm_source: 'UTM source',
    utm_medium: 'UTM medium',
    utm_campaign: 'UTM campaign',
    utm_content: 'UTM content',
    utm_term: 'UTM term',
    distinct_id: 'Distinct ID',
}

export function eventLabel(name: string | null): string {
    if (name === null) return 'All events'
    return events[name] ?? name
}

export function propertyLabel(key: string): string {
    const known = properties[key]
    if (known) return known
    const initial = /^\$initial_(.+)$/.exec(key)
    if (initial) {
        const label = properties[`$${initial[1]}`] ?? properties[initial[1] ?? '']
        if (label) return `Initial ${label.charAt(0).toLowerCase() === 'u' || label === label.toUpperCase() ? label : label.charAt(0).toLowerCase() + label.slice(1)}`
    }
    const feature = /^\$feature\/(.+)$/.exec(key)
    return feature ? `Flag ${feature[1]}` : key
}

/** True for what the SDKs add by themselves, as opposed to what a team sends on purpose. */
export const isOwnProperty = (key: string): boolean => !key.startsWith('$') && !(key in properties)
