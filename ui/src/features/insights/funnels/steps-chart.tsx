import { useId, useRef } from 'react'
import { formatNumber, formatShort } from '@/lib/numbers'
import { formatSeconds } from '@/lib/time'
import { cx } from '@/ui/classes'
import { seriesColour } from '../colours'
import { SvgButton } from '../svg-button'
import { useWidth } from '../use-width'
import { percent, together, type Funnel, type Step } from './results'

export type OpenStep = (step: Step, dropped: boolean, funnel: Funnel | null) => void

const height = 210
const axis = 42
const top = 12

type Props = { funnels: Funnel[]; highlighted: string | null; reference: 'total' | 'previous'; noun: string; onOpen: OpenStep }

/** A column for each step: how many are here, and hatched above them, how many of the step before are not. */
export function StepsChart(props: Props) {
    const { funnels, noun, onOpen } = props
    const box = useRef<HTMLDivElement>(null)
    const width = useWidth(box)
    const all = funnels.length === 1 ? (funnels[0]?.steps ?? []) : together(funnels)
    const column = Math.max(funnels.length > 3 ? 150 : 118, (width - axis) / Math.max(1, all.length))
    return (
        <div ref={box} className="overflow-x-auto px-3.5 pb-1" tabIndex={0} role="region" aria-label="Steps of the funnel">
            <div style={{ width: Math.max(width ? width - 28 : 0, axis + column * all.length) }}>
                <Columns {...props} column={column} />
                <ol className="flex" style={{ paddingLeft: axis }}>
                    {all.map((step) => (
                        <li key={step.number} className="min-w-0 pr-3" style={{ width: column }}>
                            <StepText step={step} single={funnels.length === 1 ? (funnels[0] ?? null) : null} reference={props.reference} noun={noun} onOpen={onOpen} />
                        </li>
                    ))}
                </ol>
            </div>
        </div>
    )
}

function Columns({ funnels, highlighted, noun, onOpen, column }: Props & { column: number }) {
    const hatch = useId()
    const steps = funnels[0]?.steps.length ?? 0
    const gap = 3
    const inner = Math.min(column - 26, funnels.length > 1 ? 280 : 150)
    const bar = Math.max(3, (inner - gap * (funnels.length - 1)) / funnels.length)
    const y = (share: number) => top + (1 - share) * (height - top)
    const lines = [0, 0.25, 0.5, 0.75, 1]
    return (
        <svg role="group" aria-label={`Funnel of ${steps} steps. The table below has every number.`} width={axis + column * steps} height={height + 8} className="block">
            <defs>
                {funnels.map((funnel) => (
                    <pattern key={funnel.key} id={`${hatch}-${funnel.colour}`} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
                        <rect width="6" height="6" fill={seriesColour(funnel.colour)} opacity="0.1" />
                        <line x1="0" y1="0" x2="0" y2="6" stroke={seriesColour(funnel.colour)} strokeWidth="2.4" opacity="0.4" />
                    </pattern>
                ))}
            </defs>
            {lines.map((share) => (
                <g key={share} aria-hidden>
                    <line x1={axis} x2={axis + column * steps} y1={y(share)} y2={y(share)} stroke="var(--line)" />
                    <text x={axis - 8} y={y(share) + 4} textAnchor="end" fontSize="11" fill="var(--ink-3)">
                        {share * 100}%
                    </text>
                </g>
            ))}
            {funnels.map((funnel, at) =>
                funnel.steps.map((step, index) => {
                    const x = axis + index * column + at * (bar + gap)
                    const whole = step.ofFirst + (funnel.steps[0]?.count ? step.dropped / funnel.steps[0].count : 0)
                    const faded = highlighted !== null && highlighted !== funnel.key
                    const who = funnels.length > 1 ? `${funnel.label}, ` : ''
                    return (
                        <g key={`${funnel.key}-${step.number}`} opacity={faded ? 0.25 : 1}>
                            {step.dropped > 0 ? (
                                <SvgButton label={`${who}${step.optional ? 'without' : 'dropped before'} step ${step.number}, ${step.name}: ${formatNumber(step.dropped)} ${noun}, ${percent(1 - step.ofPrevious)} of the step before`} onPress={() => onOpen(step, true, funnel)}>
                                    <rect x={x} y={y(whole)} width={bar} height={Math.max(0, y(step.ofFirst) - y(whole))} rx="3" fill={`url(#${hatch}-${funnel.colour})`} />
                                </SvgButton>
                            ) : null}
                            {step.count > 0 ? (
                                <SvgButton label={`${who}step ${step.number}, ${step.name}: ${formatNumber(step.count)} ${noun}, ${percent(step.ofFirst)} of the first step`} onPress={() => onOpen(step, false, funnel)}>
                                    <rect x={x} y={y(step.ofFirst)} width={bar} height={Math.max(2, height - y(step.ofFirst))} rx="3" fill={seriesColour(funnel.colour)} />
                                </SvgButton>
                            ) : null}
                        </g>
                    )
                })
            )}
        </svg>
    )
}

function StepText({ step, single, reference, noun, onOpen }: { step: Step; single: Funnel | null; reference: 'total' | 'previous'; noun: string; onOpen: OpenStep }) {
    const share = reference === 'total' ? step.ofFirst : step.ofPrevious
    const door = 'rounded-sm decoration-line-strong underline-offset-4 enabled:hover:underline disabled:cursor-default'
    return (
        <div className="pt-1.5 pb-2">
            <div className="flex min-w-0 items-center gap-1.5">
                <span aria-hidden className="size-[17px] shrink-0 rounded-[5px] bg-line-strong text-center text-[10.5px] leading-[17px] font-[600]">
                    {step.number}
                </span>
                <span className="truncate font-[560]" title={step.name} dir="auto">
                    {step.name}
                </span>
            </div>
            <div className="mt-1 flex flex-wrap items-baseline gap-x-1.5">
                <button type="button" disabled={step.count === 0} className={cx(door, 'text-[20px] leading-tight font-[620] tracking-[-0.02em]')} title={`Show these ${noun}`} onClick={() => onOpen(step, false, single)}>
                    {step.count >= 1e8 ? formatShort(step.count) : formatNumber(step.count)}
                </button>
                <span className="text-ink-2">{percent(share)}</span>
            </div>
            <div className="mt-0.5 flex flex-col text-sm text-ink-3">
                {step.number === 1 ? (
                    <span>enter</span>
                ) : (
                    <>
                        {step.dropped > 0 ? (
                            <button type="button" className={cx(door, 'text-left')} title={step.optional ? `Show the ${noun} without this step` : `Show the ${noun} who dropped off here`} onClick={() => onOpen(step, true, single)}>
                                −{formatShort(step.dropped)} {step.optional ? 'without it' : 'dropped'} ({percent(1 - step.ofPrevious)})
                            </button>
                        ) : (
                            <span>{step.optional ? 'everybody did' : 'nobody dropped'}</span>
                        )}
                        {step.medianSeconds !== null ? <span title={step.averageSeconds === null ? undefined : `on average ${formatSeconds(step.averageSeconds)}`}>median {formatSeconds(step.medianSeconds)}</span> : null}
                    </>
                )}
                {step.optional ? <span>may be skipped</span> : null}
            </div>
        </div>
    )
}
