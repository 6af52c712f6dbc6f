import { Frown, Laugh, Meh, Smile, Annoyed, ThumbsDown, ThumbsUp } from 'lucide-react'
import { useState, type CSSProperties, type ReactNode } from 'react'
import type { QuestionDraft, SurveyDraft } from './draft'

const faces = { 2: [ThumbsUp, ThumbsDown], 3: [Frown, Meh, Smile], 5: [Frown, Annoyed, Meh, Smile, Laugh] }

/** Black or white, whichever can be read on a colour. */
export function readableOn(colour: string): string {
    const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})/i.exec(colour)
    if (!hex) return '#ffffff'
    const [red = 0, green = 0, blue = 0] = hex.slice(1, 4).map((part) => parseInt(part, 16))
    return (red * 299 + green * 587 + blue * 114) / 1000 > 145 ? '#000000' : '#ffffff'
}

/** About what a visitor sees: browser SDKs draw the survey themselves, in these colours and words. */
export function Preview({ draft, shown }: { draft: SurveyDraft; shown: number }) {
    const { look } = draft
    const question = draft.questions[Math.min(shown, draft.questions.length - 1)]
    const card: CSSProperties = { background: look.backgroundColor, color: look.textColor, borderColor: look.borderColor }
    return (
        <figure className="m-0 flex flex-col gap-2">
            <figcaption className="text-sm text-ink-3">Preview</figcaption>
            <div className="flex min-h-[220px] items-center justify-center rounded-lg border border-line bg-sunken p-4">
                {draft.kind === 'api' ? (
                    <p className="max-w-[220px] text-center text-sm text-ink-3">Your code draws this one.</p>
                ) : question ? (
                    <div aria-label="Preview of the survey" role="group" className="w-[300px] max-w-full rounded-[10px] border p-4 shadow-float" style={card}>
                        <p className="text-[15px] font-[600] [overflow-wrap:anywhere]" dir="auto">
                            {question.question || 'Empty question'}
                        </p>
                        {question.description ? (
                            <p className="mt-1 text-sm opacity-80 [overflow-wrap:anywhere]" dir="auto">
                                {question.description}
                            </p>
                        ) : null}
                        <div className="mt-3">
                            <Answer key={question.id} question={question} border={look.borderColor} accent={look.submitButtonColor} />
                        </div>
                        <div className="mt-3 rounded-[6px] px-3 py-2 text-center text-sm font-[600]" style={{ background: look.submitButtonColor, color: readableOn(look.submitButtonColor) }} dir="auto">
                            {question.buttonText || 'Submit'}
                        </div>
                    </div>
                ) : null}
            </div>
            {look.thankYou && draft.kind !== 'api' ? (
                <p className="text-sm text-ink-3">
                    At the end: <span dir="auto">“{look.thankYouHeader}”</span>
                </p>
            ) : null}
        </figure>
    )
}

function Answer({ question, border, accent }: { question: QuestionDraft; border: string; accent: string }) {
    const [picked, setPicked] = useState<number[]>([])
    const box: CSSProperties = { borderColor: border }
    const chosen = (index: number): CSSProperties => (picked.includes(index) ? { background: accent, color: readableOn(accent), borderColor: accent } : box)
    const pick = (index: number) => setPicked(question.type === 'multiple_choice' ? (picked.includes(index) ? picked.filter((other) => other !== index) : [...picked, index]) : [index])
    const step = (index: number, name: string, label: ReactNode) => (
        <button key={index} type="button" aria-pressed={picked.includes(index)} aria-label={name} onClick={() => pick(index)} className="flex h-9 min-w-0 flex-1 items-center justify-center rounded-[6px] border text-sm" style={chosen(index)}>
            {label}
        </button>
    )
    switch (question.type) {
        case 'open':
            return <div className="h-[70px] rounded-[6px] border p-2 text-sm opacity-60" style={box} />
        case 'link':
            return null
        case 'rating': {
            const scale = question.scale ?? 5
            const set = question.display === 'emoji' ? faces[scale as 2 | 3 | 5] : undefined
            const first = scale === 10 ? 0 : 1
            return (
                <>
                    <div className="flex gap-1">
                        {set ? set.map((Face, index) => step(index, `${index + 1}`, <Face className="size-5" aria-hidden />)) : Array.from({ length: scale + 1 - first }, (_, index) => step(index, `${index + first}`, index + first))}
                    </div>
                    <div className="mt-1 flex justify-between gap-3 text-xs opacity-75">
                        <span dir="auto">{question.lowerBoundLabel}</span>
                        <span dir="auto">{question.upperBoundLabel}</span>
                    </div>
                </>
            )
        }
        case 'single_choice':
        case 'multiple_choice':
            return (
                <div className="flex max-h-[260px] flex-col gap-1.5 overflow-auto">
                    {(question.choices ?? []).map((choice, index) => (
                        <button key={index} type="button" aria-pressed={picked.includes(index)} onClick={() => pick(index)} className="rounded-[6px] border px-3 py-1.5 text-left text-sm [overflow-wrap:anywhere]" style={chosen(index)} dir="auto">
                            {choice || '…'}
                        </button>
                    ))}
                </div>
            )
    }
}
