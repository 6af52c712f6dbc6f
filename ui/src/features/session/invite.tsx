import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { inviteInfo, me } from '@/api/queries'
import { Button } from '@/ui/button'
import { Field, Input } from '@/ui/field'
import { Failed, Skeleton } from '@/ui/states'
import { FormError, SessionCard } from './card'
import { fieldError, formError, useEnter } from './enter'
import { PasswordField } from './password-field'

const route = getRouteApi('/signup/$inviteId')

export function InvitePage() {
    const { inviteId } = route.useParams()
    const invite = useQuery(inviteInfo(inviteId))
    const user = useQuery(me)
    const [name, setName] = useState<string | null>(null)
    const [password, setPassword] = useState('')
    const enter = useEnter(`/api/signup/${encodeURIComponent(inviteId)}/`, '/')

    if (invite.isError) {
        return (
            <SessionCard title="This invitation does not work" footer={<Link to="/login">Go to the login page</Link>}>
                <Failed className="!px-0 !py-0" what="It may have expired or been used" error={invite.error} />
            </SessionCard>
        )
    }
    if (!invite.data) {
        return (
            <SessionCard title="Opening your invitation">
                <Skeleton className="h-[120px]" />
            </SessionCard>
        )
    }
    const firstName = name ?? invite.data.first_name ?? ''
    return (
        <SessionCard title={`Join ${invite.data.organization_name}`} lead={invite.data.target_email ? `This invitation is for ${invite.data.target_email}.` : undefined}>
            <form
                className="flex flex-col gap-4"
                onSubmit={(event) => {
                    event.preventDefault()
                    enter.mutate(user.data ? {} : { first_name: firstName, password })
                }}
            >
                <FormError>{formError(enter.error, ['first_name', 'password'])}</FormError>
                {user.data ? (
                    <p className="text-ink-2">
                        You are logged in as <b className="font-[560] text-ink">{user.data.email}</b>.
                    </p>
                ) : (
                    <>
                        <Field label="Your name" error={fieldError(enter.error, 'first_name')}>
                            {(control) => <Input {...control} required autoFocus autoComplete="given-name" value={firstName} onChange={(event) => setName(event.target.value)} />}
                        </Field>
                        <PasswordField isNew value={password} onChange={setPassword} error={fieldError(enter.error, 'password')} />
                    </>
                )}
                <Button kind="primary" size="large" type="submit" busy={enter.isPending}>
                    Join {invite.data.organization_name}
                </Button>
            </form>
        </SessionCard>
    )
}
