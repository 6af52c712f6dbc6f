import { expect, test } from 'vitest'
import type { ExperimentMetric, VariantResult } from '@/api/experiment-types'
import { freshMetric, metricName, metricProblem, withType } from './metric-draft'
import { chance, leader, madeOf, pText, reach, valueText, verdictOf } from './verdict'

const funnel: ExperimentMetric = { ...freshMetric('m'), series: [{ kind: 'EventsNode', event: 'purchase' }] }
const sums = { number_of_samples: 1000, sum: 130, sum_squares: 130, validation_failures: [] }
const won: VariantResult = { key: 'test', ...sums, method: 'bayesian', effect: 0.3, significant: true, chance_to_win: 0.98, credible_interval: [0.05, 0.55] }

test('a conversion is a share, with what it is made of', () => {
    expect(valueText(funnel, { key: 'test', ...sums })).toBe('13%')
    expect(madeOf(funnel, { key: 'test', ...sums })).toBe('130 of 1,000')
    expect(madeOf({ ...funnel, metric_type: 'mean' }, { key: 'test', ...sums })).toBe('130 by 1,000')
})

test('a significant drop is good where lower is better', () => {
    const drop = { ...won, effect: -0.2, credible_interval: [-0.4, -0.05] as [number, number] }
    expect(verdictOf(funnel, won).text).toBe('Better')
    expect(verdictOf(funnel, drop).text).toBe('Worse')
    expect(verdictOf({ ...funnel, goal: 'decrease' }, drop).text).toBe('Better')
    expect(verdictOf(funnel, { ...won, significant: false }).tone).toBe('idle')
    expect(verdictOf(funnel, { ...won, validation_failures: ['not-enough-exposures'] }).text).toBe('Not enough data yet')
})

test('the leader is better in one metric and worse in none', () => {
    const baseline = { key: 'control', ...sums }
    const worse: VariantResult = { ...won, effect: -0.3 }
    expect(leader([{ metric: funnel, result: { baseline, variant_results: [won] } }])).toBe('test')
    expect(leader([{ metric: funnel, result: { baseline, variant_results: [won] } }, { metric: funnel, result: { baseline, variant_results: [worse] } }])).toBeNull()
    expect(leader([])).toBeNull()
})

test('intervals of one metric share a symmetric range', () => {
    expect(reach([won, { ...won, credible_interval: [-0.7, 0.1] }])).toBeCloseTo(0.77)
    expect(reach([{ ...won, credible_interval: null }])).toBe(1)
})

test('extreme probabilities are not rounded to certainty', () => {
    expect(chance(0.999999)).toBe('>99.99%')
    expect(chance(0.96727)).toBe('96.73%')
    expect(pText(1e-9)).toBe('<0.0001')
})

test('another way to measure keeps the chosen events', () => {
    const mean = withType(funnel, 'mean')
    expect(mean.source).toMatchObject({ event: 'purchase', math: 'total' })
    expect(mean).not.toHaveProperty('series')
    const ratio = withType(mean, 'ratio')
    expect(metricProblem(ratio)).toBeNull()
    expect(metricProblem(withType(freshMetric('n'), 'retention'))).toBe('Choose the events.')
    expect(metricProblem({ ...mean, source: { kind: 'EventsNode', event: 'purchase', math: 'sum' } })).toContain('property')
})

test('a metric without a name is called by what it measures', () => {
    expect(metricName(funnel)).toBe('Conversion to purchase')
    expect(metricName({ ...funnel, name: 'Sales' })).toBe('Sales')
    expect(metricName({ ...withType(funnel, 'mean'), source: { kind: 'EventsNode', event: 'purchase', math: 'sum', math_property: 'revenue' } })).toBe('Sum of revenue of purchase')
})
