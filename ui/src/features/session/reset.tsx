import { useMutation, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { request } from '@/api/client'
import { preflight } from '@/api/queries'
import { Button } from '@/ui/button'
import { Field, Input } from '@/ui/field'
import { Failed, Skeleton } from '@/ui/states'
import { FormError, SessionCard } from './card'
import { fieldError, formError, useEnter } from './enter'
import { PasswordField } from './password-field'

export function RequestResetPage() {
    const [email, setEmail] = useState('')
    const server = useQuery(preflight)
    const send = useMutation({ mutationFn: () => request('POST', '/api/reset/', { email: email.trim() }) })
    const back = <Link to="/login">Back to the login page</Link>
    if (send.isSuccess) {
        return (
            <SessionCard title="Look in your inbox" lead={`If ${email.trim()} has an account here, a link to set a new password is on its way.`} footer={back}>
                <p className="text-sm text-ink-3">
                    {server.data?.email_service_available === false
                        ? 'This server has no mail server configured: the letter was written to its mail folder, where its operator finds it.'
                        : 'Nothing after a few minutes? Look in the spam folder, or ask the operator of this server whether its mail works.'}
                </p>
            </SessionCard>
        )
    }
    return (
        <SessionCard title="Set a new password" lead="We send you a link that works once." footer={back}>
            <form
                className="flex flex-col gap-4"
                onSubmit={(event) => {
                    event.preventDefault()
                    send.mutate()
                }}
            >
                <FormError>{formError(send.error, ['email'])}</FormError>
                <Field label="Email" error={fieldError(send.error, 'email')}>
                    {(control) => <Input {...control} type="email" required autoFocus autoComplete="username" value={email} onChange={(event) => setEmail(event.target.value)} />}
                </Field>
                <Button kind="primary" size="large" type="submit" busy={send.isPending}>
                    Send the link
                </Button>
            </form>
        </SessionCard>
    )
}

const route = getRouteApi('/reset/$uuid/$token')

export function CompleteResetPage() {
    const { uuid, token } = route.useParams()
    const [password, setPassword] = useState('')
    const base = `/api/reset/${encodeURIComponent(uuid)}/`
    const valid = useQuery({ queryKey: ['reset', uuid, token], queryFn: () => request<null>('GET', `${base}?token=${encodeURIComponent(token)}`).then(() => true), retry: false })
    const enter = useEnter(base, '/login?note=password-changed')
    const again = <Link to="/reset">Ask for a new link</Link>
    if (valid.isError) {
        return (
            <SessionCard title="This link does not work any more" footer={again}>
                <Failed className="!px-0 !py-0" what="It may have expired or been used" error={valid.error} />
            </SessionCard>
        )
    }
    return (
        <SessionCard title="Choose a new password" footer={again}>
            {valid.isPending ? (
                <Skeleton className="h-[80px]" />
            ) : (
                <form
                    className="flex flex-col gap-4"
                    onSubmit={(event) => {
                        event.preventDefault()
                        enter.mutate({ token, password })
                    }}
                >
                    <FormError>{formError(enter.error, ['password'])}</FormError>
                    <PasswordField isNew autoFocus label="New password" value={password} onChange={setPassword} error={fieldError(enter.error, 'password')} />
                    <Button kind="primary" size="large" type="submit" busy={enter.isPending}>
                        Save password
                    </Button>
                </form>
            )}
        </SessionCard>
    )
}
