/** Where each part of a stacked bar ends; what is negative is stacked downwards by itself. */
export function stack(lines: { data: number[] }[]): number[][] {
    const length = Math.max(0, ...lines.map((line) => line.data.length))
    const above = new Array<number>(length).fill(0)
    const below = new Array<number>(length).fill(0)
    return lines.map((line) =>
        line.data.map((value, index) => {
            const side = value < 0 ? below : above
            side[index] = (side[index] ?? 0) + value
            return side[index]
        })
    )
}
