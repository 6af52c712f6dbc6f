import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { preflight } from '@/api/queries'
import { Button } from '@/ui/button'
import { Field, Input } from '@/ui/field'
import { FormError, SessionCard } from './card'
import { fieldError, formError, useEnter } from './enter'
import { PasswordField } from './password-field'

export function SignupPage() {
    const server = useQuery(preflight)
    const first = server.data ? !server.data.initiated : true
    const [form, setForm] = useState({ first_name: '', email: '', password: '', organization_name: '' })
    const enter = useEnter('/api/signup/', '/')
    const set = (field: keyof typeof form) => (value: string) => setForm({ ...form, [field]: value })
    const wrong = (field: string) => fieldError(enter.error, field)

    if (server.data && server.data.initiated && !server.data.can_create_org) {
        return (
            <SessionCard title="Sign-up is by invitation" lead="This server already has its organization. Ask one of its admins to invite you: Settings, then Members." footer={<Link to="/login">Log in instead</Link>}>
                <Link to="/login" className="text-accent underline underline-offset-2">
                    Go to the login page
                </Link>
            </SessionCard>
        )
    }
    return (
        <SessionCard
            title={first ? 'Set up Hoglet' : 'Create your account'}
            lead={first ? 'You are the first here, so this account owns the server. Everything stays on it.' : undefined}
            footer={first ? null : <Link to="/login">Log in instead</Link>}
        >
            <form
                className="flex flex-col gap-4"
                onSubmit={(event) => {
                    event.preventDefault()
                    enter.mutate({ ...form, organization_name: form.organization_name.trim() || undefined })
                }}
            >
                <FormError>{formError(enter.error, ['first_name', 'email', 'password', 'organization_name'])}</FormError>
                <Field label="Your name" error={wrong('first_name')}>
                    {(control) => <Input {...control} required autoFocus autoComplete="given-name" maxLength={128} value={form.first_name} onChange={(event) => set('first_name')(event.target.value)} />}
                </Field>
                <Field label="Email" error={wrong('email')}>
                    {(control) => <Input {...control} type="email" required autoComplete="username" value={form.email} onChange={(event) => set('email')(event.target.value)} />}
                </Field>
                <PasswordField isNew value={form.password} onChange={set('password')} error={wrong('password')} />
                <Field label="Organization" hint="Optional; you can rename it later." error={wrong('organization_name')}>
                    {(control) => <Input {...control} autoComplete="organization" maxLength={64} value={form.organization_name} onChange={(event) => set('organization_name')(event.target.value)} />}
                </Field>
                <Button kind="primary" size="large" type="submit" busy={enter.isPending}>
                    Create account
                </Button>
            </form>
        </SessionCard>
    )
}
