import { useQuery } from '@tanstack/react-query'
import { useProject } from '@/api/project'
import { queryNode } from '@/api/queries'
import type { InsightQuery } from '@/api/insight-types'
import type { StoredQuery } from '@/api/types'
import { Code } from '@/ui/copy'
import { Panel } from '@/ui/panel'
import { Empty, Failed } from '@/ui/states'
import { AnswerSkeleton, Meta } from './answer-frame'
import { unwrap } from './kinds'
import { ResultGrid } from './result-grid'
import { toGrid } from './rows'

/** A question that no editor here can show whole: its answer as it comes, and the question as it is kept. */
export function ReadOnlyInsight({ stored }: { stored: StoredQuery | null }) {
    const project = useProject()
    const source = unwrap(stored)?.source ?? null
    // The server decides what it can answer; the app only has no editor for it.
    const answer = useQuery({ ...queryNode<unknown>(project.id, source as unknown as InsightQuery), enabled: source !== null })
    if (!stored || !source) {
        return (
            <Panel label="Answer">
                <Empty title="This insight has no query">It was made by a very old client, which kept its question in another form.</Empty>
            </Panel>
        )
    }
    return (
        <div className="flex min-w-0 flex-col gap-[14px]">
            <p className="text-ink-2">
                No editor shows all of this <code className="font-mono text-[12px]">{source.kind}</code>. It is answered and kept as it is; nothing here changes it.
            </p>
            {answer.isError ? (
                <Panel>
                    <Failed what="This question could not be answered" error={answer.error} onRetry={() => void answer.refetch()} />
                </Panel>
            ) : answer.data ? (
                <Panel label="Answer" className="overflow-hidden">
                    <ResultGrid grid={toGrid(answer.data)} name={source.kind} />
                    <Meta rows={answer.data.query_metadata?.rows_read} tookMs={answer.data.query_metadata?.time_elapsed_ms ?? answer.data.took_ms} cached={answer.data.is_cached ?? false} asOf={answer.data.last_refresh} />
                </Panel>
            ) : (
                <AnswerSkeleton />
            )}
            <Panel title="The question, as it is kept" className="overflow-hidden">
                <Code text={JSON.stringify(stored, null, 2)} label="Query" className="m-3" />
            </Panel>
        </div>
    )
}
