import type { PathEdge } from '@/api/insight-types'

export type PathNode = {
    key: string
    /** From 1. */
    step: number
    item: string
    /** Passages through here: as many as came in, or went on where nobody came in. */
    value: number
    incoming: number
    outgoing: number
    /** Came here and did not go on, as far as the drawn edges tell. */
    stopped: number
    x: number
    y: number
    height: number
}

export type Ribbon = { edge: PathEdge; from: PathNode; to: PathNode; width: number; path: string }

export type Layout = { nodes: PathNode[]; ribbons: Ribbon[]; width: number; height: number; columns: number }

export const nodeWidth = 12
const slotHeight = 34
const gap = 10
const top = 26

/** "2_/about" → step 2, "/about". */
export function parseKey(key: string): { step: number; item: string } {
    const match = /^(\d+)_([\s\S]*)$/.exec(key)
    return match ? { step: Number(match[1]), item: match[2] ?? '' } : { step: 1, item: key }
}

function nodesOf(edges: PathEdge[]): Map<string, PathNode> {
    const nodes = new Map<string, PathNode>()
    const at = (key: string): PathNode => {
        const known = nodes.get(key)
        if (known) return known
        const node = { key, ...parseKey(key), value: 0, incoming: 0, outgoing: 0, stopped: 0, x: 0, y: 0, height: 0 }
        nodes.set(key, node)
        return node
    }
    for (const edge of edges) {
        at(edge.source).outgoing += edge.value
        at(edge.target).incoming += edge.value
    }
    for (const node of nodes.values()) {
        node.value = Math.max(node.incoming, node.outgoing)
        node.stopped = node.incoming > 0 ? Math.max(0, node.incoming - node.outgoing) : 0
    }
    return nodes
}

/** A band whose two ends are as high as the edge is wide, and that leaves and arrives level. */
function band(x0: number, y0: number, x1: number, y1: number, width: number): string {
    const middle = (x0 + x1) / 2
    const part = (number: number) => number.toFixed(1)
    return `M${part(x0)},${part(y0)}C${part(middle)},${part(y0)} ${part(middle)},${part(y1)} ${part(x1)},${part(y1)}V${part(y1 + width)}C${part(middle)},${part(y1 + width)} ${part(middle)},${part(y0 + width)} ${part(x0)},${part(y0 + width)}Z`
}

/** Where every step and every way between two steps is drawn. Heights are passages; a node is never too low for its label. */
export function layOut(edges: PathEdge[], room: number): Layout {
    const nodes = nodesOf(edges)
    const columns = new Map<number, PathNode[]>()
    for (const node of nodes.values()) columns.set(node.step, [...(columns.get(node.step) ?? []), node])
    const steps = [...columns.keys()].sort((a, b) => a - b)
    const widest = Math.max(1, ...[...columns.values()].map((column) => column.length))
    const heaviest = Math.max(1, ...[...columns.values()].map((column) => column.reduce((sum, node) => sum + node.value, 0)))
    const scale = Math.max(220, Math.min(460, widest * 36)) / heaviest
    const columnWidth = Math.max(130, (room - nodeWidth) / Math.max(1, steps.length))
    let height = 0
    for (const [index, step] of steps.entries()) {
        const column = columns.get(step) ?? []
        // A node stands near those that lead to it, so that bands cross less.
        const pull = (node: PathNode): number => {
            const into = edges.filter((edge) => edge.target === node.key)
            const weight = into.reduce((sum, edge) => sum + edge.value, 0)
            return weight === 0 ? -node.value : into.reduce((sum, edge) => sum + edge.value * (nodes.get(edge.source)?.y ?? 0), 0) / weight
        }
        const order = new Map(column.map((node) => [node.key, pull(node)]))
        column.sort((a, b) => (order.get(a.key) ?? 0) - (order.get(b.key) ?? 0) || b.value - a.value)
        let y = top
        for (const node of column) {
            node.x = index * columnWidth
            node.y = y
            node.height = Math.max(3, node.value * scale)
            y += Math.max(slotHeight, node.height) + gap
        }
        height = Math.max(height, y)
    }
    return { nodes: [...nodes.values()], ribbons: ribbonsOf(edges, nodes, scale), width: Math.max(room, steps.length * columnWidth), height, columns: steps.length }
}

function ribbonsOf(edges: PathEdge[], nodes: Map<string, PathNode>, scale: number): Ribbon[] {
    const left = new Map<string, number>()
    const right = new Map<string, number>()
    const ends = edges.map((edge) => ({ edge, from: nodes.get(edge.source)!, to: nodes.get(edge.target)! }))
    const starts = new Map([...ends].sort((a, b) => a.to.y - b.to.y).map(({ edge, from }) => {
        const offset = right.get(from.key) ?? 0
        right.set(from.key, offset + edge.value * scale)
        return [edge, from.y + offset]
    }))
    return [...ends]
        .sort((a, b) => a.from.y - b.from.y)
        .map(({ edge, from, to }) => {
            const offset = left.get(to.key) ?? 0
            const width = Math.max(1.2, edge.value * scale)
            left.set(to.key, offset + edge.value * scale)
            return { edge, from, to, width, path: band(from.x + nodeWidth, starts.get(edge) ?? from.y, to.x, to.y + offset, width) }
        })
}

/** The host that all addresses share, or null. */
export function sharedHost(items: string[]): string | null {
    const hosts = new Set(items.flatMap((item) => /^https?:\/\/([^/]+)/.exec(item)?.[1] ?? []))
    return hosts.size === 1 ? ([...hosts][0] ?? null) : null
}

/** An address without what all of them have in common. */
export function shortItem(item: string, host: string | null): string {
    if (item === '') return '(empty)'
    const match = /^https?:\/\/([^/]+)(\/.*)?$/.exec(item)
    if (!match) return item
    return match[1] === host ? (match[2] ?? '/') : `${match[1]}${match[2] ?? ''}`
}
