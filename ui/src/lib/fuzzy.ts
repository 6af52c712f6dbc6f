/** How well `query` matches `text`: null for not at all; higher is better. Letters must appear in order; starts of words count more. */
export function score(query: string, text: string): number | null {
    const wanted = query.trim().toLowerCase()
    if (wanted === '') return 0
    const hay = text.toLowerCase()
    const at = hay.indexOf(wanted)
    if (at >= 0) return 1000 - at - hay.length / 100 + (at === 0 || /[^a-z0-9]/.test(hay[at - 1] ?? '') ? 200 : 0)
    let points = 0
    let from = 0
    for (const letter of wanted) {
        if (letter === ' ') continue
        const found = hay.indexOf(letter, from)
        if (found < 0) return null
        points += found === from ? 5 : /[^a-z0-9]/.test(hay[found - 1] ?? ' ') ? 4 : 0
        points -= Math.min(found - from, 10) / 10
        from = found + 1
    }
    return points - hay.length / 100
}

export function rank<T>(query: string, items: T[], text: (item: T) => string): T[] {
    if (query.trim() === '') return items
    return items
        .map((item) => ({ item, points: score(query, text(item)) }))
        .filter((entry): entry is { item: T; points: number } => entry.points !== null)
        .sort((a, b) => b.points - a.points)
        .map((entry) => entry.item)
}
