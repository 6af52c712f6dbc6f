import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { Archive, ArchiveRestore, CirclePlay, CircleStop, CopyPlus, Ellipsis, ExternalLink, Trash2, Undo2 } from 'lucide-react'
import { useState } from 'react'
import { request } from '@/api/client'
import { useProject } from '@/api/project'
import { surveysUrl } from '@/api/survey-queries'
import type { Survey } from '@/api/survey-types'
import { Button, IconButton } from '@/ui/button'
import { Dialog, Menu, MenuItem, MenuLine } from '@/ui/floating'
import { complain, say } from '@/ui/toast'
import { refreshSurvey } from './refresh'

/** What can be done with a survey beside editing it. */
export function SurveyMenu({ survey, changed, onDrop, onEnd, onResume }: { survey: Survey; changed: boolean; onDrop: () => void; onEnd?: () => void; onResume?: () => void }) {
    const project = useProject()
    const client = useQueryClient()
    const navigate = useNavigate()
    const [deleting, setDeleting] = useState(false)
    const url = `${surveysUrl(project.id)}/${survey.id}/`
    const open = (id: string) => navigate({ to: '/project/$projectId/surveys/$surveyId', params: { projectId: String(project.id), surveyId: id } })
    const archive = async (archived: boolean) => {
        try {
            await request('PATCH', url, { archived })
            say(archived ? 'The survey is archived and no longer shown.' : 'The survey is back.')
            await refreshSurvey(client, project.id, survey.id)
        } catch (error) {
            complain(error, archived ? 'Not archived.' : 'Not brought back.')
        }
    }
    const duplicate = async () => {
        try {
            const copy = await request<Survey>('POST', `${url}duplicate/`)
            await refreshSurvey(client, project.id)
            await open(copy.id)
        } catch (error) {
            complain(error, 'Not copied.')
        }
    }
    const remove = async () => {
        try {
            await request('DELETE', url)
            say(`“${survey.name}” is deleted.`)
            await refreshSurvey(client, project.id)
            await navigate({ to: '/project/$projectId/surveys', params: { projectId: String(project.id) } })
        } catch (error) {
            complain(error, 'Not deleted.')
        }
    }
    return (
        <>
            <Menu
                trigger={
                    <IconButton kind="plain" label="More actions">
                        <Ellipsis aria-hidden />
                    </IconButton>
                }
            >
                {changed ? (
                    <MenuItem onSelect={onDrop}>
                        <Undo2 aria-hidden /> Drop the changes
                    </MenuItem>
                ) : null}
                {onEnd ? (
                    <MenuItem onSelect={onEnd}>
                        <CircleStop aria-hidden /> End the survey
                    </MenuItem>
                ) : null}
                {onResume ? (
                    <MenuItem onSelect={onResume}>
                        <CirclePlay aria-hidden /> Run it again
                    </MenuItem>
                ) : null}
                {survey.type === 'external_survey' ? (
                    <MenuItem onSelect={() => window.open(`/external_surveys/${survey.id}`, '_blank', 'noopener')}>
                        <ExternalLink aria-hidden /> Open its page
                    </MenuItem>
                ) : null}
                <MenuItem onSelect={() => void duplicate()}>
                    <CopyPlus aria-hidden /> Make a survey like this
                </MenuItem>
                <MenuItem onSelect={() => void archive(!survey.archived)}>
                    {survey.archived ? <ArchiveRestore aria-hidden /> : <Archive aria-hidden />} {survey.archived ? 'Take out of the archive' : 'Archive'}
                </MenuItem>
                <MenuLine />
                <MenuItem danger onSelect={() => setDeleting(true)}>
                    <Trash2 aria-hidden /> Delete survey
                </MenuItem>
            </Menu>
            {deleting ? (
                <Dialog
                    open
                    onOpenChange={setDeleting}
                    title={`Delete ${survey.name}?`}
                    footer={
                        <>
                            <Button onClick={() => setDeleting(false)}>Keep it</Button>
                            <Button kind="danger" onClick={() => void remove()}>
                                Delete survey
                            </Button>
                        </>
                    }
                >
                    <p className="p-4 text-ink-2">It is no longer shown and cannot be brought back. What people answered stays among the events; archive the survey instead to keep its results together.</p>
                </Dialog>
            ) : null}
        </>
    )
}
