/** Takes text as it arrives and gives back the `data` of each complete server-sent event. */
export class SseParser {
    private rest = ''

    push(chunk: string): string[] {
        this.rest += chunk
        const frames = this.rest.split(/\r?\n\r?\n/)
        this.rest = frames.pop() ?? ''
        return frames.flatMap((frame) => {
            const data = frame
                .split(/\r?\n/)
                .filter((line) => line.startsWith('data:'))
                .map((line) => line.slice(5).replace(/^ /, ''))
            return data.length > 0 ? [data.join('\n')] : []
        })
    }
}
