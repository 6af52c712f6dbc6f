import { SlidersHorizontal } from 'lucide-react'
import { lazy, Suspense, useRef, useState, type ReactNode } from 'react'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/floating'
import { Panel } from '@/ui/panel'
import { AnswerSkeleton } from './answer-frame'
import { asKind } from './carry'
import { FunnelAnswer } from './funnels/answer'
import { FunnelQuestion } from './funnels/question'
import { FunnelToolbar } from './funnels/toolbar'
import { KindTabs } from './kind-tabs'
import type { InsightState, Kind } from './kinds'
import { LifecycleAnswer } from './lifecycle/answer'
import { LifecycleQuestion, LifecycleToolbar } from './lifecycle/question'
import { PathsAnswer } from './paths/answer'
import { PathsQuestion, PathsToolbar } from './paths/question'
import type { Change } from './question-parts'
import { RetentionAnswer } from './retention/answer'
import { RetentionQuestion, RetentionToolbar } from './retention/question'
import { StickinessAnswer } from './stickiness/answer'
import { StickinessQuestion, StickinessToolbar } from './stickiness/question'
import { TrendsAnswer } from './trends/answer'
import { TrendsQuestion } from './trends/question'
import { TrendsToolbar } from './trends/toolbar'

/** The text editor is half of the code of this page, and most questions need none. */
const SqlEditor = lazy(() => import('./sql/editor').then((module) => ({ default: module.SqlEditor })))

/** One frame for every kind: what is asked stands left, the answer right; tabs at the top change the kind of question. */
export function Editor({ state, onChange }: { state: InsightState; onChange: Change<InsightState> }) {
    const left = useRef<Partial<Record<Kind, InsightState>>>({})
    const choose = (kind: Kind) => {
        left.current[state.kind] = state
        onChange(asKind(state, kind, left.current))
    }
    return (
        <>
            <KindTabs value={state.kind} onChange={choose} />
            <div role="tabpanel" id="insight-editor" aria-labelledby={`kind-${state.kind}`}>
                {state.kind === 'sql' ? (
                    <Suspense fallback={<AnswerSkeleton />}>
                        <SqlEditor state={state} onChange={onChange} />
                    </Suspense>
                ) : (
                    <Sides {...parts(state, onChange)} />
                )}
            </div>
        </>
    )
}

type Parts = { question: ReactNode; toolbar: ReactNode; answer: ReactNode }

function parts(state: Exclude<InsightState, { kind: 'sql' }>, onChange: Change<InsightState>): Parts {
    switch (state.kind) {
        case 'trends':
            return { question: <TrendsQuestion state={state} onChange={onChange} />, toolbar: <TrendsToolbar state={state} onChange={onChange} />, answer: <TrendsAnswer key="trends" state={state} onChange={onChange} /> }
        case 'funnels':
            return { question: <FunnelQuestion state={state} onChange={onChange} />, toolbar: <FunnelToolbar state={state} onChange={onChange} />, answer: <FunnelAnswer key="funnels" state={state} onChange={onChange} /> }
        case 'retention':
            return { question: <RetentionQuestion state={state} onChange={onChange} />, toolbar: <RetentionToolbar state={state} onChange={onChange} />, answer: <RetentionAnswer key="retention" state={state} /> }
        case 'paths':
            return { question: <PathsQuestion state={state} onChange={onChange} />, toolbar: <PathsToolbar state={state} onChange={onChange} />, answer: <PathsAnswer key="paths" state={state} onChange={onChange} /> }
        case 'stickiness':
            return { question: <StickinessQuestion state={state} onChange={onChange} />, toolbar: <StickinessToolbar state={state} onChange={onChange} />, answer: <StickinessAnswer key="stickiness" state={state} /> }
        case 'lifecycle':
            return { question: <LifecycleQuestion state={state} onChange={onChange} />, toolbar: <LifecycleToolbar state={state} onChange={onChange} />, answer: <LifecycleAnswer key="lifecycle" state={state} onChange={onChange} /> }
    }
}

/** The question beside its answer; on a phone the answer comes first and the question opens as a sheet. */
function Sides({ question, toolbar, answer }: Parts) {
    const [sheet, setSheet] = useState(false)
    return (
        <div className="grid items-start gap-[18px] md:grid-cols-[300px_minmax(0,1fr)]">
            <Panel label="Question" className="hidden md:block">
                {question}
            </Panel>
            <div className="min-w-0">
                <div className="mb-2 md:hidden">
                    <Button className="w-full" onClick={() => setSheet(true)}>
                        <SlidersHorizontal className="size-4" aria-hidden /> Change the question
                    </Button>
                </div>
                {toolbar}
                {answer}
            </div>
            <Dialog open={sheet} onOpenChange={setSheet} side="right" title="Question" footer={<Button onClick={() => setSheet(false)}>See the answer</Button>}>
                {question}
            </Dialog>
        </div>
    )
}
