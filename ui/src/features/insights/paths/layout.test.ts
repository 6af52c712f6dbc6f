import { describe, expect, it } from 'vitest'
import { layOut, parseKey, sharedHost, shortItem } from './layout'

const edge = (source: string, target: string, value: number) => ({ source, target, value, average_conversion_time: 1000 })
const edges = [edge('1_/', '2_/a', 6), edge('1_/', '2_/b', 3), edge('2_/a', '3_/b', 2), edge('1_x', '2_/b', 1)]

describe('sankey layout', () => {
    const layout = layOut(edges, 800)
    const node = (key: string) => layout.nodes.find((known) => known.key === key)!
    it('counts who came, went on and stopped', () => {
        expect([node('1_/').value, node('1_/').stopped]).toEqual([9, 0])
        expect([node('2_/a').incoming, node('2_/a').outgoing, node('2_/a').stopped]).toEqual([6, 2, 4])
        expect(node('3_/b').stopped).toBe(2)
    })
    it('each step has its column, and nothing in it overlaps', () => {
        expect(new Set(layout.nodes.filter((known) => known.step === 2).map((known) => known.x)).size).toBe(1)
        expect(node('1_/').x).toBeLessThan(node('2_/a').x)
        const column = layout.nodes.filter((known) => known.step === 2).sort((a, b) => a.y - b.y)
        expect(column[0]!.y + Math.max(34, column[0]!.height)).toBeLessThanOrEqual(column[1]!.y)
    })
    it('heights are passages', () => {
        expect(node('2_/a').height / node('1_/').height).toBeCloseTo(6 / 9)
        const widths = layout.ribbons.map((ribbon) => [ribbon.edge.value, ribbon.width])
        for (const [value, width] of widths) expect(width! / value!).toBeCloseTo(node('1_/').height / 9)
    })
    it('draws nothing out of nothing', () => {
        expect(layOut([], 500)).toMatchObject({ nodes: [], ribbons: [], columns: 0 })
    })
    it('reads keys whose item has an underscore or a line break', () => {
        expect(parseKey('12_a_b\nc')).toEqual({ step: 12, item: 'a_b\nc' })
    })
})

describe('addresses', () => {
    it('lose the host they share', () => {
        const items = ['https://a.test/x', 'https://a.test', 'signed_up']
        expect(sharedHost(items)).toBe('a.test')
        expect(items.map((item) => shortItem(item, 'a.test'))).toEqual(['/x', '/', 'signed_up'])
    })
    it('keep hosts that differ', () => {
        expect(sharedHost(['https://a.test/x', 'https://b.test/x'])).toBeNull()
        expect(shortItem('https://b.test/x', null)).toBe('b.test/x')
    })
})
