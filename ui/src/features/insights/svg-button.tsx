import type { ReactNode } from 'react'

/** A part of a drawing that does something: by click, and by keyboard like any other button. */
export function SvgButton({ label, onPress, onHover, children }: { label: string; onPress: () => void; onHover?: (on: boolean) => void; children: ReactNode }) {
    return (
        <g
            role="button"
            tabIndex={0}
            aria-label={label}
            className="cursor-pointer"
            onClick={onPress}
            onMouseEnter={onHover && (() => onHover(true))}
            onMouseLeave={onHover && (() => onHover(false))}
            onFocus={onHover && (() => onHover(true))}
            onBlur={onHover && (() => onHover(false))}
            onKeyDown={(event) => {
                if (event.key !== 'Enter' && event.key !== ' ') return
                event.preventDefault()
                onPress()
            }}
        >
            <title>{label}</title>
            {children}
        </g>
    )
}
