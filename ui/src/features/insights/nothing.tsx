import { useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, type ReactNode } from 'react'
import { useProject } from '@/api/project'
import { buttonClass } from '@/ui/button'
import { Panel } from '@/ui/panel'
import { Empty } from '@/ui/states'

/** No data to answer with: a project without events is told how to get some, any other what to change. */
export function Nothing({ title, children, meta }: { title: string; children: ReactNode; meta?: ReactNode }) {
    const project = useProject()
    const client = useQueryClient()
    // The first event may have come since the project was looked at.
    useEffect(() => {
        if (!project.ingested_event) void client.invalidateQueries({ queryKey: ['project', project.id] })
    }, [client, project.id, project.ingested_event])
    if (!project.ingested_event) {
        return (
            <Panel label="Answer">
                <Empty
                    title="Nothing to count yet"
                    action={
                        <Link to="/project/$projectId/onboarding" params={{ projectId: String(project.id) }} className={buttonClass('plain')}>
                            Send a first event
                        </Link>
                    }
                >
                    This project has no events. As soon as one arrives, this question has an answer.
                </Empty>
            </Panel>
        )
    }
    return (
        <Panel label="Answer">
            <Empty title={title}>{children}</Empty>
            {meta}
        </Panel>
    )
}
