import { expect, it } from 'vitest'
import { describeScopes, toScopes } from './scopes'

it('turns choices into scopes and scopes into words', () => {
    expect(toScopes({ query: 'read', person: 'write', insight: 'none' })).toEqual(['query:read', 'person:write'])
    expect(describeScopes(['*'])).toBe('Everything you may do')
    expect(describeScopes(['query:read', 'person:write'])).toBe('Queries, Persons (write)')
    expect(describeScopes(['query:read', 'person:read', 'group:read', 'user:read'])).toBe('Queries, Persons and 2 more')
})
