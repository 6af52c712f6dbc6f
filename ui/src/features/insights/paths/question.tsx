import { useQuery } from '@tanstack/react-query'
import { ChevronDown, Plus, X } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import { useProject } from '@/api/project'
import { eventDefinitions, propertyValues } from '@/api/queries'
import { PickList } from '@/features/filters/public'
import { eventLabel } from '@/lib/known-names'
import { Button, buttonClass, IconButton } from '@/ui/button'
import { Checkbox, Switch } from '@/ui/choice'
import { cx } from '@/ui/classes'
import { Input } from '@/ui/field'
import { Popover } from '@/ui/floating'
import { useSettled } from '@/ui/states'
import { NumberInput } from '../number-input'
import { ActorChoice, FilterSection, Line, Section, type Change } from '../question-parts'
import { RangeChoice, toolbarClass } from '../toolbar-parts'
import { initialPaths, maxEdges, maxSteps, minSteps, pathsProblem, pathTypes, type PathsState } from './state'

type Props = { state: PathsState; onChange: Change<PathsState> }

/** Which events make up a way, and which ways are drawn. */
export function PathsQuestion({ state, onChange }: Props) {
    const project = useProject()
    const set = (part: Partial<PathsState>, options?: { replace?: boolean }) => onChange({ ...state, ...part }, options)
    return (
        <div className="flex flex-col">
            <Section title="Ways through">
                <div className="flex flex-col gap-2 px-3.5 pb-3">
                    {pathTypes.map((type) => (
                        <Checkbox
                            key={type.value}
                            label={type.label}
                            checked={state.types.includes(type.value)}
                            onChange={(on) => {
                                const types = pathTypes.map((known) => known.value).filter((value) => (value === type.value ? on : state.types.includes(value)))
                                if (types.length > 0) set({ types })
                            }}
                        />
                    ))}
                    {state.types.includes('hogql') ? (
                        <>
                            <Input aria-label="Expression" aria-invalid={pathsProblem(state) ? true : undefined} className="font-mono text-[12px]" placeholder="properties.$pathname" value={state.expression} onChange={(event) => set({ expression: event.target.value }, { replace: true })} />
                            {pathsProblem(state) ? (
                                <p role="alert" className="text-sm text-bad">
                                    {pathsProblem(state)}
                                </p>
                            ) : null}
                        </>
                    ) : null}
                    {state.funnel ? (
                        <p className="flex items-center justify-between gap-2 rounded-md bg-sunken px-2.5 py-1.5 text-sm text-ink-2">
                            {funnelText(state)}
                            <IconButton label="All persons again" size="small" className="!w-[22px]" onClick={() => set({ funnel: null })}>
                                <X aria-hidden className="!size-3.5" />
                            </IconButton>
                        </p>
                    ) : null}
                </div>
            </Section>
            <Section title="From and to">
                <div className="flex flex-col gap-1.5 px-3.5 pb-3">
                    <Point label="Start" none="anywhere" value={state.start} state={state} onChange={(start) => set({ start })} />
                    <Point label="End" none="anywhere" value={state.end} state={state} onChange={(end) => set({ end })} />
                </div>
            </Section>
            <Section title="Drawn">
                <div className="flex flex-col gap-1.5 px-3.5 pb-3">
                    <Line label="Steps at most">
                        <NumberInput label="Steps at most" className="!w-[56px]" value={state.steps} min={minSteps} max={maxSteps} onChange={(steps) => set({ steps }, { replace: true })} />
                    </Line>
                    <Line label="Most frequent ways">
                        <NumberInput label="Most frequent ways" className="!w-[56px]" value={state.edges} min={1} max={maxEdges} onChange={(edges) => set({ edges }, { replace: true })} />
                    </Line>
                    <Line label="Taken at least so often">
                        <NumberInput label="Taken at least so often" className="!w-[56px]" value={state.atLeast ?? 1} min={1} max={1_000_000} onChange={(atLeast) => set({ atLeast: atLeast === 1 ? null : atLeast }, { replace: true })} />
                    </Line>
                    <ActorChoice state={state} onChange={onChange} />
                </div>
            </Section>
            <Section title="Count as one">
                <Groupings groupings={state.groupings} onChange={(groupings) => set({ groupings }, { replace: true })} />
                {(project.path_cleaning_filters?.length ?? 0) > 0 ? (
                    <div className="px-3.5 pb-3">
                        <Line label="Clean addresses by the project's rules">
                            <Switch label="Clean addresses by the project's rules" checked={state.clean} onChange={(clean) => set({ clean })} />
                        </Line>
                    </div>
                ) : null}
            </Section>
            <Section title="Leave out">
                <div className="flex flex-wrap gap-1.5 px-3.5 pb-3">
                    {state.exclude.map((item) => (
                        <span key={item} className="inline-flex h-[25px] max-w-full items-center rounded-sm border border-line bg-sunken pl-2 text-sm" title={item}>
                            <span className="truncate" dir="auto">
                                {eventLabel(item)}
                            </span>
                            <button type="button" aria-label={`Count ${item} again`} className="px-1.5 text-ink-3 hover:text-ink" onClick={() => set({ exclude: state.exclude.filter((other) => other !== item) })}>
                                <X className="size-3" aria-hidden />
                            </button>
                        </span>
                    ))}
                    <PointPicker
                        label="Leave out"
                        state={state}
                        onPick={(item) => !state.exclude.includes(item) && set({ exclude: [...state.exclude, item] })}
                        trigger={
                            <button type="button" className={buttonClass('dashed', 'small')}>
                                <Plus className="size-3" aria-hidden /> Page or event
                            </button>
                        }
                    />
                </div>
            </Section>
            <FilterSection state={state} onChange={onChange} last />
        </div>
    )
}

function funnelText(state: PathsState): string {
    const given = state.funnel?.funnelStep ?? 1
    const step = Math.abs(given)
    if (given < 0) return `Only ${state.funnel?.funnelPathType === 'funnel_path_after_step' ? 'what those did later' : 'how those came'} who dropped off before step ${step} of a funnel`
    switch (state.funnel?.funnelPathType) {
        case 'funnel_path_before_step':
            return `Only what leads to step ${step} of a funnel`
        case 'funnel_path_between_steps':
            return `Only what happens between steps ${step - 1} and ${step} of a funnel`
        default:
            return `Only what comes after step ${step} of a funnel`
    }
}

function Point({ label, none, value, state, onChange }: { label: string; none: string; value: string | null; state: PathsState; onChange: (value: string | null) => void }) {
    return (
        <div className="flex min-w-0 items-center gap-2">
            <span className="w-[38px] shrink-0 text-sm text-ink-2">{label}</span>
            <PointPicker
                label={`${label} point`}
                state={state}
                onPick={onChange}
                trigger={
                    <button type="button" aria-label={`${label} point: ${value ?? none}`} title={value ?? undefined} className="flex h-[30px] min-w-0 flex-1 items-center justify-between gap-1.5 rounded-md border border-line-strong bg-surface px-2.5 text-left hover:bg-sunken">
                        <span className={cx('truncate', value === null && 'text-ink-3')} dir="auto">
                            {value === null ? none : eventLabel(value)}
                        </span>
                        <ChevronDown className="size-3.5 shrink-0 text-ink-3" aria-hidden />
                    </button>
                }
            />
            {value === null ? null : (
                <IconButton label={`${label} ${none}`} size="small" className="!w-[24px]" onClick={() => onChange(null)}>
                    <X aria-hidden className="!size-3.5" />
                </IconButton>
            )}
        </div>
    )
}

/** Pages, screens and events that were really sent, or any text. */
function PointPicker({ label, state, onPick, trigger }: { label: string; state: PathsState; onPick: (item: string) => void; trigger: ReactNode }) {
    const project = useProject()
    const [open, setOpen] = useState(false)
    const [search, setSearch] = useState('')
    const settled = useSettled(search, 120)
    const of = (type: PathsState['types'][number]) => open && state.types.includes(type)
    const pages = useQuery({ ...propertyValues(project.id, { type: 'event' }, '$current_url', settled), enabled: of('$pageview') })
    const screens = useQuery({ ...propertyValues(project.id, { type: 'event' }, '$screen_name', settled), enabled: of('$screen') })
    const events = useQuery({ ...eventDefinitions(project.id, settled), enabled: of('custom_event') })
    const trimmed = (address: string) => (address.length > 1 && address.endsWith('/') ? address.slice(0, -1) : address)
    const found = [
        ...(of('$pageview') ? (pages.data ?? []).map((page) => ({ key: trimmed(page), label: trimmed(page), hint: 'page' })) : []),
        ...(of('$screen') ? (screens.data ?? []).map((screen) => ({ key: screen, label: screen, hint: 'screen' })) : []),
        ...(of('custom_event') ? (events.data?.results ?? []).filter((event) => !event.name.startsWith('$')).map((event) => ({ key: event.name, label: event.name, hint: 'event' })) : []),
    ]
    const items = [...new Map(found.map((item) => [item.key, item])).values()]
    const typed = search.trim()
    if (typed !== '' && !items.some((item) => item.key === typed)) items.push({ key: typed, label: typed, hint: 'use this text' })
    return (
        <Popover
            open={open}
            onOpenChange={(next) => {
                setOpen(next)
                if (next) setSearch('')
            }}
            label={label}
            trigger={trigger}
        >
            <PickList
                label="Search pages and events"
                search={search}
                onSearch={setSearch}
                items={items}
                className="!w-[380px]"
                loading={pages.isFetching || screens.isFetching || events.isFetching}
                onPick={(item) => {
                    onPick(item.key)
                    setOpen(false)
                }}
                empty="Nothing yet. Type to use any text."
            />
        </Popover>
    )
}

/** Addresses with a * are one place; the first that fits wins. */
function Groupings({ groupings, onChange }: { groupings: string[]; onChange: (groupings: string[]) => void }) {
    const [draft, setDraft] = useState('')
    const add = () => {
        const text = draft.trim()
        if (text !== '' && !groupings.includes(text)) onChange([...groupings, text])
        setDraft('')
    }
    return (
        <div className="flex flex-col gap-1.5 px-3.5 pb-3">
            {groupings.map((grouping, index) => (
                <div key={index} className="flex items-center gap-1.5">
                    <code className="min-w-0 flex-1 truncate rounded-sm bg-sunken px-2 py-1 font-mono text-[12px]" title={grouping}>
                        {grouping}
                    </code>
                    <IconButton label={`Do not group ${grouping}`} size="small" className="!w-[24px]" onClick={() => onChange(groupings.filter((_, at) => at !== index))}>
                        <X aria-hidden className="!size-3.5" />
                    </IconButton>
                </div>
            ))}
            <form
                className="flex gap-1.5"
                onSubmit={(event) => {
                    event.preventDefault()
                    add()
                }}
            >
                <Input aria-label="Addresses that count as one" className="!h-[26px] font-mono text-[12px]" placeholder="/blog/*" value={draft} onChange={(event) => setDraft(event.target.value)} onBlur={add} />
                <Button type="submit" size="small" disabled={draft.trim() === ''}>
                    Add
                </Button>
            </form>
        </div>
    )
}

export function PathsToolbar({ state, onChange }: Props) {
    const walked = state.start !== null || state.end !== null || state.exclude.length > 0
    return (
        <div className={toolbarClass}>
            <RangeChoice state={state} onChange={onChange} />
            {walked ? (
                <Button kind="quiet" className="md:ml-auto" onClick={() => onChange({ ...state, start: initialPaths.start, end: initialPaths.end, exclude: initialPaths.exclude })}>
                    All paths again
                </Button>
            ) : null}
        </div>
    )
}
