/** The end of an axis that holds `most` and whose quarters are round. */
export function niceTop(most: number): number {
    if (most <= 4) return 4
    const power = 10 ** Math.floor(Math.log10(most))
    const step = [1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10].find((candidate) => candidate * power >= most) ?? 10
    return step * power
}
