import type { Survey } from '@/api/survey-types'
import { Dot } from '@/ui/panel'
import { stateOf } from './draft'

const words = {
    draft: { tone: 'idle', text: 'Draft' },
    running: { tone: 'good', text: 'Running' },
    ended: { tone: 'idle', text: 'Ended' },
    archived: { tone: 'idle', text: 'Archived' },
} as const

export function StateText({ survey }: { survey: Survey }) {
    const { tone, text } = words[stateOf(survey)]
    return (
        <span className="inline-flex items-center gap-2 text-ink-2">
            <Dot tone={tone} /> {text}
        </span>
    )
}
