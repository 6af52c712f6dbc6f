import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Trash2 } from 'lucide-react'
import { useState } from 'react'
import { request } from '@/api/client'
import { host, levelName, levels, useUser } from '@/api/project'
import { invites as inviteQuery, members as memberQuery, preflight } from '@/api/queries'
import type { Invite, Member } from '@/api/types'
import { formatAgo } from '@/lib/time'
import { Button, IconButton } from '@/ui/button'
import { Select } from '@/ui/choice'
import { CopyButton } from '@/ui/copy'
import { Field, Input } from '@/ui/field'
import { Confirm } from '@/ui/floating'
import { Failed, SkeletonRows, useNow } from '@/ui/states'
import { complain, say } from '@/ui/toast'
import { Block } from './parts'

const levelOptions = [
    { value: String(levels.member), label: 'Member' },
    { value: String(levels.admin), label: 'Admin' },
    { value: String(levels.owner), label: 'Owner' },
]

export function Members() {
    const user = useUser()
    const list = useQuery(memberQuery)
    const own = list.data?.results.find((member) => member.user.uuid === user.uuid)?.level ?? user.organization?.membership_level ?? levels.member
    return (
        <>
            <InviteForm mayChoose={own} />
            <Block title={`Members of ${user.organization?.name ?? 'the organization'}`} about="Admins change settings and members; owners can also delete projects and the organization.">
                {list.isPending ? (
                    <SkeletonRows rows={3} columns={3} />
                ) : list.isError ? (
                    <Failed className="!px-0" what="The members could not be read" error={list.error} onRetry={() => void list.refetch()} />
                ) : (
                    <ul>
                        {list.data.results.map((member) => (
                            <MemberLine key={member.id} member={member} own={own} self={member.user.uuid === user.uuid} />
                        ))}
                    </ul>
                )}
            </Block>
        </>
    )
}

function MemberLine({ member, own, self }: { member: Member; own: number; self: boolean }) {
    const client = useQueryClient()
    const now = useNow(60_000)
    const url = `/api/organizations/@current/members/${member.user.uuid}/`
    const mayChange = own >= levels.admin && !self && own >= member.level
    const name = [member.user.first_name, member.user.last_name].filter(Boolean).join(' ') || member.user.email
    const refresh = () => client.invalidateQueries({ queryKey: ['members'] })
    const change = useMutation({
        mutationFn: (level: number) => request('PATCH', url, { level }),
        onSuccess: async (_, level) => {
            say(`${name} is ${levelName(level).toLowerCase()} now.`)
            await refresh()
        },
        onError: (error) => complain(error, 'Not changed.'),
    })
    const remove = async () => {
        try {
            await request('DELETE', url)
            say(`${name} is no longer a member.`)
            await refresh()
        } catch (error) {
            complain(error, 'Not removed.')
            throw error
        }
    }
    return (
        <li className="flex items-center gap-3 border-b border-line py-2 last:border-0">
            <div className="min-w-0 flex-1">
                <div className="truncate font-[550]" dir="auto">
                    {name} {self ? <span className="font-[450] text-ink-3">(you)</span> : null}
                </div>
                <div className="truncate text-sm text-ink-3">
                    {member.user.email} · joined {formatAgo(member.joined_at, now)}
                </div>
            </div>
            {mayChange ? (
                <>
                    <Select
                        label={`Level of ${name}`}
                        className="w-[110px]"
                        value={String(member.level)}
                        options={levelOptions.filter((option) => Number(option.value) <= own)}
                        onChange={(level) => change.mutate(Number(level))}
                    />
                    <Confirm
                        trigger={
                            <IconButton label={`Remove ${name}`}>
                                <Trash2 aria-hidden />
                            </IconButton>
                        }
                        title={`Remove ${name}?`}
                        consequence="They lose access to every project at once, and their personal API keys stop working here. What they made stays."
                        action="Remove member"
                        onConfirm={remove}
                    />
                </>
            ) : (
                <span className="text-sm text-ink-2">{levelName(member.level)}</span>
            )}
        </li>
    )
}

function InviteForm({ mayChoose }: { mayChoose: number }) {
    const client = useQueryClient()
    const now = useNow(60_000)
    const pending = useQuery(inviteQuery)
    const server = useQuery(preflight)
    const [email, setEmail] = useState('')
    const [level, setLevel] = useState(String(levels.member))
    const send = useMutation({
        mutationFn: () => request<Invite>('POST', '/api/organizations/@current/invites/', { target_email: email.trim(), level: Number(level) }),
        onSuccess: async (invite) => {
            say(invite.emailing_attempt_made ? `A letter is on its way to ${invite.target_email}.` : 'The invitation is ready. Send its link yourself.')
            setEmail('')
            await client.invalidateQueries({ queryKey: ['invites'] })
        },
        onError: (error) => complain(error, 'Not invited.'),
    })
    const withdraw = async (invite: Invite) => {
        try {
            await request('DELETE', `/api/organizations/@current/invites/${invite.id}/`)
            await client.invalidateQueries({ queryKey: ['invites'] })
            say('The invitation is withdrawn.')
        } catch (error) {
            complain(error, 'Not withdrawn.')
        }
    }
    const open = pending.data?.results ?? []
    return (
        <Block
            title="Invite"
            about={server.data?.email_service_available === false ? 'No mail server is configured: copy the link of the invitation and send it yourself.' : 'They get a letter with a link; it works for three days.'}
        >
            <form
                className="flex flex-wrap items-end gap-2"
                onSubmit={(event) => {
                    event.preventDefault()
                    send.mutate()
                }}
            >
                <Field label="Email" className="min-w-[200px] flex-1">
                    {(control) => <Input {...control} type="email" required placeholder="colleague@example.com" value={email} onChange={(event) => setEmail(event.target.value)} />}
                </Field>
                <Select label="Level" className="w-[110px]" value={level} options={levelOptions.filter((option) => Number(option.value) <= mayChoose)} onChange={setLevel} />
                <Button kind="primary" type="submit" busy={send.isPending}>
                    Invite
                </Button>
            </form>
            {open.length > 0 ? (
                <ul className="mt-4">
                    {open.map((invite) => (
                        <li key={invite.id} className="flex flex-wrap items-center gap-x-3 gap-y-1 border-t border-line py-2">
                            <span className="min-w-0 flex-1 truncate" dir="auto">
                                {invite.target_email}{' '}
                                <span className="text-sm text-ink-3">
                                    {levelName(invite.level)}, {invite.is_expired ? 'expired' : `invited ${formatAgo(invite.created_at, now)}`}
                                </span>
                            </span>
                            {invite.is_expired ? null : <CopyButton text={`${host()}/signup/${invite.id}`} label="Copy link" />}
                            <Button size="small" kind="quiet" onClick={() => void withdraw(invite)}>
                                Withdraw
                            </Button>
                        </li>
                    ))}
                </ul>
            ) : null}
        </Block>
    )
}
