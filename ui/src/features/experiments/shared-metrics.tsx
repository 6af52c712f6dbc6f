import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { request } from '@/api/client'
import { sharedMetrics } from '@/api/experiment-queries'
import type { ExperimentMetric, SharedMetric } from '@/api/experiment-types'
import { useProject } from '@/api/project'
import { Button } from '@/ui/button'
import { Confirm } from '@/ui/floating'
import { Panel } from '@/ui/panel'
import { Empty, Failed, SkeletonRows } from '@/ui/states'
import { Table, type Column } from '@/ui/table'
import { complain, say } from '@/ui/toast'
import { MetricDialog } from './metric-dialog'
import { freshMetric, metricName, metricTypes } from './metric-draft'

/** Metrics that several experiments use. */
export function SharedMetrics() {
    const project = useProject()
    const client = useQueryClient()
    const found = useQuery(sharedMetrics(project.id))
    const [editing, setEditing] = useState<SharedMetric | 'new' | null>(null)
    const rows = found.data?.results ?? []
    const url = `/api/projects/${project.id}/experiment_saved_metrics/`
    const refresh = () => client.invalidateQueries({ queryKey: ['shared-metrics', project.id] })
    const save = async (metric: ExperimentMetric) => {
        const body = { name: metricName(metric), query: metric }
        try {
            await (editing !== null && editing !== 'new' ? request('PATCH', `${url}${editing.id}/`, body) : request('POST', url, body))
            say('Saved.')
            setEditing(null)
            await refresh()
        } catch (error) {
            complain(error, 'Not saved.')
        }
    }
    const remove = async (metric: SharedMetric) => {
        try {
            await request('DELETE', `${url}${metric.id}/`)
            say(`“${metric.name}” is deleted.`)
            await refresh()
        } catch (error) {
            complain(error, 'Not deleted.')
            throw error
        }
    }
    const columns: Column<SharedMetric>[] = [
        { id: 'name', label: 'Metric', cell: (metric) => <span className="font-[550]" dir="auto">{metric.name}</span> },
        { id: 'type', label: 'Kind', wide: true, width: '130px', cell: (metric) => <span className="text-ink-2">{metricTypes.find((type) => type.value === metric.query.metric_type)?.label}</span> },
        {
            id: 'actions',
            label: '',
            width: '90px',
            cell: (metric) => (
                <Confirm
                    trigger={
                        <Button kind="quiet" size="small">
                            Delete
                        </Button>
                    }
                    title={`Delete ${metric.name}?`}
                    consequence="Experiments that use it no longer show it."
                    action="Delete metric"
                    onConfirm={() => remove(metric)}
                />
            ),
        },
    ]
    return (
        <>
            <Button className="mb-3" onClick={() => setEditing('new')}>
                <Plus className="size-4" aria-hidden /> Shared metric
            </Button>
            <Panel label="Shared metrics" className="overflow-hidden">
                {found.isPending ? (
                    <SkeletonRows rows={3} columns={2} />
                ) : found.isError ? (
                    <Failed what="The metrics could not be read" error={found.error} onRetry={() => void found.refetch()} />
                ) : rows.length === 0 ? (
                    <Empty title="No shared metrics">A metric that several experiments should be judged by is described once, here, and taken into each of them.</Empty>
                ) : (
                    <Table label="Shared metrics" rows={rows} columns={columns} rowKey={(metric) => String(metric.id)} onOpen={setEditing} />
                )}
            </Panel>
            {editing ? (
                <MetricDialog
                    title={editing === 'new' ? 'New shared metric' : editing.name}
                    metric={editing === 'new' ? freshMetric(crypto.randomUUID()) : { ...editing.query, name: editing.name }}
                    action="Save metric"
                    onSave={(metric) => void save(metric)}
                    onClose={() => setEditing(null)}
                />
            ) : null}
        </>
    )
}
