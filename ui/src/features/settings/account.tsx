import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Monitor, Moon, Sun } from 'lucide-react'
import { useState } from 'react'
import { ApiError, request } from '@/api/client'
import { useUser } from '@/api/project'
import type { ThemeMode, User } from '@/api/types'
import { PasswordField } from '@/features/session/public'
import { Button } from '@/ui/button'
import { Segmented } from '@/ui/choice'
import { Field, Input } from '@/ui/field'
import { setTheme, useTheme } from '@/ui/theme'
import { complain, say } from '@/ui/toast'
import { Block } from './parts'

export function AccountSettings() {
    const user = useUser()
    const client = useQueryClient()
    const theme = useTheme()
    const [name, setName] = useState(user.first_name)
    const save = useMutation({
        mutationFn: (part: Partial<User>) => request<User>('PATCH', '/api/users/@me/', part),
        onSuccess: (saved) => {
            client.setQueryData(['me'], saved)
            say('Saved.')
        },
        onError: (error) => complain(error, 'Not saved.'),
    })
    const choose = (mode: ThemeMode) => {
        setTheme(mode)
        void request('PATCH', '/api/users/@me/', { theme_mode: mode }).catch(() => undefined)
    }
    return (
        <>
            <Block title="Theme">
                <Segmented
                    label="Theme"
                    value={theme}
                    onChange={choose}
                    options={[
                        { value: 'light', label: <><Sun aria-hidden /> Light</> },
                        { value: 'dark', label: <><Moon aria-hidden /> Dark</> },
                        { value: 'system', label: <><Monitor aria-hidden /> As the system</> },
                    ]}
                />
            </Block>
            <Block title="You">
                <form
                    className="flex flex-col gap-4"
                    onSubmit={(event) => {
                        event.preventDefault()
                        save.mutate({ first_name: name.trim() })
                    }}
                >
                    <Field label="Name">{(control) => <Input {...control} required maxLength={128} autoComplete="given-name" value={name} onChange={(event) => setName(event.target.value)} />}</Field>
                    <Field label="Email" hint="You log in with it.">
                        {(control) => <Input {...control} readOnly value={user.email} />}
                    </Field>
                    <Button type="submit" className="self-start" disabled={name.trim() === '' || name === user.first_name} busy={save.isPending}>
                        Save name
                    </Button>
                </form>
            </Block>
            <PasswordChange />
        </>
    )
}

function PasswordChange() {
    const [current, setCurrent] = useState('')
    const [next, setNext] = useState('')
    const change = useMutation({
        mutationFn: () => request('PATCH', '/api/users/@me/', { current_password: current, password: next }),
        onSuccess: () => {
            say('Your password is changed.')
            setCurrent('')
            setNext('')
        },
    })
    const wrong = (attr: string) => (change.error instanceof ApiError && change.error.attr === attr ? change.error.detail : null)
    const other = change.error && !wrong('current_password') && !wrong('password') ? change.error.message : null
    return (
        <Block title="Password" about="Other devices are logged out.">
            <form
                className="flex flex-col gap-4"
                onSubmit={(event) => {
                    event.preventDefault()
                    change.mutate()
                }}
            >
                <PasswordField label="Current password" value={current} onChange={setCurrent} error={wrong('current_password') ?? other} />
                <PasswordField label="New password" isNew value={next} onChange={setNext} error={wrong('password')} />
                <Button type="submit" className="self-start" disabled={current === '' || next.length < 8} busy={change.isPending}>
                    Change password
                </Button>
            </form>
        </Block>
    )
}
