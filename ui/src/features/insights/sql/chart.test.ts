import { describe, expect, it } from 'vitest'
import { columnKind, toGrid } from '../rows'
import { axesOf, boldNumber, chartOf, placeName } from './chart'

const grid = toGrid({ columns: ['day', 'browser', 'n'], types: [['day', 'Date'], ['browser', 'String'], ['n', 'UInt64']], results: [['2025-03-11', 'Chrome', 5], ['2025-03-10', 'Chrome', 3], ['2025-03-10', 'Safari', 9]] })
const free = { x: null, y: [] }

describe('answers as tables', () => {
    it('rows keep their columns', () => {
        expect(grid.columns).toEqual(['day', 'browser', 'n'])
        expect([0, 1, 2].map((index) => columnKind(grid, index))).toEqual(['time', 'text', 'number'])
    })
    it('lists of objects, and lists of lists of them, get a column per field', () => {
        expect(toGrid({ results: [{ a: 1 }, { a: 2, b: 'x' }] })).toMatchObject({ columns: ['a', 'b'], rows: [[1, undefined], [2, 'x']] })
        expect(toGrid({ results: [[{ a: 1 }], [{ a: 2 }]] })).toMatchObject({ columns: ['a'], rows: [[1], [2]] })
    })
    it('anything else is still shown', () => {
        expect(toGrid({ results: { a: 1 } })).toMatchObject({ columns: ['a'], rows: [[1]] })
        expect(toGrid({ results: 7 })).toMatchObject({ columns: ['value'], rows: [[7]] })
        expect(toGrid({ results: null })).toMatchObject({ rows: [] })
    })
    it('kinds without types are read off the values', () => {
        const untyped = toGrid({ columns: ['a', 'b', 'c'], results: [[1, '2025-03-10', 'x'], [null, '2025-03-11', 'y']] })
        expect([0, 1, 2].map((index) => columnKind(untyped, index))).toEqual(['number', 'time', 'text'])
    })
})

describe('answers as charts', () => {
    it('time goes across, numbers up, and the text between them splits', () => {
        expect(axesOf(grid, free)).toEqual({ x: 0, y: [2], split: 1 })
        expect(chartOf(grid, { x: 0, y: [2], split: 1 }).map((line) => [line.label, line.days, line.data])).toEqual([
            ['Safari', ['2025-03-10', '2025-03-11'], [9, Number.NaN]],
            ['Chrome', ['2025-03-10', '2025-03-11'], [3, 5]],
        ])
    })
    it('takes the columns that were chosen, while they exist', () => {
        expect(axesOf(grid, { x: 'browser', y: ['n'] })).toEqual({ x: 1, y: [2], split: null })
        expect(axesOf(grid, { x: 'gone', y: ['gone'] })).toMatchObject({ x: 0, y: [2] })
    })
    it('has nothing to draw without a number', () => {
        expect(axesOf(toGrid({ columns: ['a', 'b'], results: [['x', 'y']] }), free)).toBeNull()
        expect(boldNumber(toGrid({ columns: ['a'], results: [['x']] }))).toBeNull()
        expect(boldNumber(grid)).toEqual({ label: 'n', value: 5 })
    })
    it('names places shortly on the axis and wholly elsewhere', () => {
        expect([placeName('2025-03-10', false), placeName('2025-03-10T14:00:00Z', false), placeName('a very long browser name', false)]).toEqual(['10 Mar', '14:00', 'a very long b…'])
    })
})
