import { useMemo, useRef, useState } from 'react'
import type { PathEdge } from '@/api/insight-types'
import { formatNumber, formatShort } from '@/lib/numbers'
import { formatMilliseconds } from '@/lib/time'
import { Menu, MenuItem, MenuLine } from '@/ui/floating'
import { SvgButton } from '../svg-button'
import { useWidth } from '../use-width'
import { layOut, nodeWidth, shortItem, type PathNode } from './layout'

export type NodeDoor = 'here' | 'stopped'
export type NodeChange = 'start' | 'end' | 'leave out'

type Props = {
    edges: PathEdge[]
    /** False when ways are left out: who is not drawn on may have gone one of those. */
    whole: boolean
    host: string | null
    onEdge: (edge: PathEdge) => void
    onNode: (node: PathNode, what: NodeDoor) => void
    onChange: (node: PathNode, what: NodeChange) => void
}

/** The ways people take, from left to right; a band is as high as people take that way. */
export function Sankey({ edges, whole, host, onEdge, onNode, onChange }: Props) {
    const box = useRef<HTMLDivElement>(null)
    const room = useWidth(box)
    const layout = useMemo(() => layOut(edges, Math.max(320, room - 32)), [edges, room])
    const [over, setOver] = useState<string | null>(null)
    const touches = (edge: PathEdge) => over === null || edge.source === over || edge.target === over || `${edge.source}|${edge.target}` === over
    const columnWidth = layout.width / Math.max(1, layout.columns)
    return (
        <div ref={box} className="overflow-x-auto px-4 pb-2" tabIndex={0} role="region" aria-label="Paths, step by step">
            <div className="relative" style={{ width: layout.width, height: layout.height }}>
                <svg role="group" aria-label={`${edges.length} ways between ${layout.nodes.length} places. The table below has every number.`} width={layout.width} height={layout.height} className="absolute inset-0">
                    {Array.from({ length: layout.columns }, (_, index) => (
                        <text key={index} aria-hidden x={index * columnWidth} y={12} fontSize="11" fill="var(--ink-3)">
                            Step {index + 1}
                        </text>
                    ))}
                    {layout.ribbons.map(({ edge, from, to, path }) => (
                        <SvgButton
                            key={`${edge.source}|${edge.target}`}
                            label={`${shortItem(from.item, host)} to ${shortItem(to.item, host)}: ${formatNumber(edge.value)} times, after ${formatMilliseconds(edge.average_conversion_time)} on average`}
                            onPress={() => onEdge(edge)}
                            onHover={(on) => setOver(on ? `${edge.source}|${edge.target}` : null)}
                        >
                            <path d={path} fill="var(--s1)" opacity={over === null ? 0.24 : touches(edge) ? 0.5 : 0.08} className="transition-opacity duration-[120ms]" />
                        </SvgButton>
                    ))}
                    {layout.nodes.map((node) => (
                        <g key={node.key} aria-hidden>
                            <rect x={node.x} y={node.y} width={nodeWidth} height={node.height} rx="2.5" fill="var(--s1)" />
                            {node.stopped > 0 && node.outgoing > 0 ? <rect x={node.x} y={node.y + node.height * (node.outgoing / node.value)} width={nodeWidth} height={node.height * (node.stopped / node.value)} rx="2.5" fill="var(--s1)" opacity="0.55" /> : null}
                        </g>
                    ))}
                </svg>
                {layout.nodes.map((node) => (
                    <NodeLabel key={node.key} node={node} whole={whole} text={shortItem(node.item, host)} width={columnWidth - nodeWidth - 14} onHover={setOver} onNode={onNode} onChange={onChange} />
                ))}
            </div>
        </div>
    )
}

function NodeLabel({ node, whole, text, width, onHover, onNode, onChange }: { node: PathNode; whole: boolean; text: string; width: number; onHover: (key: string | null) => void; onNode: Props['onNode']; onChange: Props['onChange'] }) {
    const joined = node.item === '...'
    return (
        <div className="absolute" style={{ left: node.x + nodeWidth + 4, top: node.y - 2, maxWidth: width }} onMouseEnter={() => onHover(node.key)} onMouseLeave={() => onHover(null)}>
            <Menu
                align="start"
                trigger={
                    <button
                        type="button"
                        title={node.item}
                        onFocus={() => onHover(node.key)}
                        onBlur={() => onHover(null)}
                        className="flex max-w-full flex-col rounded-sm px-1 text-left leading-tight hover:bg-[color-mix(in_oklch,var(--surface)_85%,transparent)] data-[state=open]:bg-surface"
                    >
                        <span className="w-full truncate text-sm font-[550]" dir="auto">
                            {text}
                        </span>
                        <span className="w-full truncate text-xs text-ink-2">
                            {formatShort(node.value)}
                            {whole && node.stopped > 0 && node.outgoing > 0 ? `, ${formatShort(node.stopped)} stop` : ''}
                            <span className="sr-only">, step {node.step}</span>
                        </span>
                    </button>
                }
            >
                <MenuItem onSelect={() => onNode(node, 'here')}>Show the persons who came here</MenuItem>
                <MenuItem onSelect={() => onNode(node, 'stopped')}>Show whose path ends here</MenuItem>
                {joined ? null : (
                    <>
                        <MenuLine />
                        <MenuItem onSelect={() => onChange(node, 'start')}>Paths that start here</MenuItem>
                        <MenuItem onSelect={() => onChange(node, 'end')}>Paths that end here</MenuItem>
                        <MenuItem onSelect={() => onChange(node, 'leave out')}>Leave it out</MenuItem>
                    </>
                )}
            </Menu>
        </div>
    )
}
