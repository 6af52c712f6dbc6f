import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { cohortsOfPerson } from '@/api/cohort-queries'
import { flagAnswers, flagList } from '@/api/flag-queries'
import { useProject } from '@/api/project'
import type { Person } from '@/api/types'
import { whyText } from '@/features/flags/public'
import { cx } from '@/ui/classes'
import { Chip, Panel } from '@/ui/panel'
import { Empty, Failed, SkeletonRows } from '@/ui/states'

const most = 500

/** What each enabled flag answers this person, and why. */
export function PersonFlags({ person }: { person: Person }) {
    const project = useProject()
    const projectId = String(project.id)
    const distinctId = person.distinct_ids[0] ?? ''
    const answers = useQuery(flagAnswers(project.id, distinctId))
    const known = useQuery(flagList(project.id, {}, 0, most))
    const rows = Object.entries(answers.data ?? {}).sort(([a], [b]) => a.localeCompare(b))
    const idOf = (key: string) => known.data?.results.find((flag) => flag.key === key)?.id
    return (
        <Panel title="What flags answer them" label="What flags answer them" className="overflow-hidden">
            {answers.isPending ? (
                <SkeletonRows rows={4} columns={3} />
            ) : answers.isError ? (
                <Failed what="The flags could not be asked" error={answers.error} onRetry={() => void answers.refetch()} />
            ) : rows.length === 0 ? (
                <Empty title="No flag is enabled">Once one is, you see here what it answers this person.</Empty>
            ) : (
                <ul className="pt-1">
                    {rows.map(([key, { value, evaluation }]) => {
                        const id = idOf(key)
                        const variant = typeof value === 'string' ? value : null
                        const why = whyText({ evaluation: { enabled: value !== false, variant, payload: null, reason: { code: evaluation.reason, condition_index: evaluation.condition_index } }, steps: [] })
                        return (
                            <li key={key} className="grid grid-cols-[minmax(0,1fr)_auto] items-baseline gap-x-4 border-t border-line px-4 py-1.5 sm:grid-cols-[minmax(0,2fr)_minmax(0,1fr)_minmax(0,3fr)]">
                                {id === undefined ? (
                                    <span className="truncate">{key}</span>
                                ) : (
                                    <Link to="/project/$projectId/feature_flags/$flagId" params={{ projectId, flagId: String(id) }} search={{ tab: 'explain', as: distinctId }} title={`Explain ${key}`} className="truncate font-[550] hover:underline">
                                        {key}
                                    </Link>
                                )}
                                <b className={cx('truncate font-[600]', value === false ? 'text-ink-3' : 'text-good')} dir="auto">
                                    {variant ?? (value === true ? 'On' : 'Off')}
                                </b>
                                <span className="text-sm text-ink-3 max-sm:col-span-2">{why}</span>
                            </li>
                        )
                    })}
                </ul>
            )}
        </Panel>
    )
}

export function PersonCohorts({ person }: { person: Person }) {
    const project = useProject()
    const found = useQuery(cohortsOfPerson(project.id, person.uuid))
    return (
        <Panel title="Cohorts" label="Cohorts">
            <div className="flex flex-wrap gap-1.5 px-4 pt-1 pb-4">
                {found.isError ? <span className="text-sm text-bad">Not known: {found.error.message}</span> : null}
                {found.data?.length === 0 ? <span className="text-ink-3">In none.</span> : null}
                {(found.data ?? []).map((cohort) => (
                    <Link key={cohort.id} to="/project/$projectId/cohorts/$cohortId" params={{ projectId: String(project.id), cohortId: String(cohort.id) }} className="max-w-full rounded-sm">
                        <Chip className="hover:border-line-strong hover:text-ink">
                            <span className="truncate" dir="auto">
                                {cohort.name}
                            </span>
                        </Chip>
                    </Link>
                ))}
            </div>
        </Panel>
    )
}
