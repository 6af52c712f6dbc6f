import { useQueryClient } from '@tanstack/react-query'
import type { EditorView } from '@codemirror/view'
import { BarChart3, Braces, Hash, LineChart, Play, Table2 } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { useProject } from '@/api/project'
import { FilterChips } from '@/features/filters/public'
import { Button } from '@/ui/button'
import { Segmented } from '@/ui/choice'
import { Dialog } from '@/ui/floating'
import { commandKey } from '@/ui/page'
import { Kbd, Panel } from '@/ui/panel'
import type { Change } from '../question-parts'
import { RangeChoice, toolbarClass } from '../toolbar-parts'
import { SqlAnswer } from './answer'
import { createEditor, insert, replaceText } from './codemirror'
import { checker, suggester } from './language'
import { Schema } from './schema'
import { takesFilters, type SqlState, type SqlView } from './state'

const views: { value: SqlView; name: string; icon: typeof Table2 }[] = [
    { value: 'ActionsTable', name: 'Table', icon: Table2 },
    { value: 'ActionsLineGraph', name: 'Line', icon: LineChart },
    { value: 'ActionsBar', name: 'Bars', icon: BarChart3 },
    { value: 'BoldNumber', name: 'Number', icon: Hash },
]

type Props = { state: SqlState; onChange: Change<SqlState> }

/** What there is to ask about at the left; the text and its answer at the right. The text runs when it is told to. */
export function SqlEditor({ state, onChange }: Props) {
    const client = useQueryClient()
    const project = useProject()
    const view = useRef<EditorView | null>(null)
    const [sheet, setSheet] = useState(false)
    // What was run last; an address that is opened runs at once.
    const [ran, setRan] = useState(state.sql)
    const typed = useRef(state.sql)
    const run = () => {
        if (typed.current === ran) void client.invalidateQueries({ queryKey: ['query', project.id] })
        setRan(typed.current)
    }
    const put = (text: string) => {
        setSheet(false)
        if (view.current) insert(view.current, text)
    }
    return (
        <div className="grid items-start gap-[18px] md:grid-cols-[300px_minmax(0,1fr)]">
            <Panel label="Schema" className="hidden md:block">
                <Schema onPick={put} />
            </Panel>
            <div className="min-w-0">
                <Panel label="Query" className="mb-3 overflow-hidden focus-within:border-line-strong">
                    <Text
                        state={state}
                        onView={(created) => (view.current = created)}
                        onText={(text) => (typed.current = text)}
                        onSettled={(sql) => onChange({ ...state, sql }, { replace: true })}
                        onOther={setRan}
                        onRun={run}
                    />
                    <div className="flex flex-wrap items-center gap-2 border-t border-line px-3 py-2">
                        <Button onClick={run}>
                            <Play className="size-3.5" aria-hidden /> Run <Kbd>{commandKey}⏎</Kbd>
                        </Button>
                        <Button kind="quiet" className="md:hidden" onClick={() => setSheet(true)}>
                            <Braces className="size-4" aria-hidden /> Schema
                        </Button>
                        <span className="ml-auto text-sm text-ink-3">{typed.current === ran && state.sql === ran ? '' : 'Changed since it ran'}</span>
                    </div>
                </Panel>
                <div className={toolbarClass}>
                    {takesFilters(ran) ? (
                        <>
                            <RangeChoice state={state} onChange={onChange} />
                            <FilterChips filters={state.filters} onChange={(filters) => onChange({ ...state, filters })} />
                        </>
                    ) : (
                        <span className="text-sm text-ink-3">
                            Write <code className="font-mono text-[12px]">{'WHERE {filters}'}</code> to choose dates and filters here.
                        </span>
                    )}
                    <Segmented label="Show as" className="md:ml-auto" value={state.view} onChange={(next) => onChange({ ...state, view: next })} options={views.map(({ value, name, icon: Icon }) => ({ value, name, hint: name, label: <Icon aria-hidden /> }))} />
                </div>
                <SqlAnswer state={{ ...state, sql: ran }} onChange={(next) => onChange({ ...next, sql: typed.current })} />
            </div>
            <Dialog open={sheet} onOpenChange={setSheet} side="right" title="Schema">
                <Schema onPick={put} />
            </Dialog>
        </div>
    )
}

type TextProps = {
    state: SqlState
    onView: (view: EditorView | null) => void
    onText: (text: string) => void
    /** The text once typing rests, for the address. */
    onSettled: (text: string) => void
    /** Another text came from outside: back, forward, another link. */
    onOther: (text: string) => void
    onRun: () => void
}

function Text(props: TextProps) {
    const project = useProject()
    const client = useQueryClient()
    const box = useRef<HTMLDivElement>(null)
    const latest = useRef(props)
    latest.current = props
    const own = useRef<{ view: EditorView; text: string; timer: ReturnType<typeof setTimeout> | undefined } | null>(null)
    useEffect(() => {
        if (!box.current) return
        const start = latest.current.state.sql
        const view = createEditor(box.current, start, {
            onChange: (text) => {
                if (!own.current || own.current.text === text) return
                own.current.text = text
                latest.current.onText(text)
                clearTimeout(own.current.timer)
                own.current.timer = setTimeout(() => latest.current.onSettled(text), 350)
            },
            onRun: () => {
                if (own.current) {
                    clearTimeout(own.current.timer)
                    latest.current.onSettled(own.current.text)
                }
                latest.current.onRun()
            },
            suggest: suggester(client, project.id),
            check: checker(project.id),
        })
        own.current = { view, text: start, timer: undefined }
        latest.current.onView(view)
        return () => {
            // Leaving must not lose the last words.
            if (own.current && own.current.text !== latest.current.state.sql) latest.current.onSettled(own.current.text)
            clearTimeout(own.current?.timer)
            latest.current.onView(null)
            view.destroy()
            own.current = null
        }
    }, [client, project.id])
    const { sql } = props.state
    useEffect(() => {
        const mine = own.current
        if (!mine || mine.text === sql || mine.timer !== undefined && document.activeElement && mine.view.dom.contains(document.activeElement)) return
        mine.text = sql
        replaceText(mine.view, sql)
        latest.current.onText(sql)
        latest.current.onOther(sql)
    }, [sql])
    return <div ref={box} />
}
