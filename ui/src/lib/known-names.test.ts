import { describe, expect, it } from 'vitest'
import { eventLabel, propertyLabel } from './known-names'

describe('known names', () => {
    it('says what the SDKs mean', () => {
        expect(eventLabel('$pageview')).toBe('Pageview')
        expect(eventLabel(null)).toBe('All events')
        expect(propertyLabel('$geoip_country_name')).toBe('Country')
        expect(propertyLabel('$initial_referrer')).toBe('Initial referrer')
        expect(propertyLabel('$initial_os')).toBe('Initial OS')
        expect(propertyLabel('$initial_utm_source')).toBe('Initial UTM source')
        expect(propertyLabel('$feature/new-nav')).toBe('Flag new-nav')
    })
    it('leaves a team its own names', () => {
        expect(eventLabel('signed_up')).toBe('signed_up')
        expect(propertyLabel('plan')).toBe('plan')
    })
})
