import { useQuery } from '@tanstack/react-query'
import { sharedMetrics } from '@/api/experiment-queries'
import { useProject } from '@/api/project'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/floating'
import { Empty, Failed, SkeletonRows } from '@/ui/states'

/** Takes a shared metric into an experiment. */
export function AttachDialog({ taken, onPick, onClose }: { taken: number[]; onPick: (id: number) => void; onClose: () => void }) {
    const project = useProject()
    const found = useQuery(sharedMetrics(project.id))
    const free = (found.data?.results ?? []).filter((metric) => !taken.includes(metric.id))
    return (
        <Dialog open onOpenChange={(open) => !open && onClose()} title="Take a shared metric">
            {found.isPending ? (
                <SkeletonRows rows={3} columns={1} />
            ) : found.isError ? (
                <Failed what="The metrics could not be read" error={found.error} onRetry={() => void found.refetch()} />
            ) : free.length === 0 ? (
                <Empty title="No other shared metrics">Shared metrics are made on the page of all experiments.</Empty>
            ) : (
                <ul className="flex flex-col p-2">
                    {free.map((metric) => (
                        <li key={metric.id}>
                            <Button kind="quiet" className="w-full !justify-start" onClick={() => onPick(metric.id)}>
                                <span className="truncate" dir="auto">
                                    {metric.name}
                                </span>
                            </Button>
                        </li>
                    ))}
                </ul>
            )}
        </Dialog>
    )
}
