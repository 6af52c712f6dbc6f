import { Link } from '@tanstack/react-router'
import type { Experiment } from '@/api/experiment-types'
import { useProject } from '@/api/project'
import { seriesColour } from '@/features/insights/public'
import { formatNumber } from '@/lib/numbers'
import { buttonClass } from '@/ui/button'
import { Panel } from '@/ui/panel'
import { excluded } from './holdouts'

/** What the flag serves. Editing it is the flag's business. */
export function Variants({ experiment }: { experiment: Experiment }) {
    const project = useProject()
    const variants = experiment.parameters?.feature_flag_variants ?? []
    const rollout = experiment.feature_flag?.filters.groups?.[0]?.rollout_percentage ?? 100
    return (
        <div className="flex max-w-[760px] flex-col gap-[18px]">
            <Panel title="Variants" label="Variants">
                <ul className="px-4 pb-3">
                    {variants.map((variant, index) => (
                        <li key={variant.key} className="row-line flex h-9 items-center gap-2.5 last:border-0">
                            <span aria-hidden className="size-[9px] rounded-[3px]" style={{ background: seriesColour(index) }} />
                            <span className="min-w-0 flex-1 truncate font-mono text-[12.5px]" title={variant.key}>
                                {variant.key}
                                {index === 0 ? <span className="font-sans text-ink-3"> baseline</span> : null}
                            </span>
                            <span>{formatNumber(variant.rollout_percentage)}%</span>
                        </li>
                    ))}
                </ul>
            </Panel>
            <Panel label="Flag" className="flex flex-wrap items-center gap-4 p-4">
                <p className="mr-auto text-ink-2">
                    Served by the flag <code className="font-mono text-sm">{experiment.feature_flag_key}</code> to {formatNumber(rollout)}% of {experiment.feature_flag?.filters.aggregation_group_type_index !== null && experiment.feature_flag?.filters.aggregation_group_type_index !== undefined ? 'groups' : 'people'}
                    {experiment.holdout ? `, without the ${formatNumber(excluded(experiment.holdout))}% held out by “${experiment.holdout.name}”` : ''}.
                </p>
                {experiment.feature_flag ? (
                    <Link to="/project/$projectId/feature_flags/$flagId" params={{ projectId: String(project.id), flagId: String(experiment.feature_flag.id) }} className={buttonClass('plain')}>
                        Open the flag
                    </Link>
                ) : null}
            </Panel>
        </div>
    )
}
