import { ArrowDown, ArrowUp, CopyPlus, Plus, Trash2, X } from 'lucide-react'
import { useState } from 'react'
import type { Branching, QuestionType } from '@/api/survey-types'
import { Button, IconButton } from '@/ui/button'
import { Checkbox, Segmented, Select } from '@/ui/choice'
import { Field, Input } from '@/ui/field'
import { Menu, MenuItem } from '@/ui/floating'
import { Panel } from '@/ui/panel'
import { answersOf, freshQuestion, maxQuestions, questionTypes, rearranged, withType, type Problems, type QuestionDraft } from './draft'

/** The questions in the order they are asked; one is open at a time, and the preview shows that one. */
export function Questions({ questions, problems, shown, onShow, onChange }: { questions: QuestionDraft[]; problems: Problems; shown: number; onShow: (index: number) => void; onChange: (questions: QuestionDraft[]) => void }) {
    const replace = (index: number, question: QuestionDraft) => onChange(questions.map((old, at) => (at === index ? question : old)))
    const move = (from: number, to: number) => {
        const next = [...questions]
        next.splice(to, 0, ...next.splice(from, 1))
        onChange(rearranged(questions, next))
        onShow(to)
    }
    const remove = (index: number) => {
        onChange(rearranged(questions, questions.filter((_, at) => at !== index)))
        onShow(Math.max(0, index - 1))
    }
    const insert = (question: QuestionDraft, at: number) => {
        const next = [...questions.slice(0, at), question, ...questions.slice(at)]
        onChange(rearranged(questions, next))
        onShow(at)
    }
    return (
        <section aria-label="Questions" className="flex min-w-0 flex-col gap-2.5">
            {problems.none ? (
                <p role="alert" className="text-sm text-bad">
                    {problems.none}
                </p>
            ) : null}
            {questions.map((question, index) => (
                <QuestionPanel
                    key={question.id}
                    index={index}
                    question={question}
                    all={questions}
                    open={index === shown}
                    problem={problems.questions[question.id]}
                    onOpen={() => onShow(index)}
                    onChange={(next) => replace(index, next)}
                    onUp={index > 0 ? () => move(index, index - 1) : undefined}
                    onDown={index < questions.length - 1 ? () => move(index, index + 1) : undefined}
                    onCopy={questions.length < maxQuestions ? () => insert({ ...question, id: crypto.randomUUID() }, index + 1) : undefined}
                    onRemove={questions.length > 1 ? () => remove(index) : undefined}
                />
            ))}
            <Menu
                align="start"
                trigger={
                    <Button kind="dashed" className="self-start" disabled={questions.length >= maxQuestions} title={questions.length >= maxQuestions ? `At most ${maxQuestions} questions` : undefined}>
                        <Plus className="size-4" aria-hidden /> Ask another question
                    </Button>
                }
            >
                {questionTypes.map((type) => (
                    <MenuItem key={type.value} onSelect={() => insert(freshQuestion(type.value), questions.length)}>
                        {type.label}
                    </MenuItem>
                ))}
            </Menu>
        </section>
    )
}

type PanelProps = {
    index: number
    question: QuestionDraft
    all: QuestionDraft[]
    open: boolean
    problem?: string
    onOpen: () => void
    onChange: (question: QuestionDraft) => void
    onUp?: () => void
    onDown?: () => void
    onCopy?: () => void
    onRemove?: () => void
}

function QuestionPanel({ index, question, all, open, problem, onOpen, onChange, onUp, onDown, onCopy, onRemove }: PanelProps) {
    const type = questionTypes.find((known) => known.value === question.type)
    return (
        <Panel label={`Question ${index + 1}`} className={open ? 'border-line-strong' : undefined}>
            <div className="flex min-h-[42px] items-center gap-1 pr-1.5 pl-4">
                <button type="button" aria-expanded={open} onClick={onOpen} className="flex min-w-0 flex-1 items-baseline gap-2.5 py-2 text-left">
                    <span className="shrink-0 text-ink-3">{index + 1}</span>
                    <span className="min-w-0 truncate font-[550]" dir="auto">
                        {question.question || 'Empty question'}
                    </span>
                    <span className="hidden shrink-0 text-sm text-ink-3 sm:inline">{type?.label}</span>
                </button>
                <IconButton label={`Move question ${index + 1} up`} disabled={!onUp} onClick={onUp}>
                    <ArrowUp aria-hidden />
                </IconButton>
                <IconButton label={`Move question ${index + 1} down`} disabled={!onDown} onClick={onDown}>
                    <ArrowDown aria-hidden />
                </IconButton>
                <IconButton label={`Repeat question ${index + 1}`} className="max-sm:hidden" disabled={!onCopy} onClick={onCopy}>
                    <CopyPlus aria-hidden />
                </IconButton>
                <IconButton label={`Remove question ${index + 1}`} disabled={!onRemove} onClick={onRemove}>
                    <Trash2 aria-hidden />
                </IconButton>
            </div>
            {problem ? (
                <p role="alert" className="px-4 pb-2 text-sm text-bad">
                    {problem}
                </p>
            ) : null}
            {open ? (
                <div className="flex flex-col gap-4 border-t border-line p-4">
                    <Select<QuestionType> label="Kind of answer" className="w-[180px]" value={question.type} options={questionTypes} onChange={(next) => next !== question.type && onChange(withType(question, next))} />
                    <Field label="Question">{(control) => <Input {...control} dir="auto" maxLength={10_000} value={question.question} onChange={(event) => onChange({ ...question, question: event.target.value })} />}</Field>
                    <Field label="Description (optional)">{(control) => <Input {...control} dir="auto" maxLength={10_000} value={question.description ?? ''} onChange={(event) => onChange({ ...question, description: event.target.value })} />}</Field>
                    {question.type === 'rating' ? <Rating question={question} onChange={onChange} /> : null}
                    {question.choices ? <Choices question={question} onChange={onChange} /> : null}
                    {question.type === 'link' ? (
                        <Field label="Leads to" hint="Begins with https:// or mailto:">
                            {(control) => <Input {...control} placeholder="https://cal.example.com/us" value={question.link ?? ''} onChange={(event) => onChange({ ...question, link: event.target.value })} />}
                        </Field>
                    ) : null}
                    <div className="flex flex-wrap items-end gap-x-6 gap-y-3">
                        <Field label="Button" className="w-[180px]">
                            {(control) => <Input {...control} dir="auto" maxLength={200} value={question.buttonText ?? ''} placeholder="Submit" onChange={(event) => onChange({ ...question, buttonText: event.target.value })} />}
                        </Field>
                        <Checkbox className="h-[30px]" label="May be skipped" checked={question.optional === true} onChange={(optional) => onChange({ ...question, optional })} />
                    </div>
                    <Next question={question} index={index} all={all} onChange={onChange} />
                </div>
            ) : null}
        </Panel>
    )
}

function Rating({ question, onChange }: { question: QuestionDraft; onChange: (question: QuestionDraft) => void }) {
    const emoji = question.display === 'emoji'
    const steps = emoji ? [2, 3, 5] : [5, 7, 10]
    const shape = (display: 'number' | 'emoji') => {
        const fits = display === 'emoji' ? [2, 3, 5] : [5, 7, 10]
        onChange({ ...question, display, scale: fits.includes(question.scale ?? 0) ? question.scale : 5, branching: null })
    }
    return (
        <div className="flex flex-col gap-3">
            <div className="flex flex-wrap gap-3">
                <Segmented
                    label="Shown as"
                    value={question.display ?? 'number'}
                    options={[
                        { value: 'number', label: 'Numbers' },
                        { value: 'emoji', label: 'Faces' },
                    ]}
                    onChange={shape}
                />
                <Segmented
                    label="Steps"
                    value={String(question.scale ?? 5)}
                    options={steps.map((step) => ({ value: String(step), label: step === 10 ? '0 to 10' : step === 2 ? 'Thumbs' : `1 to ${step}` }))}
                    onChange={(step) => onChange({ ...question, scale: Number(step), branching: null })}
                />
            </div>
            <div className="grid gap-3 sm:grid-cols-2">
                <Field label="Words at the low end">{(control) => <Input {...control} dir="auto" value={question.lowerBoundLabel ?? ''} onChange={(event) => onChange({ ...question, lowerBoundLabel: event.target.value })} />}</Field>
                <Field label="Words at the high end">{(control) => <Input {...control} dir="auto" value={question.upperBoundLabel ?? ''} onChange={(event) => onChange({ ...question, upperBoundLabel: event.target.value })} />}</Field>
            </div>
        </div>
    )
}

function Choices({ question, onChange }: { question: QuestionDraft; onChange: (question: QuestionDraft) => void }) {
    const choices = question.choices ?? []
    const open = question.hasOpenChoice === true
    const [fresh, setFresh] = useState(-1)
    const set = (next: string[]) => onChange({ ...question, choices: next })
    const add = () => {
        // Own words stay the last choice.
        const at = open ? choices.length - 1 : choices.length
        set([...choices.slice(0, at), '', ...choices.slice(at)])
        setFresh(at)
    }
    return (
        <fieldset className="flex flex-col gap-1.5">
            <legend className="mb-1 text-sm font-[550] text-ink-2">Choices</legend>
            {choices.map((choice, index) => (
                <div key={index} className="flex items-center gap-1.5">
                    <Input
                        aria-label={`Choice ${index + 1}`}
                        dir="auto"
                        autoFocus={index === fresh}
                        maxLength={1000}
                        value={choice}
                        onChange={(event) => set(choices.map((old, at) => (at === index ? event.target.value : old)))}
                        onKeyDown={(event) => {
                            if (event.key !== 'Enter') return
                            event.preventDefault()
                            add()
                        }}
                    />
                    {open && index === choices.length - 1 ? <span className="shrink-0 text-sm text-ink-3">own words</span> : null}
                    <IconButton label={`Remove choice ${index + 1}`} disabled={choices.length < 2} onClick={() => onChange({ ...question, choices: choices.filter((_, at) => at !== index), hasOpenChoice: open && index !== choices.length - 1, branching: null })}>
                        <X aria-hidden />
                    </IconButton>
                </div>
            ))}
            <div className="mt-1 flex flex-wrap items-center gap-x-5 gap-y-2">
                <Button size="small" kind="dashed" disabled={choices.length >= 200} onClick={add}>
                    <Plus className="size-3" aria-hidden /> Choice
                </Button>
                <Checkbox label="Offer own words" checked={open} onChange={(on) => onChange({ ...question, hasOpenChoice: on, choices: on ? [...choices, 'Other'] : choices.slice(0, -1) })} />
                <Checkbox label="In random order" checked={question.shuffleOptions === true} onChange={(shuffleOptions) => onChange({ ...question, shuffleOptions })} />
            </div>
        </fieldset>
    )
}

/** Where an answer leads: `next`, `end`, or the number of a question, as text for a list of options. */
const target = (value: string): number | 'end' | 'next_question' => (value === 'end' || value === 'next_question' ? value : Number(value))

function Next({ question, index, all, onChange }: { question: QuestionDraft; index: number; all: QuestionDraft[]; onChange: (question: QuestionDraft) => void }) {
    const branching = question.branching ?? { type: 'next_question' as const }
    const answers = answersOf(question)
    const places = [
        { value: 'next_question', label: index === all.length - 1 ? 'The end' : 'The next question' },
        ...(index === all.length - 1 ? [] : [{ value: 'end', label: 'The end' }]),
        ...all.flatMap((other, at) => (at === index ? [] : [{ value: String(at), label: `${at + 1}. ${other.question || 'Empty question'}` }])),
    ]
    const value = branching.type === 'specific_question' ? String(branching.index) : branching.type
    const set = (next: Branching | null) => onChange({ ...question, branching: next })
    const choose = (next: string) => {
        if (next === 'response_based') return set({ type: 'response_based', responseValues: {} })
        const to = target(next)
        set(typeof to === 'number' ? { type: 'specific_question', index: to } : { type: to })
    }
    if (all.length < 2) return null
    return (
        <div className="flex flex-col gap-2">
            <Field label="Then comes">
                {(control) => <Select id={control.id} label="Then comes" className="w-full max-w-[360px]" value={value} options={[...places, ...(answers.length > 0 ? [{ value: 'response_based', label: 'It depends on the answer' }] : [])]} onChange={choose} />}
            </Field>
            {branching.type === 'response_based'
                ? answers.map((answer) => (
                      <div key={answer.key} className="grid grid-cols-[minmax(0,120px)_minmax(0,1fr)] items-center gap-2 pl-3">
                          <span className="truncate text-sm text-ink-2" title={answer.label} dir="auto">
                              {answer.label}
                          </span>
                          <Select
                              label={`After ${answer.label}`}
                              className="max-w-[320px]"
                              value={String(branching.responseValues[answer.key] ?? 'next_question')}
                              options={places}
                              onChange={(next) => set({ type: 'response_based', responseValues: { ...branching.responseValues, [answer.key]: target(next) } })}
                          />
                      </div>
                  ))
                : null}
        </div>
    )
}
