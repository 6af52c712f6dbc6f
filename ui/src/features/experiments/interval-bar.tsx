/** Where the effect lies: the interval as a bar, the estimate as a line in it, no effect in the middle. */
export function IntervalBar({ from, to, at, reach, tone, label }: { from: number; to: number; at: number; reach: number; tone: 'good' | 'bad' | 'idle'; label: string }) {
    const place = (value: number): number => 50 + (Math.max(-reach, Math.min(reach, value)) / reach) * 50
    const colour = { good: 'var(--good)', bad: 'var(--bad)', idle: 'var(--ink-3)' }[tone]
    return (
        <svg role="img" aria-label={label} viewBox="0 0 100 20" preserveAspectRatio="none" className="h-5 w-full min-w-[120px]">
            <line x1="50" x2="50" y1="0" y2="20" stroke="var(--line-strong)" strokeWidth="1" vectorEffect="non-scaling-stroke" />
            <rect x={place(from)} width={Math.max(0.4, place(to) - place(from))} y="5" height="10" fill={colour} opacity="0.35" />
            <line x1={place(at)} x2={place(at)} y1="3" y2="17" stroke={colour} strokeWidth="2" vectorEffect="non-scaling-stroke" />
        </svg>
    )
}
