/** A survey while it is being edited, and its way to and from the API. */

import type { Survey, SurveyConditions, SurveyKind, SurveyQuestion, SurveySchedule, QuestionType, UrlMatch } from '@/api/survey-types'
import type { PropertyFilter } from '@/api/types'

export const questionTypes: { value: QuestionType; label: string }[] = [
    { value: 'open', label: 'Own words' },
    { value: 'rating', label: 'Rating' },
    { value: 'single_choice', label: 'One choice' },
    { value: 'multiple_choice', label: 'Several choices' },
    { value: 'link', label: 'Link' },
]

export const kinds: { value: SurveyKind; label: string; hint: string }[] = [
    { value: 'popover', label: 'Popover', hint: 'Appears over the page when its conditions are met.' },
    { value: 'widget', label: 'Feedback button', hint: 'A button at the side of the page opens it.' },
    { value: 'api', label: 'Your own', hint: 'Your code shows it and sends the answers.' },
    { value: 'external_survey', label: 'Page', hint: 'A page of its own on this server, to link to.' },
]

export const maxQuestions = 50
const scales = [2, 3, 5, 7, 10] as const

/** A question with a name of its own, so that lists of them keep their places. */
export type QuestionDraft = SurveyQuestion & { id: string }

export type Look = { backgroundColor: string; textColor: string; submitButtonColor: string; borderColor: string; position: string; whiteLabel: boolean; thankYou: boolean; thankYouHeader: string; thankYouText: string; delay: number; widgetLabel: string; widgetColor: string }

export type SurveyDraft = {
    name: string
    description: string
    kind: SurveyKind
    questions: QuestionDraft[]
    url: string
    urlMatch: UrlMatch
    selector: string
    /** Days since somebody saw any survey. */
    waitDays: number | null
    events: string[]
    repeated: boolean
    linkedFlag: number | null
    /** Persons it is for; nobody is left out while there are none. */
    targeting: PropertyFilter[]
    rollout: number
    schedule: SurveySchedule
    iterations: number
    iterationDays: number
    limit: number | null
    partial: boolean
    look: Look
    /** What this editor does not show comes back as it was. */
    otherConditions: SurveyConditions
    otherAppearance: Record<string, unknown>
}

export const plainLook: Look = { backgroundColor: '#ffffff', textColor: '#1d1b19', submitButtonColor: '#1d1b19', borderColor: '#d8d4cf', position: 'right', whiteLabel: true, thankYou: true, thankYouHeader: 'Thank you for your feedback!', thankYouText: '', delay: 0, widgetLabel: 'Feedback', widgetColor: '#1d1b19' }

export function freshQuestion(type: QuestionType, question = '', id: string = crypto.randomUUID()): QuestionDraft {
    const base = { id, type, question, description: '', buttonText: 'Submit' }
    switch (type) {
        case 'open':
        case 'link':
            return { ...base, ...(type === 'link' ? { link: '', buttonText: 'Open' } : {}) }
        case 'rating':
            return { ...base, display: 'number', scale: 10, lowerBoundLabel: 'Unlikely', upperBoundLabel: 'Very likely' }
        case 'single_choice':
        case 'multiple_choice':
            return { ...base, choices: ['Yes', 'No'] }
    }
}

/** The same question asked in another way keeps its words, and its id while no answers depend on the type. */
export function withType(question: QuestionDraft, type: QuestionType): QuestionDraft {
    const fresh = freshQuestion(type, question.question)
    const choices = question.choices && fresh.choices ? { choices: question.choices, hasOpenChoice: question.hasOpenChoice, shuffleOptions: question.shuffleOptions } : {}
    return { ...fresh, ...choices, id: fresh.id, description: question.description, optional: question.optional }
}

export const emptyDraft: SurveyDraft = {
    name: '',
    description: '',
    kind: 'popover',
    questions: [freshQuestion('open', 'What could we do better?', 'first-question')],
    url: '',
    urlMatch: 'icontains',
    selector: '',
    waitDays: null,
    events: [],
    repeated: false,
    linkedFlag: null,
    targeting: [],
    rollout: 100,
    schedule: 'once',
    iterations: 2,
    iterationDays: 90,
    limit: null,
    partial: true,
    look: plainLook,
    otherConditions: {},
    otherAppearance: {},
}

export type Template = { name: string; about: string; questions: QuestionDraft[]; kind?: SurveyKind }

export const templates: Template[] = [
    { name: 'Open feedback', about: 'One question, answered in own words.', questions: [freshQuestion('open', 'What could we do better?', 'feedback')] },
    {
        name: 'Net promoter score',
        about: 'How likely people are to recommend you, and why.',
        questions: [freshQuestion('rating', 'How likely are you to recommend us to a friend or colleague?', 'nps'), { ...freshQuestion('open', 'What is the main reason for your answer?', 'reason'), optional: true }],
    },
    {
        name: 'Satisfaction',
        about: 'How happy people are with something, in five steps.',
        questions: [{ ...freshQuestion('rating', 'How satisfied are you with this?', 'csat'), display: 'emoji', scale: 5, lowerBoundLabel: 'Not at all', upperBoundLabel: 'Very much' }],
    },
    {
        name: 'Product–market fit',
        about: 'How people would feel without you.',
        questions: [{ ...freshQuestion('single_choice', 'How would you feel if you could no longer use this product?', 'fit'), choices: ['Not disappointed', 'Somewhat disappointed', 'Very disappointed'] }],
    },
    { name: 'Feedback button', about: 'Always there, opened by whoever has something to say.', kind: 'widget', questions: [freshQuestion('open', 'How can we help?', 'help')] },
]

const text = (value: unknown, otherwise = ''): string => (typeof value === 'string' ? value : otherwise)

export function draftOf(survey: Survey): SurveyDraft {
    const { url, urlMatchType, selector, seenSurveyWaitPeriodInDays, events, ...otherConditions } = survey.conditions ?? {}
    const appearance = survey.appearance ?? {}
    const group = survey.targeting_flag?.filters.groups?.[0]
    return {
        name: survey.name,
        description: survey.description ?? '',
        kind: survey.type,
        questions: survey.questions.map((question, index) => ({ ...question, id: question.id ?? `question-${index}` })),
        url: url ?? '',
        urlMatch: urlMatchType ?? 'icontains',
        selector: selector ?? '',
        waitDays: seenSurveyWaitPeriodInDays ?? null,
        events: (events?.values ?? []).map((event) => event.name),
        repeated: events?.repeatedActivation === true,
        linkedFlag: survey.linked_flag_id,
        targeting: group?.properties ?? [],
        rollout: group?.rollout_percentage ?? 100,
        schedule: survey.schedule,
        iterations: survey.iteration_count ?? emptyDraft.iterations,
        iterationDays: survey.iteration_frequency_days ?? emptyDraft.iterationDays,
        limit: survey.responses_limit,
        partial: survey.enable_partial_responses,
        look: {
            backgroundColor: text(appearance.backgroundColor, plainLook.backgroundColor),
            textColor: text(appearance.textColor, plainLook.textColor),
            submitButtonColor: text(appearance.submitButtonColor, plainLook.submitButtonColor),
            borderColor: text(appearance.borderColor, plainLook.borderColor),
            position: text(appearance.position, plainLook.position),
            whiteLabel: appearance.whiteLabel !== false,
            thankYou: appearance.displayThankYouMessage !== false,
            thankYouHeader: text(appearance.thankYouMessageHeader, plainLook.thankYouHeader),
            thankYouText: text(appearance.thankYouMessageDescription),
            delay: typeof appearance.surveyPopupDelaySeconds === 'number' ? appearance.surveyPopupDelaySeconds : 0,
            widgetLabel: text(appearance.widgetLabel, plainLook.widgetLabel),
            widgetColor: text(appearance.widgetColor, plainLook.widgetColor),
        },
        otherConditions: { ...otherConditions, ...(events ? { events } : {}) },
        otherAppearance: appearance,
    }
}

function conditionsOf(draft: SurveyDraft): SurveyConditions | null {
    const conditions: SurveyConditions = { ...draft.otherConditions }
    delete conditions.events
    if (draft.url !== '') Object.assign(conditions, { url: draft.url, urlMatchType: draft.urlMatch })
    if (draft.selector !== '') conditions.selector = draft.selector
    if (draft.waitDays !== null) conditions.seenSurveyWaitPeriodInDays = draft.waitDays
    if (draft.events.length > 0) {
        const before = draft.otherConditions.events?.values ?? []
        conditions.events = { ...draft.otherConditions.events, repeatedActivation: draft.repeated, values: draft.events.map((name) => before.find((event) => event.name === name) ?? { name }) }
    }
    return Object.keys(conditions).length > 0 ? conditions : null
}

function appearanceOf({ look, otherAppearance, kind }: SurveyDraft): Record<string, unknown> {
    return {
        ...otherAppearance,
        backgroundColor: look.backgroundColor,
        textColor: look.textColor,
        submitButtonColor: look.submitButtonColor,
        borderColor: look.borderColor,
        position: look.position,
        whiteLabel: look.whiteLabel,
        displayThankYouMessage: look.thankYou,
        thankYouMessageHeader: look.thankYouHeader,
        thankYouMessageDescription: look.thankYouText,
        surveyPopupDelaySeconds: look.delay,
        ...(kind === 'widget' ? { widgetType: otherAppearance.widgetType ?? 'tab', widgetLabel: look.widgetLabel, widgetColor: look.widgetColor } : {}),
    }
}

/** What is written to the API. */
export function bodyOf(draft: SurveyDraft): Record<string, unknown> {
    const everybody = draft.targeting.length === 0 && draft.rollout === 100
    return {
        name: draft.name.trim(),
        description: draft.description,
        type: draft.kind,
        questions: draft.questions,
        conditions: conditionsOf(draft),
        appearance: appearanceOf(draft),
        linked_flag_id: draft.linkedFlag,
        ...(everybody ? { remove_targeting_flag: true } : { targeting_flag_filters: { groups: [{ properties: draft.targeting, rollout_percentage: draft.rollout }] } }),
        schedule: draft.schedule,
        iteration_count: draft.schedule === 'recurring' ? draft.iterations : null,
        iteration_frequency_days: draft.schedule === 'recurring' ? draft.iterationDays : null,
        responses_limit: draft.limit,
        enable_partial_responses: draft.partial,
    }
}

export type Problems = { name?: string; questions: Record<string, string>; none?: string }

export function problemsOf(draft: SurveyDraft): Problems {
    const problems: Problems = { questions: {} }
    if (draft.name.trim() === '') problems.name = 'Give it a name to find it by.'
    if (draft.questions.length === 0) problems.none = 'Ask at least one question.'
    for (const question of draft.questions) {
        const wrong = questionProblem(question)
        if (wrong) problems.questions[question.id] = wrong
    }
    return problems
}

function questionProblem(question: QuestionDraft): string | undefined {
    if (question.question.trim() === '') return 'The question is empty.'
    if (question.choices && (question.choices.length === 0 || question.choices.some((choice) => choice.trim() === ''))) return 'Each choice needs some text.'
    if (question.choices && new Set(question.choices.map((choice) => choice.trim())).size < question.choices.length) return 'Two choices are the same.'
    if (question.type === 'link' && question.link && !/^(https:\/\/|mailto:)/.test(question.link)) return 'The link must begin with https:// or mailto:.'
    if (question.type === 'rating' && !scales.includes((question.scale ?? 0) as 5)) return 'Choose how many steps there are.'
    return undefined
}

export const hasProblems = (problems: Problems): boolean => Boolean(problems.name || problems.none) || Object.keys(problems.questions).length > 0

/** Answers that may lead to different questions: their key in `responseValues` and their words. */
export function answersOf(question: QuestionDraft): { key: string; label: string }[] {
    if (question.type === 'single_choice') return (question.choices ?? []).map((choice, index) => ({ key: String(index), label: choice }))
    if (question.type !== 'rating') return []
    switch (question.scale) {
        case 2:
            return [
                { key: 'positive', label: 'Up' },
                { key: 'negative', label: 'Down' },
            ]
        case 10:
            return [
                { key: 'detractors', label: '0 to 6' },
                { key: 'passives', label: '7 and 8' },
                { key: 'promoters', label: '9 and 10' },
            ]
        default: {
            const [low, high] = question.scale === 3 ? [1, 3] : question.scale === 7 ? [3, 5] : [2, 4]
            return [
                { key: 'negative', label: low === 1 ? '1' : `1 to ${low}` },
                { key: 'neutral', label: high - low === 2 ? String(low + 1) : `${low + 1} to ${high - 1}` },
                { key: 'positive', label: high === question.scale ? String(high) : `${high} to ${question.scale}` },
            ]
        }
    }
}

/** Questions in a new order or with one less: branches follow the questions they lead to. */
export function rearranged(before: QuestionDraft[], after: QuestionDraft[]): QuestionDraft[] {
    const moved = (index: number): number => after.findIndex((question) => question.id === before[index]?.id)
    return after.map((question) => {
        const branching = question.branching
        if (branching?.type === 'specific_question') {
            const index = moved(branching.index)
            return { ...question, branching: index === -1 ? null : { type: 'specific_question', index } }
        }
        if (branching?.type !== 'response_based') return question
        const entries = Object.entries(branching.responseValues)
            .map(([key, target]) => [key, typeof target === 'number' ? moved(target) : target] as const)
            .filter(([, target]) => target !== -1)
        return { ...question, branching: { type: 'response_based', responseValues: Object.fromEntries(entries) } }
    })
}

export type SurveyState = 'draft' | 'running' | 'ended' | 'archived'

export function stateOf(survey: Survey): SurveyState {
    if (survey.archived) return 'archived'
    if (!survey.start_date) return 'draft'
    return survey.end_date ? 'ended' : 'running'
}
