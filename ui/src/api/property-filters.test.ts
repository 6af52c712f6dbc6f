import { describe, expect, it } from 'vitest'
import { forQuery, readFilter } from './property-filters'

describe('filters in addresses', () => {
    it('reads back what was written', () => {
        const filter = { type: 'event', key: 'plan', operator: 'is_not', value: ['internal'] } as const
        expect(readFilter(JSON.parse(JSON.stringify(filter)))).toEqual(filter)
        expect(readFilter({ type: 'group', key: 'size', operator: 'gt', value: 5, group_type_index: 1 })).toEqual({ type: 'group', key: 'size', operator: 'gt', value: 5, group_type_index: 1 })
    })
    it('drops what is not a filter', () => {
        expect(readFilter('x')).toBeNull()
        expect(readFilter({ type: 'nonsense', key: 'a' })).toBeNull()
        expect(readFilter({ type: 'event' })).toBeNull()
        expect(readFilter({ type: 'event', key: 'a', operator: 'rm -rf', value: { a: 1 } })).toEqual({ type: 'event', key: 'a' })
    })
    it('gives the query what it expects', () => {
        expect(forQuery([{ type: 'event', key: 'a', operator: 'is_set' }, { type: 'hogql', key: '1 = 1' }, { type: 'person', key: 'b', value: 'x' }])).toEqual([
            { type: 'event', key: 'a', operator: 'is_set', value: 'is_set' },
            { type: 'hogql', key: '1 = 1' },
            { type: 'person', key: 'b', operator: 'exact', value: 'x' },
        ])
    })
})
