import type { Person } from '@/api/types'
import { asText } from '@/features/events/public'

export function whereFrom(person: Person): string {
    return [person.properties['$geoip_city_name'], person.properties['$geoip_country_name'] ?? person.properties['$geoip_country_code']].map(asText).filter(Boolean).join(', ')
}
