import type { Experiment, ExperimentStatus } from '@/api/experiment-types'
import { Dot } from '@/ui/panel'

export function statusOf(experiment: Experiment): ExperimentStatus {
    if (!experiment.start_date) return 'draft'
    if (experiment.end_date) return 'stopped'
    return experiment.feature_flag && !experiment.feature_flag.active ? 'paused' : 'running'
}

const words = {
    draft: { tone: 'idle', text: 'Draft' },
    running: { tone: 'good', text: 'Running' },
    paused: { tone: 'warn', text: 'Paused' },
    stopped: { tone: 'idle', text: 'Ended' },
} as const

export function StateText({ experiment }: { experiment: Experiment }) {
    const { tone, text } = words[statusOf(experiment)]
    return (
        <span className="inline-flex items-center gap-2 text-ink-2">
            <Dot tone={tone} /> {experiment.archived ? 'Archived' : text}
        </span>
    )
}
