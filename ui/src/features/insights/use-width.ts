import { useEffect, useState, type RefObject } from 'react'

/** The width of an element, followed as it changes. */
export function useWidth(element: RefObject<HTMLElement | null>): number {
    const [width, setWidth] = useState(0)
    useEffect(() => {
        const box = element.current
        if (!box) return
        setWidth(box.clientWidth)
        const observer = new ResizeObserver(() => setWidth(box.clientWidth))
        observer.observe(box)
        return () => observer.disconnect()
    }, [element])
    return width
}
