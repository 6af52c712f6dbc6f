import { useState } from 'react'
import { Check, Copy } from 'lucide-react'
import { Button } from './button'
import { cx } from './classes'
import { complain } from './toast'

export async function copyText(text: string): Promise<void> {
    if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text)
    // Plain http on a LAN has no clipboard API; a selected text area still works there.
    const area = document.createElement('textarea')
    area.value = text
    area.style.position = 'fixed'
    area.style.opacity = '0'
    document.body.append(area)
    area.select()
    const done = document.execCommand('copy')
    area.remove()
    if (!done) throw new Error('The browser did not allow it. Select the text and copy it by hand.')
}

export function useCopy(): [copied: boolean, copy: (text: string) => void] {
    const [copied, setCopied] = useState(false)
    const copy = (text: string) => {
        copyText(text).then(
            () => {
                setCopied(true)
                setTimeout(() => setCopied(false), 1600)
            },
            (error: unknown) => complain(error, 'Not copied.')
        )
    }
    return [copied, copy]
}

export function CopyButton({ text, label, kind = 'plain', size = 'small', className }: { text: string; label: string; kind?: 'plain' | 'quiet' | 'primary'; size?: 'small' | 'normal'; className?: string }) {
    const [copied, copy] = useCopy()
    return (
        <Button kind={kind} size={size} className={className} onClick={() => copy(text)} aria-label={copied ? 'Copied' : label}>
            {copied ? <Check className="size-3.5" aria-hidden /> : <Copy className="size-3.5" aria-hidden />}
            {copied ? 'Copied' : label}
        </Button>
    )
}

export function Code({ text, label, className }: { text: string; label: string; className?: string }) {
    return (
        <div className={cx('relative min-w-0 rounded-md border border-line bg-sunken', className)}>
            <pre tabIndex={0} aria-label={label} className="max-h-[420px] overflow-auto p-3 pr-24 font-mono text-[12px] leading-[1.6] whitespace-pre">
                {text}
            </pre>
            <CopyButton text={text} label="Copy" className="absolute top-2 right-2" />
        </div>
    )
}

/** A short value (a key, an id) with its copy button. */
export function CopyLine({ text, label }: { text: string; label: string }) {
    const [copied, copy] = useCopy()
    return (
        <button
            type="button"
            onClick={() => copy(text)}
            title={copied ? 'Copied' : `Copy ${label}`}
            className="group inline-flex max-w-full items-center gap-1.5 rounded-sm font-mono text-[12px] hover:text-ink"
        >
            <span className="sr-only">{copied ? 'Copied' : 'Copy'} {label}: </span>
            <span className="truncate">{text}</span>
            {copied ? <Check className="size-3.5 shrink-0 text-good" aria-hidden /> : <Copy className="size-3.5 shrink-0 text-ink-3 opacity-60 group-hover:opacity-100" aria-hidden />}
        </button>
    )
}
