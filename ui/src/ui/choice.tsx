import { Checkbox as RadixCheckbox, Select as RadixSelect, Switch as RadixSwitch, ToggleGroup } from 'radix-ui'
import { Check, ChevronDown } from 'lucide-react'
import type { ReactNode } from 'react'
import { cx } from './classes'

export type Option<V extends string> = { value: V; label: string; hint?: string; disabled?: boolean }

export function Select<V extends string>({
    value,
    options,
    groups,
    onChange,
    label,
    className,
    id,
    placeholder,
}: {
    value: V | undefined
    options?: Option<V>[]
    groups?: { label: string; options: Option<V>[] }[]
    onChange: (value: V) => void
    label: string
    className?: string
    id?: string
    placeholder?: string
}) {
    const item = (option: Option<V>) => (
        <RadixSelect.Item
            key={option.value}
            value={option.value}
            disabled={option.disabled}
            className="flex min-h-[28px] cursor-default items-center justify-between gap-4 rounded-sm py-0.5 pr-2 pl-2.5 outline-none data-[disabled]:text-ink-3 data-[highlighted]:bg-sunken"
        >
            <span className="flex flex-col">
                <RadixSelect.ItemText>{option.label}</RadixSelect.ItemText>
                {option.hint ? <span className="text-xs text-ink-3">{option.hint}</span> : null}
            </span>
            <RadixSelect.ItemIndicator>
                <Check className="size-3.5" aria-hidden />
            </RadixSelect.ItemIndicator>
        </RadixSelect.Item>
    )
    return (
        <RadixSelect.Root value={value} onValueChange={(next) => onChange(next as V)}>
            <RadixSelect.Trigger
                id={id}
                aria-label={label}
                className={cx(
                    'flex h-[30px] min-w-0 items-center justify-between gap-1.5 rounded-md border border-line-strong bg-surface px-2.5 text-left hover:bg-sunken',
                    className
                )}
            >
                <span className="truncate">
                    <RadixSelect.Value placeholder={placeholder} />
                </span>
                <ChevronDown className="size-3.5 shrink-0 text-ink-3" aria-hidden />
            </RadixSelect.Trigger>
            <RadixSelect.Portal>
                <RadixSelect.Content
                    position="popper"
                    sideOffset={4}
                    collisionPadding={8}
                    className="appear z-50 max-h-(--radix-select-content-available-height) min-w-(--radix-select-trigger-width) overflow-hidden rounded-md border border-line bg-surface p-1 shadow-float"
                >
                    <RadixSelect.Viewport>
                        {options?.map(item)}
                        {groups?.map((group) => (
                            <RadixSelect.Group key={group.label}>
                                <RadixSelect.Label className="px-2.5 pt-2 pb-1 text-xs font-[550] text-ink-3">{group.label}</RadixSelect.Label>
                                {group.options.map(item)}
                            </RadixSelect.Group>
                        ))}
                    </RadixSelect.Viewport>
                </RadixSelect.Content>
            </RadixSelect.Portal>
        </RadixSelect.Root>
    )
}

/** One of a few, side by side. */
export function Segmented<V extends string>({
    value,
    options,
    onChange,
    label,
    className,
}: {
    value: V | null
    options: { value: V; label: ReactNode; name?: string; disabled?: boolean; hint?: string }[]
    onChange: (value: V) => void
    label: string
    className?: string
}) {
    return (
        <ToggleGroup.Root
            type="single"
            aria-label={label}
            value={value ?? ''}
            onValueChange={(next) => next && onChange(next as V)}
            className={cx('inline-flex h-[30px] shrink-0 overflow-hidden rounded-md border border-line-strong bg-surface', className)}
        >
            {options.map((option) => (
                <ToggleGroup.Item
                    key={option.value}
                    value={option.value}
                    disabled={option.disabled}
                    aria-label={option.name}
                    title={option.hint}
                    className="flex items-center gap-1.5 border-r border-line px-[11px] whitespace-nowrap text-ink-2 transition-colors duration-[120ms] last:border-r-0 hover:text-ink focus-visible:-outline-offset-2 disabled:text-ink-3 disabled:opacity-50 data-[state=on]:bg-sunken data-[state=on]:font-[560] data-[state=on]:text-ink [&_svg]:size-4"
                >
                    {option.label}
                </ToggleGroup.Item>
            ))}
        </ToggleGroup.Root>
    )
}

export function Switch({ checked, onChange, label, id, disabled }: { checked: boolean; onChange: (on: boolean) => void; label: string; id?: string; disabled?: boolean }) {
    return (
        <RadixSwitch.Root
            id={id}
            checked={checked}
            onCheckedChange={onChange}
            disabled={disabled}
            aria-label={label}
            className="relative h-[18px] w-[32px] shrink-0 rounded-full border border-line-strong bg-line-strong transition-colors duration-[120ms] disabled:opacity-50 data-[state=checked]:border-good data-[state=checked]:bg-good"
        >
            <RadixSwitch.Thumb className="block size-[14px] translate-x-px rounded-full bg-surface transition-transform duration-[120ms] data-[state=checked]:translate-x-[15px]" />
        </RadixSwitch.Root>
    )
}

export function Checkbox({ checked, onChange, label, children, className }: { checked: boolean; onChange: (on: boolean) => void; label: string; children?: ReactNode; className?: string }) {
    return (
        <label className={cx('flex cursor-pointer items-center gap-2', className)}>
            <RadixCheckbox.Root
                checked={checked}
                onCheckedChange={(state) => onChange(state === true)}
                aria-label={label}
                className="flex size-[16px] shrink-0 items-center justify-center rounded-[4px] border border-line-strong bg-surface data-[state=checked]:border-ink data-[state=checked]:bg-ink"
            >
                <RadixCheckbox.Indicator>
                    <Check className="size-3 text-bg" strokeWidth={3} aria-hidden />
                </RadixCheckbox.Indicator>
            </RadixCheckbox.Root>
            {children ?? <span>{label}</span>}
        </label>
    )
}
