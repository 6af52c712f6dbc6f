import { useRef, useState } from 'react'
import { formatNumber, formatShort } from '@/lib/numbers'
import { niceTop } from './axis'
import { seriesColour } from './colours'
import { SvgButton } from './svg-button'
import type { ChartLine } from './time-chart'
import { useWidth } from './use-width'

type Props<L extends ChartLine> = {
    lines: L[]
    highlighted: string | null
    label: string
    /** What a place on the axis is called, short and long. */
    name: (place: string, long: boolean) => string
    onPick: (line: L, index: number) => void
}

const height = 290
const axis = 46
const bottom = 26
const top = 14

/** Bars side by side, each with the period before over it as a dotted ghost; every bar is a door. */
export function GroupedBars<L extends ChartLine>({ lines, highlighted, label, name, onPick }: Props<L>) {
    const box = useRef<HTMLDivElement>(null)
    const width = useWidth(box)
    const [hover, setHover] = useState<number | null>(null)
    const places = lines[0]?.days ?? []
    const most = niceTop(Math.max(0, ...lines.flatMap((line) => [...line.data, ...(line.previous?.data ?? [])])))
    const y = (value: number) => top + (1 - value / most) * (height - top - bottom)
    const slot = Math.max(0, (width - axis - 8) / Math.max(1, places.length))
    const room = Math.min(slot * 0.76, 64 * lines.length)
    const bar = Math.max(1, room / lines.length - (lines.length > 1 ? 2 : 0))
    const every = Math.max(1, Math.ceil(places.length / Math.max(2, Math.floor((width - axis) / 54))))
    return (
        <div ref={box} style={{ height }}>
            {width === 0 ? null : (
                <svg role="group" aria-label={label} width={width} height={height} className="block">
                    {[0, 0.25, 0.5, 0.75, 1].map((part) => (
                        <g key={part} aria-hidden>
                            <line x1={axis} x2={width - 8} y1={y(part * most)} y2={y(part * most)} stroke="var(--line)" />
                            <text x={axis - 8} y={y(part * most) + 4} textAnchor="end" fontSize="11" fill="var(--ink-3)">
                                {formatShort(part * most)}
                            </text>
                        </g>
                    ))}
                    {places.map((place, index) => (
                        <g key={place}>
                            {lines.map((line, at) => {
                                const value = line.data[index] ?? 0
                                const before = line.previous?.data[index]
                                const x = axis + index * slot + (slot - room) / 2 + (room / lines.length) * at
                                const text = `${lines.length > 1 ? `${line.label}, ` : ''}${name(place, true)}: ${formatNumber(value)}${before === undefined ? '' : `, was ${formatNumber(before)}`}`
                                return (
                                    <g key={line.key} opacity={highlighted !== null && highlighted !== line.key ? 0.25 : 1}>
                                        {value > 0 ? (
                                            <SvgButton label={text} onPress={() => onPick(line, index)} onHover={(on) => setHover(on ? index : null)}>
                                                <rect x={x} y={Math.min(y(value), height - bottom - 2)} width={bar} height={Math.max(2, height - bottom - y(value))} rx="2" fill={seriesColour(line.colour)} />
                                            </SvgButton>
                                        ) : null}
                                        {before === undefined ? null : <path aria-hidden d={`M${x - 1.5},${height - bottom}V${y(before)}h${bar + 3}V${height - bottom}`} fill="none" stroke="var(--ink)" strokeWidth="1.2" strokeDasharray="2 3" opacity="0.65" pointerEvents="none" />}
                                    </g>
                                )
                            })}
                            {index % every === 0 || hover === index ? (
                                <text aria-hidden x={axis + index * slot + slot / 2} y={height - 8} textAnchor="middle" fontSize="11" fill={hover === index ? 'var(--ink)' : 'var(--ink-3)'}>
                                    {name(place, false)}
                                </text>
                            ) : null}
                        </g>
                    ))}
                </svg>
            )}
        </div>
    )
}
