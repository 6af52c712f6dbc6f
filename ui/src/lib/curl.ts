const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** The command that sends this event again, as any SDK would have. */
export function asCurl(host: string, token: string, event: { event: string; distinct_id: string; timestamp: string; properties: Record<string, unknown> }): string {
    const body = { api_key: token, event: event.event, distinct_id: event.distinct_id, timestamp: event.timestamp, properties: event.properties }
    return `curl -X POST ${quote(`${host}/i/v0/e/`)} \\\n  -H 'Content-Type: application/json' \\\n  -d ${quote(JSON.stringify(body))}`
}
