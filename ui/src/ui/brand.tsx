export function Mark({ size = 22 }: { size?: number }) {
    return (
        <svg viewBox="0 0 24 24" width={size} height={size} aria-hidden>
            <path d="M3 17c0-6 4-10.5 9.5-10.5S21.5 10.5 21.5 15l-3.2 2.8H5.2z" fill="var(--accent)" />
            <path d="M5 11 3.5 8.5M8 8 7.2 5.2M12 6.5V3.6M16 7.5l1.2-2.6M19 10l2.3-1.6" stroke="var(--accent)" strokeWidth="1.7" strokeLinecap="round" fill="none" />
            <circle cx="17.8" cy="13.5" r="1.1" fill="var(--bg)" />
        </svg>
    )
}
