import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import { ApiError, request } from '@/api/client'
import { experiment as experimentQuery, experimentsUrl } from '@/api/experiment-queries'
import type { Experiment } from '@/api/experiment-types'
import { useProject } from '@/api/project'
import { Button } from '@/ui/button'
import { Page } from '@/ui/page'
import { Empty, Failed, Skeleton } from '@/ui/states'
import { TabBar } from '@/ui/tab-links'
import { complain, say } from '@/ui/toast'
import { EndDialog, ExperimentMenu, ShipDialog } from './actions'
import { NewExperiment } from './new-experiment'
import { refreshExperiment } from './refresh'
import { Results } from './results'
import type { ExperimentTab } from './search'
import { Setup } from './setup'
import { SizeCalculator } from './size'
import { StateText, statusOf } from './state'
import { Variants } from './variants'

const route = getRouteApi('/project/$projectId/experiments/$experimentId')

export function Crumb() {
    const project = useProject()
    return (
        <Link to="/project/$projectId/experiments" params={{ projectId: String(project.id) }}>
            Experiments
        </Link>
    )
}

export function ExperimentPage() {
    const { experimentId } = route.useParams()
    return experimentId === 'new' ? <NewExperiment crumb={<Crumb />} /> : <StoredExperiment id={Number(experimentId)} />
}

function StoredExperiment({ id }: { id: number }) {
    const project = useProject()
    const found = useQuery({ ...experimentQuery(project.id, id), enabled: Number.isInteger(id) })
    if (!Number.isInteger(id) || (found.error instanceof ApiError && found.error.status === 404) || found.data?.deleted) {
        return (
            <Page title="Experiment" crumbs={<Crumb />}>
                <Empty title="There is no such experiment">It may have been deleted.</Empty>
            </Page>
        )
    }
    if (found.isError) {
        return (
            <Page title="Experiment" crumbs={<Crumb />}>
                <Failed what="This experiment could not be read" error={found.error} onRetry={() => void found.refetch()} />
            </Page>
        )
    }
    if (!found.data) {
        return (
            <Page title="Experiment" crumbs={<Crumb />}>
                <Skeleton className="mb-4 h-9 !rounded-lg" />
                <Skeleton className="mb-4 h-[120px] !rounded-lg" />
                <Skeleton className="h-[220px] !rounded-lg" />
            </Page>
        )
    }
    return <KnownExperiment key={found.data.id} experiment={found.data} />
}

/** Writes to the experiment and shows what it became; says whether it worked. */
export type Write = (method: 'PATCH' | 'POST', path: string, body: Record<string, unknown> | undefined, done: string) => Promise<boolean>

function KnownExperiment({ experiment }: { experiment: Experiment }) {
    const project = useProject()
    const client = useQueryClient()
    const search = route.useSearch()
    const navigate = route.useNavigate()
    const [busy, setBusy] = useState(false)
    const [open, setOpen] = useState<'end' | 'ship' | null>(null)
    const status = statusOf(experiment)
    const tab: ExperimentTab = search.tab ?? (status === 'draft' ? 'setup' : 'results')
    const write: Write = async (method, path, body, done) => {
        setBusy(true)
        try {
            await request(method, `${experimentsUrl(project.id)}/${experiment.id}/${path}`, body)
            say(done)
            await refreshExperiment(client, project.id, experiment.id)
            return true
        } catch (error) {
            complain(error, 'Not done.')
            return false
        } finally {
            setBusy(false)
        }
    }
    const launch = async () => {
        if (await write('POST', 'launch/', undefined, 'The experiment is running.')) await navigate({ search: {} })
    }
    const metrics = experiment.metrics.length + experiment.metrics_secondary.length + experiment.saved_metrics.length
    const views: Record<ExperimentTab, () => ReactNode> = {
        results: () => <Results experiment={experiment} write={write} onShip={() => setOpen('ship')} />,
        setup: () => <Setup experiment={experiment} write={write} />,
        variants: () => <Variants experiment={experiment} />,
        size: () => <SizeCalculator experiment={experiment} />,
    }
    return (
        <Page
            title={experiment.name}
            crumbs={<Crumb />}
            actions={
                <>
                    <ExperimentMenu experiment={experiment} write={write} onEnd={status === 'running' || status === 'paused' ? () => setOpen('end') : undefined} onShip={status === 'draft' ? undefined : () => setOpen('ship')} />
                    {status === 'draft' ? (
                        <Button kind="primary" busy={busy} disabled={metrics === 0} title={metrics === 0 ? 'Add a metric first, to judge the variants by' : undefined} onClick={() => void launch()}>
                            Launch
                        </Button>
                    ) : null}
                    {status === 'running' ? (
                        <Button busy={busy} onClick={() => setOpen('end')}>
                            End
                        </Button>
                    ) : null}
                    {status === 'paused' ? (
                        <Button kind="primary" busy={busy} onClick={() => void write('POST', 'resume/', undefined, 'The experiment is running again.')}>
                            Resume
                        </Button>
                    ) : null}
                    {status === 'stopped' ? (
                        <Button kind="primary" busy={busy} onClick={() => setOpen('ship')}>
                            Ship a variant
                        </Button>
                    ) : null}
                </>
            }
        >
            <TabBar
                label="Views of this experiment"
                value={tab}
                onChange={(next) => void navigate({ search: { tab: next } })}
                tabs={[
                    { value: 'results', label: 'Results' },
                    { value: 'setup', label: 'Setup' },
                    { value: 'variants', label: 'Variants' },
                    { value: 'size', label: 'Running time' },
                ]}
                aside={
                    <span className="mb-1">
                        <StateText experiment={experiment} />
                    </span>
                }
            />
            <div className="mt-4">{views[tab]()}</div>
            {open === 'end' ? <EndDialog write={write} onClose={() => setOpen(null)} /> : null}
            {open === 'ship' ? <ShipDialog experiment={experiment} write={write} onClose={() => setOpen(null)} /> : null}
        </Page>
    )
}
