import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, Navigate } from '@tanstack/react-router'
import { useState } from 'react'
import { me, preflight } from '@/api/queries'
import { Button } from '@/ui/button'
import { Field, Input } from '@/ui/field'
import { FormError, SessionCard } from './card'
import { formError, safeNext, useEnter } from './enter'
import { PasswordField } from './password-field'

const route = getRouteApi('/login')

export function LoginPage() {
    const { next, note } = route.useSearch()
    const [email, setEmail] = useState('')
    const [password, setPassword] = useState('')
    const enter = useEnter('/api/login/', safeNext(next))
    const server = useQuery(preflight)
    const user = useQuery(me)
    if (user.data && !enter.isPending) return <Navigate to={safeNext(next)} replace />
    if (server.data && !server.data.initiated) return <Navigate to="/signup" replace />
    return (
        <SessionCard
            title="Log in"
            lead={note === 'password-changed' ? 'Your password is changed. Log in with the new one.' : undefined}
            footer={
                <>
                    <Link to="/reset">Forgot your password?</Link>
                    {server.data?.can_create_org ? (
                        <>
                            {' · '}
                            <Link to="/signup">Create an account</Link>
                        </>
                    ) : null}
                </>
            }
        >
            <form
                className="flex flex-col gap-4"
                onSubmit={(event) => {
                    event.preventDefault()
                    enter.mutate({ email: email.trim(), password })
                }}
            >
                <FormError>{formError(enter.error, [])}</FormError>
                <Field label="Email">
                    {(control) => <Input {...control} type="email" required autoFocus autoComplete="username" value={email} onChange={(event) => setEmail(event.target.value)} />}
                </Field>
                <PasswordField value={password} onChange={setPassword} />
                <Button kind="primary" size="large" type="submit" busy={enter.isPending}>
                    Log in
                </Button>
            </form>
        </SessionCard>
    )
}
