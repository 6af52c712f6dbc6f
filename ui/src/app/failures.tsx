import { Link, useRouter } from '@tanstack/react-router'
import { buttonClass } from '@/ui/button'
import { Empty, Failed } from '@/ui/states'

export function MissingPage() {
    return (
        <main id="content">
            <Empty
                className="pt-[20vh]"
                title="There is no such page"
                action={
                    <Link to="/" className={buttonClass('primary')}>
                        Go to your project
                    </Link>
                }
            >
                The address may be mistyped, or what it named was deleted.
            </Empty>
        </main>
    )
}

/** A page that could not be shown; the rest of the app goes on. */
export function CrashPage({ error }: { error: unknown }) {
    const router = useRouter()
    return (
        <main id="content">
            <Failed className="pt-[20vh]" what="This page could not be shown" error={error} onRetry={() => void router.invalidate()} />
        </main>
    )
}
