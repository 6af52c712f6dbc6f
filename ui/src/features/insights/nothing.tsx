import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useProject } from '@/api/project'
import { buttonClass } from '@/ui/button'
import { Panel } from '@/ui/panel'
import { Empty } from '@/ui/states'

/** No data to answer with: a project without events is told how to get some, any other what to change. */
export function Nothing({ title, children, meta }: { title: string; children: ReactNode; meta?: ReactNode }) {
    const project = useProject()
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
