import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, type Completion, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { sql, SQLDialect } from '@codemirror/lang-sql'
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language'
import { linter, lintKeymap } from '@codemirror/lint'
import { EditorState, Prec, type Extension } from '@codemirror/state'
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers, placeholder, tooltips } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { askedAt, isQuoted, type Asked, type Mark } from './hogql'

/** What the editor asks of its surroundings. */
export type Surroundings = {
    onChange: (text: string) => void
    onRun: () => void
    /** Names that could stand at the cursor. */
    suggest: (text: string, asked: Asked, cursor: number, signal: AbortSignal) => Promise<Completion[]>
    check: (text: string) => Promise<Mark[]>
}

/** The words of HogQL; functions are the server's to complete. */
const keywords =
    'select distinct from where and or not in is null like ilike between case when then else end as on using join left right full inner outer cross any all asof semi anti array group by order asc desc nulls first last having limit offset ties with totals rollup cube grouping sets union intersect except prewhere qualify window over partition rows range preceding following unbounded current row interval exists cast extract cohort sample final fill step to values recursive settings'

const dialect = SQLDialect.define({ keywords, builtin: 'true false', types: 'string int integer float decimal date datetime uuid bool boolean array tuple map', identifierQuotes: '`', hashComments: true, backslashEscapes: true, operatorChars: '*+-%<>!=&|~^/?:' })

const colours = HighlightStyle.define([
    { tag: tags.keyword, color: 'var(--s1)', fontWeight: '600' },
    { tag: [tags.string, tags.special(tags.string)], color: 'var(--good)' },
    { tag: [tags.number, tags.bool, tags.null], color: 'var(--s4)' },
    { tag: [tags.comment, tags.lineComment, tags.blockComment], color: 'var(--ink-3)', fontStyle: 'italic' },
    { tag: [tags.operator, tags.punctuation], color: 'var(--ink-2)' },
    { tag: [tags.typeName, tags.standard(tags.name)], color: 'var(--s6)' },
])

const looks = EditorView.theme({
    '&': { fontSize: '13px', backgroundColor: 'transparent', color: 'var(--ink)' },
    '&.cm-focused': { outline: 'none' },
    '.cm-scroller': { fontFamily: 'var(--mono)', fontFeatureSettings: "'calt' 0", lineHeight: '1.6', minHeight: '150px', maxHeight: '46vh' },
    '.cm-content': { padding: '10px 0', caretColor: 'var(--ink)' },
    '.cm-cursor': { borderLeftColor: 'var(--ink)' },
    '.cm-gutters': { backgroundColor: 'transparent', color: 'var(--ink-3)', border: 'none', paddingLeft: '6px' },
    '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'color-mix(in oklch, var(--sunken) 70%, transparent)' },
    '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'color-mix(in oklch, var(--focus) 28%, transparent)' },
    '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--accent-soft)', outline: 'none' },
    '.cm-placeholder': { color: 'var(--ink-3)' },
    '.cm-tooltip': { backgroundColor: 'var(--surface)', border: '1px solid var(--line)', borderRadius: 'var(--radius)', boxShadow: 'var(--shadow)', overflow: 'hidden' },
    '.cm-tooltip.cm-tooltip-autocomplete': {
        '& > ul': { fontFamily: 'var(--mono)', fontSize: '12px', maxHeight: '260px' },
        '& > ul > li': { padding: '3px 10px', lineHeight: '1.5', color: 'var(--ink)' },
        '& > ul > li[aria-selected]': { backgroundColor: 'var(--sunken)', color: 'var(--ink)' },
    },
    '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '700' },
    '.cm-completionDetail': { color: 'var(--ink-3)', fontStyle: 'normal', fontFamily: 'var(--font)', marginLeft: '12px' },
    '.cm-diagnostic': { fontFamily: 'var(--font)', fontSize: '12.5px', padding: '5px 10px', color: 'var(--ink)' },
    '.cm-diagnostic-error': { borderLeft: '3px solid var(--bad)' },
    '.cm-diagnostic-warning': { borderLeft: '3px solid var(--warn)' },
    '.cm-diagnostic-info': { borderLeft: '3px solid var(--focus)' },
    '.cm-lintRange-error': { backgroundImage: 'none', textDecoration: 'underline wavy var(--bad) 1px', textUnderlineOffset: '3px' },
    '.cm-lintRange-warning': { backgroundImage: 'none', textDecoration: 'underline wavy var(--warn) 1px', textUnderlineOffset: '3px' },
    '.cm-lintPoint': { display: 'none' },
})

function completing(around: Surroundings): Extension {
    const source = async (context: CompletionContext): Promise<CompletionResult | null> => {
        const text = context.state.doc.toString()
        const asked = askedAt(text, context.pos)
        const begun = asked.word !== '' || text[asked.from - 1] === '.'
        if (isQuoted(text, context.pos) || (!begun && !context.explicit)) return null
        const abort = new AbortController()
        context.addEventListener('abort', () => abort.abort())
        const options = await around.suggest(text, asked, context.pos, abort.signal).catch(() => [])
        return options.length > 0 ? { from: asked.from, options, validFor: /^[\p{L}\p{N}_$]*$/u } : null
    }
    return autocompletion({ override: [source], icons: false, activateOnTypingDelay: 120 })
}

/** A text editor for HogQL. Tab is left to the page, so that nobody is caught in here. */
export function createEditor(parent: HTMLElement, text: string, around: Surroundings): EditorView {
    const run = () => {
        around.onRun()
        return true
    }
    const extensions: Extension[] = [
        Prec.highest(keymap.of([{ key: 'Mod-Enter', run }])),
        lineNumbers(),
        history(),
        drawSelection(),
        indentOnInput(),
        bracketMatching(),
        closeBrackets(),
        highlightActiveLine(),
        EditorView.lineWrapping,
        EditorState.tabSize.of(4),
        placeholder('SELECT … FROM events'),
        sql({ dialect, upperCaseKeywords: true }),
        syntaxHighlighting(colours),
        looks,
        // Outside the panel, which would cut them off.
        tooltips({ parent: document.body, position: 'fixed' }),
        completing(around),
        linter(async (view) => around.check(view.state.doc.toString()).catch(() => []), { delay: 350 }),
        keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap]),
        EditorView.contentAttributes.of({ 'aria-label': 'Query', spellcheck: 'false', autocapitalize: 'off', autocorrect: 'off' }),
        EditorView.updateListener.of((update) => {
            if (update.docChanged) around.onChange(update.state.doc.toString())
        }),
    ]
    const view = new EditorView({ parent, state: EditorState.create({ doc: text, extensions }) })
    // Lines are as high as the font says once it is there.
    void document.fonts.ready.then(() => view.requestMeasure())
    return view
}

/** Puts a text where the cursor is, and the cursor behind it. */
export function insert(view: EditorView, text: string): void {
    view.dispatch(view.state.replaceSelection(text), { scrollIntoView: true })
    view.focus()
}

/** Another text, as one step that can be undone. */
export function replaceText(view: EditorView, text: string): void {
    if (view.state.doc.toString() !== text) view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } })
}
