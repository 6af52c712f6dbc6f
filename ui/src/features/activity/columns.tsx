import { ArrowUp, Columns3, RotateCcw, X } from 'lucide-react'
import { useState } from 'react'
import { columnLabel } from '@/features/events/public'
import { PropertyList } from '@/features/filters/public'
import { Button, buttonClass } from '@/ui/button'
import { Popover } from '@/ui/floating'
import { defaultColumns } from './search'

const fixed = ['event', 'person', 'url', 'library', 'time', 'distinct_id']

/** Which columns, in which order; any property can be one. */
export function ColumnChooser({ columns, onChange }: { columns: string[]; onChange: (columns: string[]) => void }) {
    const [open, setOpen] = useState(false)
    const missing = fixed.filter((column) => !columns.includes(column))
    const raise = (index: number) => {
        const next = [...columns]
        const [moved] = next.splice(index, 1)
        if (moved !== undefined) next.splice(index - 1, 0, moved)
        onChange(next)
    }
    return (
        <Popover
            open={open}
            onOpenChange={setOpen}
            align="end"
            label="Columns"
            trigger={
                <button type="button" className={buttonClass('plain')} aria-label="Columns">
                    <Columns3 className="size-4" aria-hidden /> <span className="hidden sm:inline">Columns</span>
                </button>
            }
        >
            <div className="flex max-w-full flex-col md:flex-row">
                <div className="flex w-[250px] max-w-full flex-col border-b border-line p-2 md:border-r md:border-b-0">
                    <div className="flex items-center justify-between px-1 pb-1">
                        <h3 className="text-sm font-[600] text-ink-2">Shown</h3>
                        <Button kind="quiet" size="small" onClick={() => onChange(defaultColumns)}>
                            <RotateCcw className="size-3" aria-hidden /> Reset
                        </Button>
                    </div>
                    <ol className="max-h-[260px] overflow-auto">
                        {columns.map((column, index) => (
                            <li key={column} className="flex h-[28px] items-center gap-1 rounded-sm px-1.5 hover:bg-sunken">
                                <span className="min-w-0 flex-1 truncate" title={column}>
                                    {columnLabel(column)}
                                </span>
                                {index > 0 ? (
                                    <button type="button" aria-label={`Move ${columnLabel(column)} up`} className="rounded-sm p-1 text-ink-3 hover:text-ink" onClick={() => raise(index)}>
                                        <ArrowUp className="size-3.5" aria-hidden />
                                    </button>
                                ) : null}
                                {columns.length > 1 ? (
                                    <button
                                        type="button"
                                        aria-label={`Remove ${columnLabel(column)}`}
                                        className="rounded-sm p-1 text-ink-3 hover:text-ink"
                                        onClick={() => onChange(columns.filter((other) => other !== column))}
                                    >
                                        <X className="size-3.5" aria-hidden />
                                    </button>
                                ) : null}
                            </li>
                        ))}
                    </ol>
                    {missing.length > 0 ? (
                        <div className="mt-2 flex flex-wrap gap-1 border-t border-line pt-2">
                            {missing.map((column) => (
                                <Button key={column} kind="dashed" size="small" onClick={() => onChange([...columns, column])}>
                                    + {columnLabel(column)}
                                </Button>
                            ))}
                        </div>
                    ) : null}
                </div>
                <PropertyList
                    only={['event', 'person']}
                    onPick={(property) => {
                        const column = property.type === 'person' ? `person.properties.${property.key}` : `properties.${property.key}`
                        if (!columns.includes(column)) onChange([...columns, column])
                    }}
                />
            </div>
        </Popover>
    )
}
