import { useEffect, useRef, useState } from 'react'
import uPlot from 'uplot'
import type { Interval } from '@/api/types'
import { formatNumber, formatShort } from '@/lib/numbers'
import { bucketLabel } from '@/lib/time'
import { useShownTheme } from '@/ui/theme'
import { faded, seriesColour, token } from './colours'
import { stack } from './stack'

/** One line of a chart over time. Negative numbers stand below the axis; NaN is where the line has no number. */
export type ChartLine = { key: string; label: string; colour: number; days: string[]; data: number[]; previous: { data: number[]; days: string[] } | null }

type Props<L extends ChartLine = ChartLine> = {
    lines: L[]
    interval: Interval
    kind: 'line' | 'bar'
    incomplete: boolean
    highlighted: string | null
    label: string
    /** What a bucket is called, where it is not a time. */
    bucketName?: (day: string, long: boolean) => string
    format?: (value: number) => string
    onPick?: (line: L, bucket: number) => void
    onZoom?: (from: string, to: string) => void
}

type Hover = { bucket: number; left: number; top: number } | null

const height = 290

/** Lines or stacked bars over time. The table below the chart carries the same numbers for everyone who cannot see it. */
export function TimeChart<L extends ChartLine>(given: Props<L>) {
    const props = given as unknown as Props
    const { lines, kind, incomplete, highlighted } = props
    const box = useRef<HTMLDivElement>(null)
    const latest = useRef(props)
    latest.current = props
    const [hover, setHover] = useState<Hover>(null)
    const theme = useShownTheme()
    const days = lines[0]?.days ?? []

    useEffect(() => {
        const element = box.current
        if (!element || days.length === 0) return
        const { options, data } = plan(lines, kind, incomplete, highlighted, latest, setHover, element.clientWidth)
        const plot = new uPlot(options, data, element)
        const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }))
        observer.observe(element)
        return () => {
            observer.disconnect()
            plot.destroy()
            setHover(null)
        }
    }, [lines, kind, incomplete, highlighted, theme, days.length])

    return (
        <div className="relative">
            <div ref={box} role="img" aria-label={props.label} className={props.onPick ? 'cursor-pointer' : undefined} style={{ height }} />
            {hover ? <HoverCard {...props} hover={hover} width={box.current?.clientWidth ?? 600} /> : null}
        </div>
    )
}

function HoverCard({ lines, interval, bucketName, format = formatNumber, hover, width }: Props & { hover: NonNullable<Hover>; width: number }) {
    const day = lines[0]?.days[hover.bucket] ?? ''
    const values = lines.map((line) => ({ line, value: line.data[hover.bucket] ?? 0, before: line.previous?.data[hover.bucket] })).filter((entry) => !Number.isNaN(entry.value)).sort((a, b) => b.value - a.value)
    const right = hover.left > width / 2
    return (
        <div
            className="pointer-events-none absolute z-10 min-w-[170px] rounded-md border border-line bg-surface px-3 py-2 text-sm shadow-float"
            style={{ top: 12, left: right ? undefined : hover.left + 14, right: right ? width - hover.left + 14 : undefined, maxWidth: Math.max(180, width / 2) }}
        >
            <div className="mb-1 text-ink-2">{bucketName ? bucketName(day, true) : bucketLabel(day, interval, true)}</div>
            {values.map(({ line, value, before }) => (
                <div key={line.key} className="flex items-center gap-2">
                    <span aria-hidden className="size-[8px] shrink-0 rounded-[2px]" style={{ background: seriesColour(line.colour) }} />
                    <span className="min-w-0 flex-1 truncate" dir="auto">
                        {line.label}
                    </span>
                    <b className="font-[600]">{format(value)}</b>
                    {before !== undefined ? <span className="text-ink-3">was {format(before)}</span> : null}
                </div>
            ))}
        </div>
    )
}

function plan(lines: ChartLine[], kind: Props['kind'], incomplete: boolean, highlighted: string | null, latest: { current: Props }, setHover: (hover: Hover) => void, width: number): { options: uPlot.Options; data: uPlot.AlignedData } {
    const buckets = lines[0]?.days.length ?? 0
    const xs = Array.from({ length: buckets }, (_, index) => index)
    const font = `11px ${token('--font')}`
    const series: uPlot.Series[] = [{}]
    const data: (number | null)[][] = []
    const colourOf = (line: ChartLine): string => {
        const colour = token(`--s${(line.colour % 8) + 1}`)
        return highlighted !== null && highlighted !== line.key ? faded(colour, 0.22) : colour
    }

    if (kind === 'bar') {
        const tops = stack(lines)
        // The tallest is drawn first, so that every bar shows only its own part.
        for (let index = lines.length - 1; index >= 0; index -= 1) {
            const line = lines[index]!
            const fill = colourOf(line)
            series.push({ stroke: fill, fill, width: 0, points: { show: false }, paths: uPlot.paths.bars?.({ size: [0.72, 46], radius: 0 }) })
            data.push(tops[index]!)
        }
    } else {
        for (const line of lines) {
            if (!line.previous) continue
            series.push({ stroke: faded(token(`--s${(line.colour % 8) + 1}`), 0.45), width: 1.6, dash: [3, 4], points: { show: false } })
            data.push(xs.map((index) => line.previous?.data[index] ?? null))
        }
        for (const line of lines) {
            const stroke = colourOf(line)
            const cut = incomplete && buckets > 1
            const dots = { show: buckets <= 1, size: 6, fill: stroke }
            series.push({ stroke, width: 2.1, points: dots, fill: lines.length === 1 ? faded(token(`--s${(line.colour % 8) + 1}`), 0.07) : undefined })
            data.push(line.data.map((value, index) => ((cut && index === buckets - 1) || Number.isNaN(value) ? null : value)))
            if (cut) {
                series.push({ stroke, width: 2.1, dash: [4, 4], points: { show: false } })
                data.push(line.data.map((value, index) => (index >= buckets - 2 ? value : null)))
            }
        }
    }

    const ink3 = token('--ink-3')
    const lineColour = token('--line')
    const options: uPlot.Options = {
        width,
        height,
        padding: [14, 22, 0, 4],
        legend: { show: false },
        cursor: {
            y: false,
            drag: { x: true, y: false, setScale: false },
            points: { show: kind === 'line' && !incomplete, size: 7, fill: token('--surface'), width: 2 },
        },
        scales: {
            x: { time: false, range: () => (kind === 'bar' || buckets <= 1 ? [-0.6, buckets - 0.4] : [0, buckets - 1]) },
            y: { range: (_, min, max) => uPlot.rangeNum(Math.min(0, min), max <= 0 ? (min < 0 ? 0 : 1) : max, { min: { pad: min < 0 ? 0.08 : 0, soft: 0, mode: min < 0 ? 2 : 1 }, max: { pad: 0.08, soft: 0, mode: 2 } }) },
        },
        series,
        axes: [
            {
                stroke: ink3,
                font,
                grid: { show: false },
                ticks: { show: false },
                gap: 8,
                size: 32,
                splits: () => {
                    const step = Math.max(1, Math.ceil(buckets / Math.max(2, Math.floor(width / 90))))
                    return xs.filter((index) => index % step === 0)
                },
                values: (_, at) =>
                    at.map((index) => {
                        const { lines: shown, interval, bucketName } = latest.current
                        const day = shown[0]?.days[index] ?? ''
                        return bucketName ? bucketName(day, false) : bucketLabel(day, interval)
                    }),
            },
            {
                stroke: ink3,
                font,
                size: (_, values) => Math.max(34, ...(values ?? []).map((text) => text.length * 7 + 12)),
                gap: 6,
                grid: { stroke: lineColour, width: 1 },
                ticks: { show: false },
                splits: undefined,
                space: 46,
                values: (_, at) => at.map((value) => (latest.current.format ?? formatShort)(value)),
            },
        ],
        hooks: {
            setCursor: [
                (plot) => {
                    const { idx, left, top } = plot.cursor
                    setHover(idx === null || idx === undefined || left === undefined || left < 0 ? null : { bucket: idx, left: left + plot.bbox.left / devicePixelRatio, top: top ?? 0 })
                },
            ],
            setSelect: [
                (plot) => {
                    if (plot.select.width < 12) return
                    const from = Math.max(0, Math.round(plot.posToVal(plot.select.left, 'x')))
                    const to = Math.min(buckets - 1, Math.round(plot.posToVal(plot.select.left + plot.select.width, 'x')))
                    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
                    const { days } = latest.current.lines[0] ?? { days: [] }
                    if (to > from && days[from] && days[to]) latest.current.onZoom?.(days[from], days[to])
                },
            ],
            ready: [(plot) => listenForClicks(plot, kind, latest)],
        },
    }
    return { options, data: [xs, ...data] as uPlot.AlignedData }
}

/** A click opens the nearest number; a drag is a zoom and not a click. */
function listenForClicks(plot: uPlot, kind: Props['kind'], latest: { current: Props }): void {
    let downAt = 0
    plot.over.addEventListener('mousedown', (event) => {
        downAt = event.clientX
    })
    plot.over.addEventListener('click', (event) => {
        const { idx, top } = plot.cursor
        if (Math.abs(event.clientX - downAt) > 4 || idx === null || idx === undefined) return
        const { lines, onPick } = latest.current
        const value = plot.posToVal(top ?? 0, 'y')
        const tops = kind === 'bar' ? stack(lines) : null
        const nearest = tops
            ? lines.find((line, index) => (value < 0 ? (line.data[idx] ?? 0) < 0 && (tops[index]?.[idx] ?? 0) <= value : (line.data[idx] ?? 0) > 0 && (tops[index]?.[idx] ?? 0) >= value))
            : [...lines].sort((a, b) => Math.abs((a.data[idx] ?? 0) - value) - Math.abs((b.data[idx] ?? 0) - value))[0]
        if (nearest && onPick) onPick(nearest, idx)
    })
}
